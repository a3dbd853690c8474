/* See tail_lines.h.  The JSON becomes an event again, so that a line looks the same as in a query. */

#include "cli/tail_lines.h"

#include <errno.h>

#include "cli/event_read.h"

void tail_lines_init(struct tail_lines *lines, const struct print_options *print, uint64_t limit)
{
	struct screen screen = screen_open(print);

	*lines = (struct tail_lines){ .json = print->json, .limit = limit };
	event_lines_init(&lines->lines, &screen);
}

void tail_lines_release(struct tail_lines *lines)
{
	event_lines_release(&lines->lines);
}

static int finish(struct tail_lines *lines)
{
	lines->n_events++;
	return fflush(stdout) != 0 || (lines->limit > 0 && lines->n_events >= lines->limit);
}

static int print_dropped(struct tail_lines *lines, const json_t *dropped)
{
	const struct screen *screen = &lines->lines.screen;

	fprintf(stdout, "%s%lld events are not shown: they came faster than they could be printed%s\n",
		screen_colour(screen, COLOUR_YELLOW), (long long)json_integer_value(dropped),
		screen_end(screen, COLOUR_YELLOW));
	return fflush(stdout) != 0;
}

int tail_lines_print_event(struct tail_lines *lines, const struct event *event, struct span line)
{
	int r = 0;

	if (lines->json) {
		fwrite(line.data, 1, line.size, stdout);
		putchar('\n');
	} else {
		r = event_line_print(&lines->lines, event);
	}
	return r < 0 ? r : finish(lines);
}

int tail_lines_print(struct tail_lines *lines, struct span line)
{
	_cleanup_(event_freep) struct event *event = NULL;
	const json_t *dropped;
	json_t *json;
	int r;

	if (lines->json)
		return tail_lines_print_event(lines, NULL, line);
	json = json_loadb(line.data, line.size, JSON_ALLOW_NUL, NULL);
	dropped = json_object_get(json, "dropped");
	r = dropped ? print_dropped(lines, dropped) : event_read(&event, json);
	json_decref(json);
	return r < 0 || dropped ? r : tail_lines_print_event(lines, event, line);
}
