#pragma once
/* Events as programs read them, JSON or CSV, a line each: the same from every command. */

#include "cli/screen.h"
#include "sink/history.h"

struct event_format {
	bool csv;			/* else JSON */
	struct screen screen;
	struct event_json_options json;	/* borrowed from the history */
	struct buffer line;
};

int event_format_init(struct event_format *format, struct history *history, const struct screen *screen, bool csv);
void event_format_release(struct event_format *format);
/* The line of titles that CSV begins with. */
void event_format_head(struct event_format *format, FILE *out);
/* -ENOMEM.  What could not be written, ferror(out) tells. */
int event_format_write(struct event_format *format, FILE *out, const struct event *event);
