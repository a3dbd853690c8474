#pragma once
/* Enrichment: an event + who did it.  Keeps the table of processes; gives every event its context.
 *
 * Deterministic: the same events in the same order with the same answers of the functions in the options give the same
 * contexts.  It calls no clock and reads no file: what it wants to know of the host it asks through the options.
 *
 * Order: of one process, its fork (or snapshot) comes first, if it comes at all; a fork that comes after
 * the first event of the child is joined to it.  An exit may come long before the last events of the
 * process.  Forks of the proc connector may come before audit records of the parent that are older: what
 * the child took over from the parent is put right when those come. */

#include "event/event.h"
#include "event/file_version.h"
#include "event/remembered.h"
#include "event/socket_ends.h"

struct tracker_options {
	struct span boot_id;		/* copied; for entity ids */
	uint64_t boot_time_ns;		/* when the host booted, since 1970; 0: unknown */
	uint32_t ticks_per_second;	/* of start_ticks; 100 */
	uint32_t max_processes;		/* bound of the table; 0: 65536 */
	uint64_t grace_ns;		/* how long an ended process is remembered; 0: 30 s */
	uint64_t path_ns;		/* how long a path that was told stands for the descriptors of the file; 0: 300 s */
	/* Events of audit come later than those of another source, which alone says what a process is now; > 0: how coarse
	 * the clock is that they are stamped by. */
	uint64_t audit_lag_ns;
	/* Asks for a process (live: reads /proc).  Fills `ret` as decode does for a `snapshot` event.
	 * 0; -ESRCH: there is none, it has ended; another -errno: not known.  NULL function: never asked. */
	int (*lookup)(void *user, uint32_t pid, struct context *ret);
	/* What an open descriptor of a process names (live: /proc/PID/fd/FD), NUL-terminated: 0, or < 0:
	 * not known. NULL function: names relative to a descriptor stay as decode guessed them. */
	int (*resolve_fd)(void *user, uint32_t pid, int32_t fd, char *ret, size_t size);
	/* Both ends of a socket that a process has open (live: socket_lookup() of source/socket_lookup.h): 0, or < 0: not known.  NULL
	 * function: events have what their records say. */
	int (*resolve_socket)(void *user, uint32_t pid, int32_t fd, struct socket_ends *ret);
	/* Where a path leads now, links followed, seen from there (NULL: from where the recorder is; live: path_lookup() of
	 * source/path_lookup.h).  0; -EOPNOTSUPP, -ENODATA: nobody can tell; another error: nowhere, or nobody is there.
	 * NULL function: paths are normal by their text alone. */
	int (*resolve_path)(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
			    size_t size);
	/* What the host calls a path of a process of another mount namespace (live: mounts_host_path() of source/mounts.h), NUL-terminated:
	 * 0; 1: the mounts may have been others at time_ns; -ENOENT: the host does not see it; another -errno: not known.  NULL function:
	 * its paths stay as it sees them. */
	int (*host_path)(void *user, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size);
	/* The name of a user or group now (live: its passwd and group files), borrowed until the next question: 0, or < 0: none.
	 * NULL function: names are those of the records. */
	int (*resolve_name)(void *user, uint32_t id, bool is_group, uint64_t now_ns, struct span *ret);
	/* A version of a file that is run or mapped, and of which no hashes are known: whoever has them says so in an event recorder.hash.
	 * NULL function: nobody has.  hash_libraries: those that are mapped too. */
	bool hash_libraries;
	void (*hash)(void *user, const struct hash_wish *wish);
	/* A definition of a service or task, or a file of accounts, was touched, by a process that the tracker knows: whoever has looked at it
	 * says what has become of it in an event that is_found.  NULL function: nobody has. */
	void (*define)(void *user, struct span path);
	void *user;			/* of all these functions */
	size_t max_bytes;		/* bound of what the table holds; 0: 128 MiB */
};

struct tracker_stats {
	uint64_t processes;		/* in the table now */
	uint64_t bytes;			/* held by it now */
	uint64_t inferred;		/* made from an event or /proc because their beginning was not seen */
	uint64_t lookups;
	uint64_t evicted;		/* pushed out of the full table while still running */
	uint64_t reused_pids;		/* pids that began anew, the end of the one before unseen */
};

struct tracker;
int tracker_new(struct tracker **ret, const struct tracker_options *options);
struct tracker *tracker_free(struct tracker *tracker);
DEFINE_CLEANUP(struct tracker, tracker_free)
const struct tracker_stats *tracker_stats(const struct tracker *tracker);

/* Sets event->context (and, by kind, previous_executable, duration, target_*, names, absolute paths). 0:
 * go on.  1: the event says nothing new and is to be dropped (a second snapshot, an exit already seen):
 * counted as merged.  -ENOMEM. */
int tracker_event(struct tracker *tracker, struct event *event, const struct context *actor);

/* What is known of the processes that run, as the texts of RECORD_REMEMBERED, a line each.  0 or -ENOMEM. */
int tracker_put_processes(const struct tracker *tracker, uint64_t now_ns, struct buffer *text);
/* An image that such a record told, before anything else is known.  0 or -ENOMEM. */
int tracker_remember(struct tracker *tracker, const struct context *image, const struct remembered *about, uint64_t time_ns);
/* All that ran at that time has been told: *ret is the end of one that was remembered and is not among them; to be called until there is
 * none.  1, 0: none, or -ENOMEM. */
int tracker_next_gone(struct tracker *tracker, uint64_t time_ns, struct event **ret);

/* What is known of the process that has that pid on this host now: borrowed; NULL: nothing. */
struct context *tracker_context(const struct tracker *tracker, uint32_t pid);

/* Hashes of the files that the event is about have become known since.  0: they are in it, or nobody will tell any; 1: they are
 * pending still; -ENOMEM. */
int tracker_complete(const struct tracker *tracker, struct event *event);

/* From now on as with that audit_lag_ns. */
void tracker_set_audit_lag(struct tracker *tracker, uint64_t audit_lag_ns);
/* From now on the records are those of another run, of that boot, which knew nothing at its start.  0, or -EINVAL: no such id
 * can be. */
int tracker_begin_run(struct tracker *tracker, struct span boot_id, uint64_t boot_time_ns);

/* The clock was set back to `now_ns`. */
void tracker_follow_back(struct tracker *tracker, uint64_t now_ns);

/* Prunes what is older than the grace time.  Call now and then with stream time. */
void tracker_set_grace(struct tracker *tracker, uint64_t grace_ns);
void tracker_set_path_time(struct tracker *tracker, uint64_t path_ns);
void tracker_prune(struct tracker *tracker, uint64_t now_ns);
