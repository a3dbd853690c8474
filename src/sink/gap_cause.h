#pragma once
/* Causes of gaps in words a person can act on. */

struct gap_cause {
	const char *name;		/* as in the events */
	const char *why, *mend;
};

#define N_GAP_CAUSES 38
extern const struct gap_cause gap_causes[N_GAP_CAUSES];
/* NULL: it is none that this program knows. */
const struct gap_cause *gap_cause_find(const char *name);
