#pragma once
/* Gaps of a stretch of time, as every answer ends with them. */

#include "cli/screen.h"
#include "sink/history.h"

struct gap_range {
	uint64_t since_ns, until_ns;	/* 0: open */
};

/* Gaps that overlap the range, among them that before the history begins. As a table with a heading, or as
 * JSON objects of kind gap, one a line. How many, or -errno. */
int gaps_print(struct history *history, const struct gap_range *range, const struct screen *screen,
	       bool json);
