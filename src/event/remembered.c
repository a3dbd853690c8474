/* See remembered.h. */

#include "event/remembered.h"

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
