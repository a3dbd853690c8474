#pragma once
/* A line of a long work, written over itself on the standard error, if that is a terminal. */

#include "base/buffer.h"

struct progress {
	bool shown;
	uint64_t next_ns;
};

struct progress progress_open(bool quiet);
/* Ten times a second: it is time for another line. */
bool progress_is_due(struct progress *progress);
/* head, a bar of done out of total (0: not known, bytes), tail. */
void progress_show(const struct progress *progress, struct span head, uint64_t done, uint64_t total, struct span tail);
/* Takes the line away: before anything else is printed. */
void progress_end(const struct progress *progress);
