/* CSV for spreadsheets and scripts: one line an event, times in UTC whatever the reader's zone, every text
 * in the safe form of the terminal, so that a line is a line. */

#include "cli/event_csv.h"
#include "cli/event_line.h"
#include "cli/text.h"

static const char head[] =
	"time,id,sequence,category,action,outcome,process_entity_id,pid,executable,command_line,"
	"user,login_user,subject,detail\r\n";

void event_csv_head(struct buffer *out)
{
	buffer_append_text(out, head);
}

void csv_append(struct buffer *out, struct span value)
{
	_cleanup_(buffer_release) struct buffer safe = { 0 };
	struct span text;

	text_append_safe(&safe, value);
	text = buffer_span(&safe);
	if (text.size == 0 || !(memchr(text.data, '"', text.size) || memchr(text.data, ',', text.size))) {
		buffer_append_span(out, text);
		return;
	}
	buffer_append_byte(out, '"');
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"')
			buffer_append_byte(out, '"');
		buffer_append_byte(out, text.data[i]);
	}
	buffer_append_byte(out, '"');
}

static void put_context(struct buffer *out, const struct context *context)
{
	static const enum field texts[] = { FIELD_executable, FIELD_command_line, FIELD_user_name,
					    FIELD_auid_name };

	if (context && values_has(&context->values, FIELD_entity_id))
		buffer_append_hex(out, context->entity_id, 16);
	buffer_append_byte(out, ',');
	if (context && values_has(&context->values, FIELD_pid))
		buffer_append_u64(out, context->pid);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		buffer_append_byte(out, ',');
		if (context)
			csv_append(out, values_text(&context->values, texts[i]));
	}
}

void event_csv(struct buffer *out, const struct screen *screen, const struct event *event)
{
	_cleanup_(buffer_release) struct buffer part = { 0 };
	char id[EVENT_ID_MAX];

	buffer_append_time(out, event->time_ns);
	buffer_append_byte(out, ',');
	buffer_append(out, id, event_id(event, id));
	buffer_append_byte(out, ',');
	buffer_append_u64(out, event->sequence);
	buffer_printf(out, ",%s,%s,", categories[event_category(event)].name, kinds[event->kind].action);
	csv_append(out, values_text(&event->values, FIELD_outcome));
	buffer_append_byte(out, ',');
	put_context(out, event->context);
	buffer_append_byte(out, ',');
	event_append_subject(&part, screen, event);
	csv_append(out, buffer_span(&part));
	buffer_append_byte(out, ',');
	buffer_clear(&part);
	event_append_detail(&part, screen, event);
	csv_append(out, buffer_span(&part));
	buffer_append_text(out, "\r\n");
}
