/* See remembered.h. */

#include "event/remembered.h"

#include <errno.h>
#include <string.h>

#include "event/record.h"

static void put_number(struct buffer *text, const char *key, uint64_t number)
{
	buffer_append_text(text, key);
	buffer_append_u64(text, number);
}

static bool is_kept(const struct context *image, enum field field)
{
	if (!values_has(&image->values, field))
		return false;
	if (field == FIELD_command_line && is_kept(image, FIELD_args))
		return false;		/* follows from them */
	return (field != FIELD_args && field != FIELD_command_line) ||
	       values_text(&image->values, field).size <= REMEMBERED_ARGS_MAX;
}

static void put_inferred(struct buffer *text, const struct context *image)
{
	bool is_first = true;

	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++) {
		if (!is_kept(image, field) || !values_is_inferred(&image->values, field))
			continue;
		buffer_append_text(text, is_first ? " inferred=\"" : ",");
		buffer_append_text(text, fields[field].name);
		is_first = false;
	}
	if (!is_first)
		buffer_append_byte(text, '"');
}

/* Whose id it is that begins at `at` in the line; false: none. */
static bool find_entity(struct span line, size_t *ret_at, uint64_t *ret)
{
	static const char key[] = " process.entity_id=";
	const char *at = memmem(line.data, line.size, key, strlen(key));
	const char *digit = at ? at + strlen(key) : NULL;

	if (!at)
		return false;
	*ret_at = (size_t)(at - line.data);
	for (*ret = 0; digit < line.data + line.size && *digit >= '0' && *digit <= '9'; digit++)
		*ret = *ret * 10 + (uint64_t)(*digit - '0');
	return true;
}

int remembered_let_go(struct buffer *lines, bool (*is_past)(void *user, uint64_t entity_id), void *user)
{
	static const char past[] = " past=1";
	struct span rest = buffer_span(lines);
	struct buffer next = { 0 };

	while (rest.size > 0) {
		const char *newline = memchr(rest.data, '\n', rest.size);
		struct span line = { rest.data, newline ? (size_t)(newline + 1 - rest.data) : rest.size };
		uint64_t entity_id;
		size_t at;

		rest.data += line.size;
		rest.size -= line.size;
		if (find_entity(line, &at, &entity_id) && !memmem(line.data, at, past, strlen(past)) && is_past(user, entity_id)) {
			buffer_append_span(&next, (struct span){ line.data, at });
			buffer_append_text(&next, past);
			line.data += at;
			line.size -= at;
		}
		buffer_append_span(&next, line);
	}
	if (buffer_error(&next) < 0) {
		buffer_release(&next);
		return -ENOMEM;
	}
	buffer_release(lines);
	*lines = next;
	return 0;
}

void remembered_put(struct buffer *text, const struct remembered *about, const struct context *image)
{
	put_number(text, " id=", about->id);
	put_number(text, " parent=", about->parent);
	if (about->is_past)
		buffer_append_text(text, " past=1");
	if (about->has_ticks)
		put_number(text, " ticks=", about->ticks);
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++) {
		if (!is_kept(image, field))
			continue;
		buffer_append_byte(text, ' ');
		buffer_append_text(text, fields[field].name);
		buffer_append_byte(text, '=');
		if (field_type_is_text(fields[field].type))
			record_put_text(text, values_text(&image->values, field));
		else
			buffer_append_u64(text, values_number(&image->values, field));
	}
	put_inferred(text, image);
}
