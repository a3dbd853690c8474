/* See event_format.h. */

#include "cli/event_format.h"

#include "cli/event_csv.h"

int event_format_init(struct event_format *format, struct history *history, const struct screen *screen, bool csv)
{
	struct history_stats stats = { 0 };
	int r = history_stats(history, &stats);

	*format = (struct event_format){ .csv = csv, .screen = *screen };
	format->json.host_id = span_of(stats.host_id);
	format->json.host_name = span_of(stats.host_name);
	format->json.boot_id = span_of(stats.boot_id);
	return r;
}

void event_format_release(struct event_format *format)
{
	buffer_release(&format->line);
}

void event_format_head(struct event_format *format, FILE *out)
{
	if (!format->csv)
		return;
	buffer_clear(&format->line);
	event_csv_head(&format->line);
	fwrite(format->line.data, 1, format->line.size, out);
}

int event_format_write(struct event_format *format, FILE *out, const struct event *event)
{
	int r;

	buffer_clear(&format->line);
	if (format->csv) {
		event_csv(&format->line, &format->screen, event);
	} else {
		event_json(&format->line, event, &format->json);
		buffer_append_byte(&format->line, '\n');
	}
	r = buffer_error(&format->line);
	if (r >= 0)
		fwrite(format->line.data, 1, format->line.size, out);
	return r;
}
