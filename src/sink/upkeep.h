#pragma once
/* Keeps the file of a database and what lies beside it (-wal, -shm) within their bound, while it is written.
 *
 *	max_bytes	above it a cleaning is due, at the next of its times
 *	+ chunk_bytes	what all files together never exceed: near it a cleaning does not wait, and if it is of no use, since
 *			somebody reads an old state for ever and so keeps the -wal from being cut, nothing is written
 */

#include "sink/sink.h"
#include "sink/store.h"

struct upkeep_turn {
	uint64_t begun_ns;		/* of the last one; 0: none yet */
	uint64_t next_ns;		/* when it goes on, CLOCK_MONOTONIC */
	uint64_t goal_pages;		/* it ends when so many are used */
	bool is_on;
};

struct upkeep {
	struct database_limits limits;
	const char *path;		/* borrowed */
	int fd;				/* borrowed */
	sqlite3_stmt *rollback;		/* made ahead: where there is no memory for it, the next transaction could not begin */
	sqlite3 *db;			/* borrowed, as is */
	struct store *store;
	/* Made of the limits, in bytes. */
	uint64_t soft, urgent, file, hard;	/* used: cleaning is due, cannot wait; the file alone; all files */
	uint64_t step;			/* by which it grows */
	uint64_t grown;			/* to so much, as far as that was possible */
	uint64_t transaction;		/* most that one may write, as rows */
	uint64_t commit;		/* and what -wal takes of it at most */
	uint64_t checkpoint_pages;	/* of -wal, when it is copied back */
	uint64_t wal_room_pages;	/* that it has at most if no reader keeps it */
	/* As last seen. */
	uint64_t pages, free_pages, wal_pages, wal_copied;
	bool is_kept;			/* -wal goes on where it could have begun anew: somebody reads it */
	uint64_t waited_ns;		/* for readers, the last time */
	struct upkeep_turn cleaning, vacuum;
	bool is_held;			/* nothing may be written: there would be no room for it */
	uint64_t (*uptime_ns)(void);	/* of the host */
};

/* 0 or -errno.  The database is open and nobody else writes it; fd: of its file, open as long as this is (to close it drops the locks
 * of SQLite). */
int upkeep_open(struct upkeep *upkeep, sqlite3 *db, struct store *store, const char *path, int fd,
		const struct database_limits *limits);
int upkeep_set_limits(struct upkeep *upkeep, const struct database_limits *limits);
void upkeep_close(struct upkeep *upkeep);

/* After each commit.  May clean, if there is no time to wait.  < 0: a transaction was rolled back. */
int upkeep_committed(struct upkeep *upkeep);
/* Before a transaction that writes so much more than `transaction`: 0: there is room for it in the file and in the -wal. */
int upkeep_make_room(struct upkeep *upkeep, uint64_t bytes);
/* Now and then, outside of a transaction: what is due. */
int upkeep_due(struct upkeep *upkeep);
/* It could not be come to: what is due is so later. */
void upkeep_put_off(struct upkeep *upkeep);
/* When upkeep_due() has something to do, CLOCK_MONOTONIC; 0: nothing that cannot wait for the next commit. */
uint64_t upkeep_next_ns(const struct upkeep *upkeep);
/* All of the -wal, if nobody reads: before the end. */
void upkeep_copy_back(struct upkeep *upkeep);
/* is_held, after having tried whether it still is. */
bool upkeep_still_held(struct upkeep *upkeep);
/* There was no room in the file: is_held, if that is a reader's doing. */
bool upkeep_hold_if_pinned(struct upkeep *upkeep);
