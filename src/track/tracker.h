#pragma once
/* What the files of `track` share. */

#include "base/buffer.h"
#include "track/definitions.h"
#include "track/digests.h"
#include "track/file_names.h"
#include "track/folder.h"
#include "track/process.h"
#include "track/resolved.h"
#include "track/session.h"
#include "track/track.h"

/* The fields of a context are all in the first word of values.known. */
_Static_assert(N_CONTEXT_FIELDS <= 64, "context fields fill more than a word");
#define BIT(member) (UINT64_C(1) << FIELD_##member)

/* Processes that a single event can add: its own, the one acted upon, and the ancestors of both. */
#define TRACKER_ROOM (2 * (CONTEXT_MAX_DEPTH + 2))

/* Contexts of events that name a login but no process, kept to be shared. */
#define TRACKER_ANONYMOUS 8

#define HOST_INIT   1u			/* who sees the host's files: the first process of its pid namespace */

struct tracker {
	struct tracker_options options;
	uint64_t tick_ns;
	struct process_table *table;
	struct context *scratch;		/* what `lookup` fills */
	struct context *anonymous[TRACKER_ANONYMOUS];
	unsigned next_anonymous;
	struct buffer path, root;
	struct folders *folders;
	struct file_names *file_names;
	struct sessions *sessions;
	struct resolved *resolved;
	struct digests *digests;
	struct definitions *definitions;
	struct images *images;			/* that are remembered; NULL: none, or all that runs has been told */
	uint64_t remembered_ns;			/* as of then */
	struct process *gone_next;		/* while ends are told: where to look on; first among the running, then the ended */
	bool is_telling, has_told_running;
	struct buffer node;			/* host that the event names, and its hash; or empty, 0 */
	uint32_t node_hash;
	uint32_t shutdown_node;
	uint64_t shutdown_ns;			/* when that host was last told to stop */
	struct tracker_stats stats;
	char boot_id[64];
};

/* When a process came to be, as far as it is known. */
struct birth {
	uint64_t time_ns;		/* since 1970 */
	uint64_t ticks;			/* since boot, if has_ticks */
	bool has_ticks;
	bool inferred;			/* time_ns is that of its first event */
};

/* image.c: making contexts. All return 0 or -ENOMEM; *ret is one reference. */

/* Fields in which the actor of an event says other, or more, than the context. */
uint64_t image_changes(const struct context *context, const struct context *actor);
/* Of two paths: the mark of a file that is gone does not count. */
bool image_same_program(struct span a, struct span b);
/* Nothing is known but what `actor` (may be NULL) says, and what /proc shows (may be NULL), which is
 * inferred. is_snapshot: `actor` is all that can be known of the process, else what one event says of it. */
int image_inferred(struct tracker *tracker, const struct context *actor, const struct context *proc,
		   bool is_snapshot, uint32_t pid, const struct birth *birth, uint64_t now_ns,
		   struct context **ret);
/* The child of `parent`, as fork() leaves it; `parent` may be NULL. */
int image_child(struct tracker *tracker, const struct process *child, uint32_t ppid,
		const struct process *parent, struct context **ret);
/* Fields that `from` knows and the context does not, if both are of the same program. */
uint64_t image_news(const struct context *context, const struct context *from);
/* Fields that the context has concluded and `from`, of the same program, says likewise. */
uint64_t image_confirmed(const struct context *context, const struct context *from);
/* What a context that is not published yet does not know, from that of the parent, if both run the same
 * program. */
void image_inherit(struct context *context, const struct context *parent);
/* What exec makes of the process. */
int image_exec(struct tracker *tracker, const struct process *process, const struct context *actor,
	       uint64_t now_ns, struct context **ret);
/* The context with these fields of the actor. */
int image_changed(struct tracker *tracker, const struct context *context, const struct context *actor,
		  uint64_t changes, uint64_t now_ns, struct context **ret);
/* Names of the ids, where the context has none. */
void image_names(struct tracker *tracker, struct context *context, uint64_t now_ns);
void image_set_birth(struct tracker *tracker, struct context *context, uint32_t pid,
		     const struct birth *birth);

/* lineage.c: who descends from whom. */

/* Gives the process its next context (takes the reference) and lets its children follow: those forked
 * since_ns or later took over what this one says (`inherit`), the others only name it as their parent.
 * since_ns 0: all. */
int lineage_change(struct tracker *tracker, struct process *process, struct context *context,
		   uint64_t since_ns, bool inherit);
/* The latter half: the process has its next context already, `before` is the one its children know. */
int lineage_follow(struct tracker *tracker, struct process *process, const struct context *before,
		   uint64_t since_ns, bool inherit);

/* infer.c: processes whose beginning was not seen. */

/* The process an event of this time is about, found or made. actor: what the event says of it, NULL:
 * nothing (it is a parent or a target). *ret_fresh (may be NULL): it was made just now. 0 or -ENOMEM. */
int tracker_process(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor,
		    bool is_exec, struct process **ret, bool *ret_fresh);
/* As above for the end of a process: /proc has nothing any more. */
int tracker_ended_process(struct tracker *tracker, uint32_t pid, uint64_t time_ns,
			  const struct context *actor, struct process **ret, bool *ret_fresh);
/* As above of one that the event itself shows whole (a snapshot): made, in any case. */
int tracker_seen_process(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor,
			 struct process **ret);
/* Asks /proc again where the process belongs (container, unit): systemd and container runtimes move it
 * there after the fork. */
int tracker_refresh_unit(struct tracker *tracker, struct process *process, uint64_t time_ns);
/* Asks /proc for what the process has changed: the field.  Of one that has ended since it is not known. */
int tracker_refresh(struct tracker *tracker, struct process *process, enum field field, uint64_t time_ns);
/* actor->start, if it is known, as decode gives it (since boot). */
struct birth tracker_birth(const struct tracker *tracker, const struct context *actor, uint64_t time_ns);

/* life.c: 0, 1 (nothing new) or -ENOMEM. */
int life_fork(struct tracker *tracker, struct event *event, const struct context *actor);
int life_exec(struct tracker *tracker, struct event *event, const struct context *actor);
int life_exit(struct tracker *tracker, struct event *event, const struct context *actor);
int life_snapshot(struct tracker *tracker, struct event *event, const struct context *actor);

/* remembered.c: 0 or -ENOMEM. */

/* A process of the snapshot, which was remembered: what has become of it since. */
int remembered_meet(struct tracker *tracker, struct process *process, struct event *event, const struct context *actor);
/* One that was not, and began then. */
void remembered_miss(const struct tracker *tracker, struct event *event, uint64_t start_ns);
void remembered_release(struct tracker *tracker);

/* login.c: 0 or -ENOMEM. */

/* Before the process is looked at: the kernel gives it a number of a session, and what was known of that number was of another boot. */
void login_begin(struct tracker *tracker, const struct event *event, const struct context *actor);
/* The session that the record speaks of, for all its processes.  leader: what the process was then. */
int login_tell(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor,
	       const struct context *leader);
/* The kernel gave the process a login: audit alone tells of that, the programs only of what the process does next. */
int login_take(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor);

/* paths.c: an event of a file.  0 or -ENOMEM. */
int paths_settle(struct tracker *tracker, struct event *event, uint32_t pid);
/* Who may be asked what the process saw at an event that has its root: itself, if it is still there, the first of its container, its
 * ancestors. */
void paths_place(const struct tracker *tracker, const struct event *event, uint32_t pid, struct path_place *ret);

/* sockets.c: an event of a network. */
void sockets_settle(struct tracker *tracker, struct event *event, uint32_t pid);

/* versions.c */

/* Which version of a file it is that the process runs, where the event does not tell: found by its path. */
void versions_find(struct tracker *tracker, struct event *event, struct context *context);
/* Which version of a file the script is that it was started for, likewise; of a context that is not published yet.  event: the exec;
 * NULL: it ran already. */
void versions_of_script(struct tracker *tracker, const struct event *event, struct context *context, uint64_t now_ns);
/* The files that the event runs, maps or loads, before its process is looked at. */
void versions_meet(struct tracker *tracker, struct event *event, const struct context *actor);

/* track.c */
/* More may be known of its session, and of the hashes of its program, than the process says.  0 or -ENOMEM. */
int tracker_follow(struct tracker *tracker, struct process *process);
struct span tracker_name(struct tracker *tracker, uint32_t id, bool is_group, uint64_t now_ns);	/* empty: none is known */
void tracker_use(struct process *process, const struct event *event);
void tracker_set_context(struct event *event, struct context *context);	/* takes a reference of its own */
/* What the actor says other than the current context: the process has a new one then. 0 or -ENOMEM. */
int tracker_apply(struct tracker *tracker, struct process *process, const struct event *event,
		  const struct context *actor);
