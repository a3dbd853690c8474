#pragma once
/* Events -> storage.  All functions of a sink are called from the writer thread. */

#include <errno.h>

#include "event/event.h"

struct sink;

/* Why a sink could not be opened, in words a person can act on. */
struct sink_error {
	char message[256];
};

/* -errno of a write that a database refuses since there is no room for it within its bound: somebody reads a state so old that its
 * -wal cannot be cut. */
#define SINK_HELD (-EUSERS)

/* How large a database may become, and what makes room in it. */
struct database_limits {
	uint64_t max_bytes;		/* above it the oldest is cleaned away; 0: never */
	uint64_t chunk_bytes;		/* the file grows by so much, and with all beside it exceeds max_bytes by so much at most */
	uint64_t clean_interval_ns;	/* from one cleaning to the next */
	uint64_t clean_pause_ns;	/* between two pieces of it */
	unsigned min_clean_percent, max_clean_percent;	/* of max_bytes, in one cleaning */
	uint64_t vacuum_interval_ns;	/* 0: never */
	uint8_t shares[N_CATEGORIES];	/* per cent of what there is that a category keeps in any case; 100 in sum at most */
};

struct sink_options {
	const char *path;		/* database file, or journal file */
	const char *host_id, *host_name, *boot_id;	/* may be NULL */
	uint64_t max_size_bytes;	/* journal: rotate above; 0: never */
	unsigned keep;			/* journal: old files kept */
	bool compress;			/* journal: the old files */
	bool bulk;			/* database: an import; a crash may lose it, nothing is set aside */
	struct database_limits database;
	const unsigned char *chain_key;	/* database: of 32 bytes, copied; NULL: a change of what is stored does not show (chain.h) */
	const char *const *subscription_names;	/* journal: by bit of event->streams, may be NULL; borrowed */
	struct sink_error *error;	/* may be NULL */
};

/* A head of a database's chain (chain.h): the link that ties down all up to a block. */
struct sink_head {
	bool known;
	uint64_t block;
	unsigned char link[16];
};

struct sink_report {
	uint64_t events;		/* stored since open, still so: what is in `lost` is not among them */
	uint64_t lost;			/* accepted by write, and lost since */
	uint64_t lost_of[N_CATEGORIES];	/* database: the same by category */
	uint64_t made;			/* database: events of its own, of category recorder, that it wrote besides; among those above */
	int last_error;			/* -errno of the last failure; 0: there was none */

	const char *path;		/* journal: its file, as long as the sink lives */
	unsigned torn_lines;		/* journal: half lines that a crash had left, cut off when the file was opened */
	int upkeep_error;		/* journal: -errno if the file could not be rotated, or an old one not compressed; nothing
					 * is lost by it, but the bound is not kept */

	/* Database: what the recorder before left behind. */
	bool existed;
	bool clean_stop;		/* false: it died; events after last_alive_ns may be missing */
	uint64_t last_alive_ns;		/* 0: unknown */
	uint64_t whole_ns;		/* until then all that is missing has been told of; 0: unknown */
	uint64_t last_event_ns;		/* time of the last event in the file that a source told; 0: unknown */
	uint64_t newest_event_ns;	/* the newest time of such events, which may be another's, or of before the clock was set back */
	uint64_t stopped_ns;		/* when it began to stop, as its last event says; 0: unknown */
	uint64_t created_ns;		/* when the file was begun; 0: unknown */
	char boot_id[64];		/* the boot it ran in; empty: unknown */

	/* Database: files that were damaged and are now beside the new one. */
	unsigned n_damaged;
	char damaged_path[512];		/* the last of them */
	unsigned n_removed;		/* files that somebody removed or replaced while they were written */
	struct sink_head head, closed_head;	/* of the last block, as it is now; of the last one that nothing is added to */
	bool held;			/* a reader keeps the -wal from being cut, and there is no room left: nothing is written */
	uint64_t next_ns;		/* flush is wanted at this time, CLOCK_MONOTONIC; 0: whenever */
};

struct sink_ops {
	const char *name;
	/* -EBUSY: another recorder writes it.  -EBADMSG: not ours, or of a newer schema; left alone. */
	int (*open)(struct sink **ret, const struct sink_options *options);
	/* Borrowed event.  A sink may keep references to event->context.  Sets event->sequence (database).
	 * < 0: the event is not stored (-ENOSPC, -EIO, -EBUSY, ...); the caller may try again or count it. */
	int (*write)(struct sink *sink, struct event *event);
	/* What was written so far is durable (database: commit) or at least in the kernel's hands (journal).
	 * Call it now and then even if nothing was written: it keeps `last_alive` fresh. */
	int (*flush)(struct sink *sink, uint64_t now_ns);
	/* The limits of the options are in force from now on, the rest of them is not looked at. */
	void (*set_limits)(struct sink *sink, const struct sink_options *options);
	/* Whatever is missing of the time before has been told of (written as gaps).  NULL: who reads it does not ask. */
	void (*set_whole)(struct sink *sink, uint64_t whole_ns);
	void (*report)(const struct sink *sink, struct sink_report *ret);
	struct sink *(*free)(struct sink *sink);
};

extern const struct sink_ops sink_database, sink_journal;
