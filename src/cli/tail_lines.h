#pragma once
/* Prints events that come as lines of JSON. */

#include "cli/event_line.h"

struct tail_lines {
	struct event_lines lines;
	bool json;			/* as they are */
	uint64_t limit;			/* events; 0: no end */
	uint64_t n_events;
};

void tail_lines_init(struct tail_lines *lines, const struct print_options *print, uint64_t limit);
void tail_lines_release(struct tail_lines *lines);
/* 0; 1: that was the last, or nobody reads any more; -EINVAL: it is no event; -ENOMEM. */
int tail_lines_print(struct tail_lines *lines, struct span line);
/* The same for a line that was read already. */
int tail_lines_print_event(struct tail_lines *lines, const struct event *event, struct span line);
