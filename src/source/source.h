#pragma once
/* Kernel or file -> records.  A source is driven by its reader: it never blocks but in poll() on fd().
 *
 * THE READER OF A LIVE HOST.  One thread drives `source_live`: poll(fd), read() until it returns less than
 * SOURCE_BATCH, nap (Stage1WorkQueueInterval), and so on; read() at least once a second also when nothing is ready
 * (holes in the serials of audit ripen by time).  Each read() takes a batch of audit records into its own
 * buffers, then hands on everything the process connector has, then the batch: so the fork of a process is
 * always handed on before any audit record of the child, and no sorting is needed behind.  An exit may well
 * come before the last audit records of its process: the kernel's audit thread is behind, by up to a second
 * under load.
 *
 * While the reader naps and is not in poll() (it is in a long nap, of a source that wakes it only for much), the kernel's audit
 * thread has nobody to wake: in a process storm that halves
 * what the recorder costs the machine.  The socket buffer holds 147,000 records, a third of a second of the worst storm
 * measured. */

#include <stdatomic.h>

#include "base/buffer.h"
#include "event/record.h"

struct source;

#define SOURCE_BATCH 128u		/* as many audit records as a read() takes at most */

/* A path, or all below it: what no subscription wants of files, or what alone is wanted, so that the kernel's programs leave out
 * what they can. */
struct source_exclusion {
	struct span path;
	bool below;			/* what is below it, not itself */
};

/* What somebody wants of the kernel; all of it is borrowed until the call returns. */
struct source_wants {
	const bool *kinds;		/* N_KINDS flags */
	bool audit;			/* is read, for rules of a user, whatever the kinds are */
	const struct source_exclusion *excluded_paths;	/* ebpf: of files opened and written */
	size_t n_excluded_paths;
	const struct source_exclusion *required_paths;	/* ebpf: what is opened or written is wanted only there */
	size_t n_required_paths;	/* 0: anywhere */
	const struct span *excluded_names;	/* ebpf: names of processes (comm) of which nothing but their life is wanted */
	size_t n_excluded_names;
};

struct source_options {
	const char *path;		/* replay: the file, "-" for stdin */
	const char *mode;		/* audit: "unicast", "multicast" or NULL (unicast if free); live: "pipe" too */
	const char *pipe_path;		/* live: where auditd's plugin connects, if netlink cannot be had; NULL: it is not waited for */
	size_t receive_buffer_bytes;	/* of the audit socket; 0: 64 MiB */
	uint64_t told_until_ns;		/* audit: what the kernel has kept and is as old as that (1970) was told by another source; 0: nothing */
	bool want_connector;		/* live: forks and exits from the proc connector */
	bool want_bpf;			/* live: what system calls do from programs in the kernel, where that can be had */
	bool want_audit;		/* live: and the rest from audit, which may be missing only if false */
	struct source_wants wants;	/* live */
	uint32_t own_pid;		/* ebpf: what this process does is left out in the kernel */
	uint32_t write_interval_ms;	/* ebpf: between two reports of the writes to one open file */
	bool tells_groups;		/* ebpf: the supplementary groups of processes */
	size_t bpf_ring_bytes;		/* ebpf: of the ring of each processor */
};

/* What a source lost before it could hand it on, and more: read by any thread. */
struct source_stats {
	_Atomic uint64_t records, bytes;
	_Atomic uint64_t overruns;	/* ENOBUFS: each of unknown size */
	_Atomic uint64_t foreign;	/* messages that were not from the kernel, dropped */
	_Atomic uint64_t serial_gaps;	/* serials that never came */
	_Atomic uint64_t skipped;	/* a file's blank and comment lines */
	_Atomic uint64_t too_long;	/* a file's lines above the bound, dropped */
};

struct source_ops {
	const char *name;
	int (*open)(struct source **ret, const struct source_options *options);
	int (*fd)(const struct source *source);		/* to poll; -1: always ready (a file) */
	/* Takes what is there, about `max` records, without blocking (a file may).  Returns how many were
	 * emitted, 0: nothing now, -ENODATA: the end (a file), or what emit returned. */
	int (*read)(struct source *source, size_t max, record_fn emit, void *user);
	/* Recording ends: what the kernel kept to tell later comes to be read, a portion each time.  > 0: read, then ask
	 * again; 0: that was all; -errno.  NULL: it keeps nothing. */
	int (*stop)(struct source *source);
	const struct source_stats *(*stats)(struct source *source);
	const char *(*mode)(const struct source *source);	/* "unicast", "multicast", "file", ... */
	struct source *(*free)(struct source *source);
};

extern const struct source_ops source_audit, source_bpf, source_connector, source_live, source_replay;

/* 0: `source_live` has the process connector; -errno: why it has not (forks and exits need audit rules
 * then). */
int source_live_connector(const struct source *source);
/* 0: `source_live` has the programs in the kernel; -errno: why it has not (bpf_why() in source/bpf.h). */
int source_live_bpf(const struct source *source);
/* Kinds of events that the programs show; none if there are none. */
void source_live_bpf_serves(const struct source *source, bool *ret_kinds);
/* Whether it reads audit too. */
bool source_live_has_audit(const struct source *source);
/* 1: by auditd's plugin; 0: so, but it is not there; -ENODATA: not by it. */
int source_live_plugin(const struct source *source);
/* From now on this is wanted: programs in the kernel come and go, audit is opened if it is needed first now, by difference and
 * beside the reader; what was wanted before and still is misses nothing.  Audit's rules are the caller's.  One thread at a time.
 * 0; -errno: it is as it was, or the programs may show more than is wanted. */
int source_live_want(struct source *source, const struct source_wants *wants);
/* Writes that cannot be told: their files were closed where nobody looks (io_uring, other processes that share descriptors), or are
 * open in a ring of io_uring alone. */
struct source_untold {
	uint64_t count;			/* of files */
	uint64_t begin_ns;		/* since 1970: the first write to one of them */
};
/* There is something to tell by source_live_let_go(), or little room left for what is kept.  True every ten seconds at most. */
bool source_live_must_let_go(const struct source *source);
/* all, or little room: what is kept to be told later is told now, to be read, and what cannot be told is kept no longer.  *ret: what
 * could not be told since the last call. */
void source_live_let_go(struct source *source, bool all, struct source_untold *ret);
/* What write_interval_ms of the options was, from now on; by any thread. */
void source_live_set_write_interval(struct source *source, uint32_t interval_ms);
/* The kernel lets go of a reader that stalls: its slot is empty then and nothing comes any more.  To be
 * told the pid that audit_control_state() shows, now and then, by any thread: takes the empty slot again
 * and lets the source report a gap.  0: all is well (or multicast); 1: had to; -EBUSY: somebody else holds
 * the slot. */
int source_live_hold(struct source *source, uint32_t slot_pid);

/* Audit's records come by `mode` ("unicast", "multicast", "pipe") from now on, beside the reader; each is handed on once, and what was lost in
 * between is a gap as ever.  0: it is on its way; -EBUSY: so is the last one, or there is no audit; -EEXIST: somebody holds the slot;
 * -EOPNOTSUPP: the options leave no choice. */
int source_live_move(struct source *source, const char *mode);
bool source_live_has_moved(struct source *source);	/* since the last call; to be asked now and then */
bool source_live_is_unicast(const struct source *source);
/* Nobody is the audit daemon, and the kernel keeps n_records for the next, who may be we; 0: somebody is. */
void source_live_expect_holder(struct source *source, uint32_t n_records);
/* Who has asked the kernel for the slot that we hold, and was refused, since the last call; 0: nobody. */
uint32_t source_live_wanted_by(struct source *source);

/* How far a replay is, in bytes of the file (compressed ones of a .gz); *ret_total is 0 if nobody knows. */
void source_replay_progress(const struct source *source, uint64_t *ret_done, uint64_t *ret_total);
