/* See remembered.h.  Fields that this version does not know are passed over: they are of a later one. */

#include "decode/remembered.h"

#include <errno.h>

#include "decode/decoder.h"

static void set_inferred(struct context *image, struct span names)
{
	while (names.size > 0) {
		const char *comma = memchr(names.data, ',', names.size);
		size_t size = comma ? (size_t)(comma - names.data) : names.size;
		enum field field = field_lookup((struct span){ names.data, size });

		if (field < N_CONTEXT_FIELDS && values_has(&image->values, field))
			values_set_inferred(&image->values, field);
		size = MIN(size + 1, names.size);
		names.data += size;
		names.size -= size;
	}
}

static void set_field(struct context *image, const struct audit_pair *pair)
{
	enum field field = field_lookup(pair->key);
	uint64_t number;

	if (field >= N_CONTEXT_FIELDS)
		return;
	if (field_type_is_text(fields[field].type))
		value_set(&image->values, field, pair->value);
	else if (audit_u64(pair->value, &number))
		values_set_number(&image->values, field, number);
}

int decode_remembered(struct span body, struct remembered *ret_about, struct context *ret)
{
	struct remembered about = { 0 };
	struct span inferred = { NULL, 0 };
	struct audit_pair pair;
	uint64_t past;

	while (audit_next(&body, &pair)) {
		if (span_eq(pair.key, SPAN("id")))
			audit_u64(pair.value, &about.id);
		else if (span_eq(pair.key, SPAN("parent")))
			audit_u64(pair.value, &about.parent);
		else if (span_eq(pair.key, SPAN("past")))
			about.is_past = audit_u64(pair.value, &past) && past;
		else if (span_eq(pair.key, SPAN("ticks")))
			about.has_ticks = audit_u64(pair.value, &about.ticks);
		else if (span_eq(pair.key, SPAN("inferred")))
			inferred = audit_raw(pair.value);
		else
			set_field(ret, &pair);
	}
	if (about.id == 0 || !values_has(&ret->values, FIELD_pid) || !values_has(&ret->values, FIELD_entity_id))
		return -EINVAL;
	if (values_has(&ret->values, FIELD_args) && !values_has(&ret->values, FIELD_command_line))
		context_set_command_line(ret);
	set_inferred(ret, inferred);
	if (values_is_inferred(&ret->values, FIELD_args))
		values_set_inferred(&ret->values, FIELD_command_line);
	*ret_about = about;
	return 0;
}
