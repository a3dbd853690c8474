#pragma once
/* The table of processes: pid -> the incarnations of that pid that are still of interest, newest first.
 *
 * A process is found by its pid and its start, where the event tells that; else by pid and time: events of
 * a process arrive late (kauditd is behind the proc connector), when it has ended and even when its pid is
 * in use again. Ended processes therefore stay for a grace time. Bounded in number and in bytes; when full
 * the ended go first, then the running ones that were not heard of for longest. Inside `track` only. */

#include "event/context.h"

/* The clock of audit is the coarse one: a record may be stamped up to a tick (10 ms at HZ=100) before the
 * fork that it follows (kernel/auditsc.c, audit_log_start: ktime_get_coarse_real_ts64). */
#define PROCESS_SLACK_NS (20 * NS_PER_MS)
/* And longer when ticks stay out, as in a virtual machine that its host does not run (21 ms were seen): no pid comes
 * round so soon. */
#define PROCESS_LATE_CLOCK_NS (250 * NS_PER_MS)
/* Contexts of the same program image that are kept beside the current one. */
#define PROCESS_ALTERNATES 2

struct process {
	struct process *bucket_next, **bucket_link;	/* bucket_link: what points to this one */
	struct process *queue_next, *queue_prev;	/* of the running, or of the ended */
	struct process *parent;				/* NULL: unknown or forgotten */
	struct process *first_child, *sibling_next, *sibling_prev;	/* youngest first */

	struct context *context;			/* a reference */
	struct context *alternates[PROCESS_ALTERNATES];	/* a server that changes its ids to and fro */
	struct context *earlier;			/* the one before, for events that come late; NULL: none */
	uint64_t since_ns;				/* when it gave way to `context` */
	char *cwd;					/* now; NULL: that of the context */
	uint32_t cwd_size;
	size_t bytes;					/* what this process holds, as last counted */

	uint32_t pid;
	uint32_t node;					/* hash of the host's name in files; or 0 */
	uint32_t generation;				/* of what the context says of its session and its hashes */
	uint64_t start_ns;				/* since 1970; if inferred: when it was first seen */
	uint64_t ticks;					/* since boot, see has_ticks */
	uint64_t end_ns;
	uint64_t used_ns, queued_ns;
	uint64_t looked_up_ns;				/* when /proc was last asked for it; 0: never */
	bool has_ticks;
	bool start_inferred;
	bool announced;					/* its fork or snapshot has been an event */
	bool inherits;					/* still what its parent was at the fork */
	bool by_connector;				/* its fork may be ahead of the records around it */
	bool ended;
	bool end_known;					/* end_ns is set; else it is only known to be gone */
	bool end_by_connector;
	bool resolving;					/* its parents are being looked for */
	bool remembered;				/* ran when recording ended last; not heard of since */
};

struct process_table;

int process_table_new(struct process_table **ret, uint32_t max_processes, size_t max_bytes,
		      uint64_t grace_ns);
struct process_table *process_table_free(struct process_table *table);
DEFINE_CLEANUP(struct process_table, process_table_free)
uint32_t process_table_count(const struct process_table *table);
size_t process_table_bytes(const struct process_table *table);
uint64_t process_table_evicted(const struct process_table *table);	/* that were running */
/* Of those that run, and that have ended, in no order: the next is queue_next. */
struct process *process_first_running(const struct process_table *table);
struct process *process_first_ended(const struct process_table *table);

/* Forgets what must go so that n more fit. Pointers to processes from before are invalid afterwards. */
void process_table_make_room(struct process_table *table, uint32_t n);
void process_table_set_grace(struct process_table *table, uint64_t grace_ns);
/* Forgets the processes that ended more than the grace time ago. */
void process_table_prune(struct process_table *table, uint64_t now_ns);
/* A reboot: every process that was not heard of since has ended. */
void process_table_end_before(struct process_table *table, uint32_t node, uint64_t time_ns);

/* All of them, the running too. */
void process_table_clear(struct process_table *table, uint32_t node);
/* The clock was set back to `now_ns`: nothing was later than that, or it would stay until then. */
void process_table_follow_back(struct process_table *table, uint64_t now_ns);

/* The incarnation that an event of this time is about; NULL: none is known. */
struct process *process_find(const struct process_table *table, uint32_t node, uint32_t pid,
			     uint64_t time_ns);
struct process *process_newest(const struct process_table *table, uint32_t node, uint32_t pid);
/* The incarnation that is known to have begun then (ticks since boot); NULL: none. */
struct process *process_begun(const struct process_table *table, uint32_t node, uint32_t pid, uint64_t ticks);
/* A new incarnation, running, without a context. NULL: no memory, or the table is full (see make_room). */
struct process *process_add(struct process_table *table, uint32_t node, uint32_t pid, uint64_t start_ns);

void process_remove(struct process_table *table, struct process *process);
/* Takes the reference `context`. */
void process_set_context(struct process_table *table, struct process *process, struct context *context);
/* As above; the context before is kept as an alternate. */
void process_shift_context(struct process_table *table, struct process *process, struct context *context);
/* The alternate of that number becomes the context again, the context takes its place. */
void process_shift_back(struct process_table *table, struct process *process, unsigned alternate);
void process_drop_alternates(struct process_table *table, struct process *process);
/* The context is about to be another, as of this time: it is kept for events that come late. */
void process_keep_earlier(struct process_table *table, struct process *process, uint64_t time_ns);
/* The directory it is in now; one that the context has already is not kept twice. 0 or -ENOMEM. */
int process_set_cwd(struct process_table *table, struct process *process, struct span cwd);
/* It is in that of the context now. */
void process_clear_cwd(struct process_table *table, struct process *process);
struct span process_cwd(const struct process *process);

/* A parent that is below its own child (bad input) is not taken. */
void process_set_parent(struct process *process, struct process *parent);
void process_end(struct process_table *table, struct process *process, uint64_t end_ns, bool end_known);
void process_revive(struct process_table *table, struct process *process);
