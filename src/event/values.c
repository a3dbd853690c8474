/* Fields by number: what is generic about events and contexts.  The arena only grows; a text that is replaced stays
 * behind as waste until the object dies, which is soon. */

#include "event/values.h"

#include <stdlib.h>

static size_t member_size(enum field_type type)
{
	static const uint8_t size[] = {
		[TYPE_U32] = 4,	 [TYPE_U64] = 8,  [TYPE_I32] = 4,    [TYPE_I64] = 8,  [TYPE_BOOL] = 1,
		[TYPE_TIME] = 8, [TYPE_ID] = 8,	  [TYPE_MODE] = 4,   [TYPE_DEVICE] = 8, [TYPE_TEXT] = 8,
		[TYPE_STRING] = 8, [TYPE_PATH] = 8, [TYPE_LIST] = 8, [TYPE_IP] = 8,
	};

	return size[type];
}

void values_set_number(struct values *values, enum field field, uint64_t number)
{
	void *member = values_member(values, field);

	switch (member_size(fields[field].type)) {
	case 8:
		*(uint64_t *)member = number;
		break;
	case 4:
		*(uint32_t *)member = (uint32_t)number;
		break;
	default:
		*(bool *)member = number != 0;
	}
	values_set_known(values, field);
}

uint64_t values_number(const struct values *values, enum field field)
{
	const void *member = (const char *)values + fields[field].offset;

	switch (fields[field].type) {
	case TYPE_I32:
		return (uint64_t)(int64_t)*(const int32_t *)member;
	case TYPE_U32:
	case TYPE_MODE:
		return *(const uint32_t *)member;
	case TYPE_BOOL:
		return *(const bool *)member;
	default:
		return *(const uint64_t *)member;
	}
}

static __attribute__((noinline)) bool arena_grow(struct values *values, size_t size)
{
	size_t capacity = MAX((size_t)values->arena_capacity * 2, 256);
	char *arena;

	while (capacity < values->arena_size + size)
		capacity *= 2;
	if (size > UINT32_MAX / 2 || capacity > UINT32_MAX)
		return false;
	arena = values->arena_is_own ? realloc(values->arena, capacity) : malloc(capacity);
	if (!arena)
		return false;
	if (!values->arena_is_own && values->arena_size > 0)
		memcpy(arena, values->arena, values->arena_size);
	values->arena = arena;
	values->arena_capacity = (uint32_t)capacity;
	values->arena_is_own = true;
	return true;
}

static inline char *arena_room(struct values *values, size_t size)
{
	if (unlikely(size > values->arena_capacity - values->arena_size) && !arena_grow(values, size))
		return NULL;
	return values->arena + values->arena_size;
}

char *values_new_text(struct values *values, enum field field, size_t size)
{
	struct text *text = values_member(values, field);
	char *room = arena_room(values, size);

	if (unlikely(!room)) {
		values->failed = true;
		return NULL;
	}
	*text = (struct text){ values->arena_size, (uint32_t)size };
	values->arena_size += (uint32_t)size;
	values_set_known(values, field);
	return room;
}

void values_set_text(struct values *values, enum field field, struct span text)
{
	char *room = values_new_text(values, field, text.size);

	if (room && text.size > 0)
		memcpy(room, text.data, text.size);
}

void values_append_list(struct values *values, enum field field, struct span item)
{
	struct text *text = values_member(values, field);
	size_t had = values_has(values, field) ? text->size : 0;
	struct text old = *text;
	char *room;

	if (had > 0 && text->offset + text->size == values->arena_size) {
		/* The list is the last text: it grows in place. */
		room = arena_room(values, item.size + 1);
		if (!room) {
			values->failed = true;
			return;
		}
		text->size += (uint32_t)item.size + 1;
		values->arena_size += (uint32_t)item.size + 1;
	} else {
		room = values_new_text(values, field, had + item.size + 1);
		if (!room)
			return;
		if (had > 0)
			memcpy(room, values->arena + old.offset, had);
		room += had;
	}
	if (item.size > 0)
		memcpy(room, item.data, item.size);
	room[item.size] = 0;
}

void values_copy(struct values *to, const struct values *from, enum field field)
{
	if (!values_has(from, field)) {
		values_unset(to, field);
		return;
	}
	if (field_type_is_text(fields[field].type))
		values_set_text(to, field, values_text(from, field));
	else
		values_set_number(to, field, values_number(from, field));
	if (values_is_inferred(from, field))
		values_set_inferred(to, field);
	else
		to->inferred[field / 64] &= ~(UINT64_C(1) << (field % 64));
}

bool values_equal(const struct values *a, const struct values *b, enum field field)
{
	bool known = values_has(a, field);

	if (known != values_has(b, field))
		return false;
	if (!known)
		return true;
	if (field_type_is_text(fields[field].type))
		return span_eq(values_text(a, field), values_text(b, field));
	return values_number(a, field) == values_number(b, field);
}

bool list_next(struct span *rest, struct span *ret)
{
	const char *end;

	if (rest->size == 0)
		return false;
	end = memchr(rest->data, 0, rest->size);
	if (!end)
		end = rest->data + rest->size;	/* a list always ends in NUL; a foreign one may not */
	*ret = (struct span){ rest->data, (size_t)(end - rest->data) };
	if (ret->size < rest->size)
		*rest = (struct span){ end + 1, rest->size - ret->size - 1 };
	else
		*rest = (struct span){ end, 0 };
	return true;
}
