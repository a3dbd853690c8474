#pragma once
/* The core, no threads: decode, assemble, track, filter in one function that its caller drives.
 * Time comes in with the records and as an argument; the same calls give the same events. */

#include "assemble/assemble.h"
#include "decode/audit.h"
#include "filter/filter.h"
#include "pipeline/balance.h"
#include "pipeline/shed.h"
#include "track/track.h"

#define PIPELINE_WAITING_BYTES ((size_t)16 << 20)
#define PIPELINE_HELD_BYTES ((size_t)64 << 20)

/* What may change while it runs; 0: as it is. */
struct pipeline_times {
	uint64_t timeout_ns;		/* EventAssemblerTimeoutMs */
	uint64_t prune_ns;		/* between two prunings of the table of processes */
	uint64_t grace_ns;		/* how long an ended process is remembered */
	uint64_t path_ns;		/* PathReassemblyTimeoutSecs */
	uint64_t signal_window_ns;	/* SignalWindowSecs */
	uint64_t collate_ns;		/* CollateWindowMs; 1: nothing is collated */
};

struct pipeline_options {
	struct assembler_options assembler;
	struct decoder_options decoder;
	struct tracker_options tracker;
	struct filter *filter;		/* borrowed; NULL: every event is wanted, streams = 1 */
	uint64_t prune_ns;		/* between two prunings of the table of processes; 0: 1 s */
	uint64_t signal_window_ns;	/* hits of a signal by one process are one event for so long; 0: 60 s */
	uint64_t collate_ns;		/* reads or writes of a file by one process likewise; 0: each is an event */
	const bool *wanted;		/* N_KINDS flags: kinds that settings leave on; NULL: all.  Borrowed, may change */
	const bool *not_from_audit;	/* N_KINDS flags: kinds that another source shows; NULL: none.  Borrowed */
	uint32_t own_pid;		/* what this process does is not recorded; 0: nobody */
	uint32_t manager_pid;		/* who started it; 0: not known */
	struct span guarded;		/* files and folders that nobody else is to change (guard.h), each ended by a NUL; borrowed */
	/* Answers what the tracker asks of /proc: the text of a RECORD_PROCESS, appended.  0; -ESRCH: there is no such
	 * process;  another error: not known.  NULL: nobody answers, but records marked lookup=1 (a capture of a live run) do. */
	int (*lookup)(void *user, uint32_t pid, struct buffer *text);
	/* What a descriptor of a process names, NUL-terminated: 0, or < 0: not known.  NULL as with lookup. */
	int (*resolve_fd)(void *user, uint32_t pid, int32_t fd, char *ret, size_t size);
	int (*resolve_socket)(void *user, uint32_t pid, int32_t fd, struct socket_ends *ret);
	/* Where a path leads, see tracker_options.  NULL as with lookup. */
	int (*resolve_path)(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
			    size_t size);
	/* What the host calls a path, see tracker_options.  NULL as with lookup. */
	int (*host_path)(void *user, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size);
	/* The name of an account, see tracker_options.  NULL as with lookup. */
	int (*resolve_name)(void *user, uint32_t id, bool is_group, uint64_t now_ns, struct span *ret);
	/* The hashes of a file are wanted, see tracker_options: somebody pushes a RECORD_DIGEST when they are known.  NULL: nobody. */
	void (*hash)(void *user, const struct hash_wish *wish);
	/* A definition was touched, see tracker_options: somebody pushes a RECORD_DEFINITION or RECORD_ACCOUNT when he has looked.  NULL: nobody. */
	void (*define)(void *user, struct span path);
	void *lookup_user;		/* of the seven */
	/* While *watch is not 0: told of each event of a child of own_pid, wanted or not, borrowed.  NULL: never. */
	const atomic_uint *watch;
	void (*watched)(void *user, const struct event *event);
	void *watch_user;
	bool decode_only;		/* neither track nor filter */
	/* Bounds of what waits in here: half of it for hashes, a quarter each for the end of a window by the one who collates and the one who
	 * counts signals, PIPELINE_WAITING_BYTES of each quarter if it is 0; for audit, 0: as above.  Those of assembler and tracker are theirs. */
	size_t waiting_bytes, held_bytes;
	/* Secrets are replaced (redaction.h) with this key, borrowed until pipeline_new() returns; NULL: never.  patterns: as with
	 * redaction_new(), those that a capture was made with come before them. */
	const unsigned char *redaction_key;
	struct span redaction_patterns;	/* borrowed */
	bool no_redaction;		/* they are not, but of a capture of a run in which they were */
};

struct pipeline_stats {
	struct balance balance;		/* without sinks */
	/* Sums of it: */
	uint64_t received;		/* records */
	uint64_t malformed;		/* records without a readable head */
	uint64_t events;		/* that came out of decode */
	uint64_t own;			/* of this process, dropped */
	uint64_t merged;		/* said nothing new */
	uint64_t filtered_out;
	uint64_t emitted;
	uint64_t signals;		/* emitted besides: signals that events set off */
	uint64_t no_memory;		/* records and events that were lost for want of it */
	uint64_t patterns_given_up;	/* see filter_given_up() */
	uint64_t held;			/* forks and exits that wait for audit now */
	uint64_t redacted;		/* secrets that were replaced */
	uint64_t waiting_bytes, held_bytes;	/* that wait now */
	uint64_t untold_ns;		/* from when on something is kept, or let go of, that nobody has been told of; UINT64_MAX: there is nothing */
	struct shed_stats shed;
	const struct decoder_stats *decoder;
	const struct assembler_stats *assembler;
	const struct tracker_stats *tracker;
};

struct pipeline;
/* emit takes the event. < 0 stops and is passed on. */
typedef int (*pipeline_fn)(void *user, struct event *event);
int pipeline_new(struct pipeline **ret, const struct pipeline_options *options, pipeline_fn emit, void *user);
struct pipeline *pipeline_free(struct pipeline *pipeline);
DEFINE_CLEANUP(struct pipeline, pipeline_free)
void pipeline_stats(const struct pipeline *pipeline, struct pipeline_stats *ret);

/* A record of type 0 is a line of an audit.log file.  A record without a time of receipt (a file) moves the clock
 * of the assembler by its own time.  0, or what emit returned, or -ENOMEM.  A malformed record is counted, not an
 * error. */
int pipeline_push(struct pipeline *pipeline, const struct record *record);
/* Releases what has become ripe by now_ns, and forgets what is old.  1: that made a difference, also to what is released later. */
int pipeline_advance(struct pipeline *pipeline, uint64_t now_ns);
/* The time up to which it has come. */
uint64_t pipeline_now_ns(const struct pipeline *pipeline);
/* Somebody set the host's clock back: what waits for a time comes out, and time goes on from there.  0, or as with push.  A
 * capture says it by a RECORD_CLOCK with back=1. */
int pipeline_follow_back(struct pipeline *pipeline, uint64_t now_ns);
/* For a capture: the clock as it is now, if a replay of what was pushed, and of the clocks that this gave, would not have
 * it from the times in the records; else 0. */
uint64_t pipeline_unsaid_clock(struct pipeline *pipeline);
/* What runs, as tracker_put_processes(). */
int pipeline_put_processes(const struct pipeline *pipeline, uint64_t now_ns, struct buffer *text);
/* The stream is over: everything comes out. */
int pipeline_drain(struct pipeline *pipeline);
uint64_t pipeline_next_ns(const struct pipeline *pipeline);	/* when to call pipeline_advance */
/* A source begins anew, after a time in which nobody watched: all comes out, and the processes are learned again.  0, or as with
 * push.  A capture says it by a RECORD_SETUP. */
int pipeline_begin_run(struct pipeline *pipeline);
/* What comes next is of another file: what one said of how secrets are replaced is not for the next.  0 or -ENOMEM. */
int pipeline_begin_file(struct pipeline *pipeline);
void pipeline_set_times(struct pipeline *pipeline, const struct pipeline_times *times);
void pipeline_set_filter(struct pipeline *pipeline, struct filter *filter);
