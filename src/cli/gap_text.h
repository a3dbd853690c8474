#pragma once
/* Gaps of a stretch of time, as every answer ends with them. */

#include "cli/screen.h"
#include "sink/history.h"

struct gap_range {
	uint64_t since_ns, until_ns;	/* 0: open */
};

enum gaps_form {
	GAPS_TABLE,			/* with a heading */
	GAPS_EXPLAINED,			/* so too, and behind it what the causes mean and what mends them */
	GAPS_JSON,			/* objects of kind gap, one a line */
};

/* Gaps that overlap the range, among them that before the history begins.  How many, or -errno. */
int gaps_print(struct history *history, const struct gap_range *range, const struct screen *screen, enum gaps_form form);
