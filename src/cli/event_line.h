#pragma once
/* An event as one line:
 *	10:28:58.123  alice>root  bash[812]  exec  /tmp/probe-ls /etc */

#include "cli/screen.h"
#include "event/event.h"

/* Widths grow with what is printed, so that lines stay aligned without knowing what comes. */
struct event_lines {
	struct screen screen;
	bool with_origin;		/* alice@203.0.113.7>root: where the login came from too */
	bool marks;			/* a column in front for event_line_mark() */
	bool is_marked;
	size_t widths[3];
	int day;			/* of the last line; a new one gets a heading */
	bool begun;
	struct buffer raw, text, line;	/* scratch */
};

void event_lines_init(struct event_lines *lines, const struct screen *screen);
void event_lines_release(struct event_lines *lines);
/* Makes room for an event that will be printed, so that lines before it are aligned with it. */
void event_line_measure(struct event_lines *lines, const struct event *event);
/* Whether those that are printed from now on are the ones that are meant, among others; with `marks` alone. */
void event_line_mark(struct event_lines *lines, bool is_marked);
/* Prints; -ENOMEM. */
int event_line_print(struct event_lines *lines, const struct event *event);

/* Parts of a line, raw bytes. */
void event_append_user(struct buffer *out, const struct context *context);	/* alice>root */
void event_append_login(struct buffer *out, const struct context *context);	/* alice@203.0.113.7>root */
void event_append_process(struct buffer *out, const struct context *context);	/* bash[812] */
void event_append_subject(struct buffer *out, const struct screen *screen, const struct event *event);
void event_append_detail(struct buffer *out, const struct screen *screen, const struct event *event);
enum colour event_colour(const struct event *event);
