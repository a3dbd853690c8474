#pragma once
/* A copy of the database as it was at one moment, made while somebody records into it. */

#include "sink/sink.h"

struct snapshot;

struct snapshot_options {
	const char *database, *destination;
	bool replace;			/* a file that is there */
	uint64_t step_bytes;		/* of a write */
	uint64_t spare_bytes;		/* room that must be left beside the copy */
};

/* -EEXIST; -ENOSPC; -ENOENT: there is no database; -errno; *error says why. */
int snapshot_open(struct snapshot **ret, const struct snapshot_options *options, struct sink_error *error);
/* Writes some more.  1: there is more; 0: the copy is whole, and there; -errno, *error says why. */
int snapshot_step(struct snapshot *snapshot, struct sink_error *error);
void snapshot_progress(const struct snapshot *snapshot, uint64_t *ret_done, uint64_t *ret_total);
/* Of one that did not become whole nothing is left. */
struct snapshot *snapshot_free(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot, snapshot_free)
