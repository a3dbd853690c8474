#pragma once
/* A copy of the database in portions, as the settings want them: SnapshotWriteSizeMB every SnapshotWriteIntervalMs, and
 * SnapshotExtraSizeRequiredMB that must stay free.  For the daemon, and for `recorder snapshot` without one. */

#include "control/settings.h"
#include "sink/snapshot.h"

struct snapshot_task {
	const char *database, *destination;
	bool replace;
	/* Between two portions: how far it is, and how long to wait.  false: give up. */
	bool (*pause)(void *user, uint64_t done, uint64_t total, uint64_t ns);
	void *user;
};

/* 0: *ret_bytes is the size of the copy; -ECANCELED: given up; -errno, *error says why. */
int snapshot_make(const struct snapshot_task *task, const struct settings *settings, uint64_t *ret_bytes,
		  struct sink_error *error);
