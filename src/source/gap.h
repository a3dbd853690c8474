#pragma once
/* A gap that a source found, as a record. */

#include "event/record.h"

struct gap {
	uint64_t begin_ns, end_ns;	/* since 1970; what came in between may be missing */
	const char *class_name;		/* "all", "process" */
	const char *cause;
	const char *unit;		/* of the count; NULL: events */
	bool count_known, exact;
	uint64_t count;
};

/* number: tells gaps of one source apart that have the same time.  What emit returned. */
int gap_emit(const struct gap *gap, uint64_t now_ns, uint64_t number, record_fn emit, void *user);
