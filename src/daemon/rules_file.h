#pragma once
/* The recorder's audit rules as a file of the host: /etc/audit/rules.d/recorder.rules, which augenrules puts in front of `-e 2`. */

#include <stdbool.h>
#include <stdint.h>

struct rules_file {
	bool stale;			/* the rules have changed since */
	uint64_t looked_ns;		/* CLOCK_MONOTONIC; 0: never */
	unsigned n_lines;		/* rules that are to stand in it, be there one or not */
	unsigned n_absent;		/* of them the kernel, which is locked, does not have */
	bool is_there;			/* and they do */
	bool will_lock;			/* the host's files lock the kernel that reads it (`-e 2`), behind it */
	bool will_panic;		/* and have it panic when it loses a record (`-f 2`) */
	bool is_for_lock;		/* the rules that were loaded last are those that a locked kernel counts, as it will be */
	char problem[384];		/* why not; empty: nothing is wrong */
};
