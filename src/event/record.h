#pragma once
/* What a source emits: where it comes from, when, and its bytes.
 *
 * Every record is text of the form the kernel's audit uses:
 *	audit(1170021493.977:293): key=value key="value" ...
 * Ours begin with `recorder(` and have nanoseconds.  So one decoder reads all, a capture is a text file
 * (type=NAME msg=TEXT, as in audit.log), and a bug report can be replayed. */

#include "base/buffer.h"

/* A gap whose end is not known yet is told so often, so that who dies has told nearly all of it. */
#define GAP_TELL_NS (10 * 60 * NS_PER_SEC)

/* Types of linux/audit.h are below 65536.  Ours: */
enum record_type {
	RECORD_OWN_FIRST = 0x10000,
	RECORD_FORK = RECORD_OWN_FIRST,	/* pid ppid start_ticks: from the proc connector */
	RECORD_EXIT,			/* pid status (as of wait(2)) */
	RECORD_PROCESS,			/* a process read from /proc; lookup=1 when the core asked for it */
	RECORD_NO_PROCESS,		/* the core asked for a pid and /proc has none: pid */
	RECORD_FD,			/* the core asked what a descriptor names: pid fd path (hex) */
	RECORD_PATH,			/* the core asked where a path leads: hash (of its text and root) device inode ctime real
					 * (hex; empty: nowhere) */
	RECORD_NAME,			/* the core asked for the name of an account: uid or gid, name (hex) */
	RECORD_SETUP,			/* what the run was told of its host and by its settings: see pipeline/setup.h */
	RECORD_CLOCK,			/* the clock of the core, where the records do not say it: ripe=1 when it made a difference,
					 * back=1 when it was set back */
	RECORD_GAP,			/* begin end class count unit exact cause */
	RECORD_PROBE,			/* of our programs in the kernel: the bytes of a probe_record (bpf/probe.h), in a capture in hex */
	RECORD_NOTE,			/* action=start|stop|config|health message= : becomes a recorder event */
	RECORD_DIGEST,			/* of a file that was run or mapped: device inode ctime state path, and what is known of size mtime entropy
					 * header md5 sha1 sha256 */
	RECORD_DEFINITION,		/* of a file that defines a service or task, and was touched: act path state size mtime sha256 text cut */
	RECORD_REMEMBERED,		/* of a process that ran when recording ended last, or of its ancestors: see event/remembered.h */
	RECORD_ALL_TOLD,		/* what runs now has been told: those remembered that were not among them have ended */
	RECORD_SOCKET,			/* the core asked for both ends of a socket: pid fd lport rport ips (hex: the local one, then the remote
					 * one if there is any) */
	RECORD_ACCOUNT,			/* of an account or group that differs from what it was: act of=user|group id name changes path cut */
	RECORD_HOST_PATH,		/* the core asked what the host calls a path: hash unsure=0|1 path (hex), or hash error */
	RECORD_THROTTLE,		/* the core does more or less than all: step begins=0|1 cause pressure, see pipeline/shed.h */
	RECORD_TAMPER,			/* something of the recorder's is other than it left it: operation object message : becomes security/tamper */
	RECORD_OWN_END,
};

struct record {
	uint32_t type;
	uint64_t time_ns;		/* when the source got it, since 1970; 0: unknown (a file) */
	struct span node;		/* of node=, may be empty */
	struct span text;		/* from `audit(` on, no newline; may end in the 0x1d tail of ENRICHED */
	bool stable;			/* the bytes outlive the core's use of them (a mapped file): no copy needed */
};

/* Borrowed until it returns. < 0: stop, passed on. */
typedef int (*record_fn)(void *user, const struct record *record);

/* "RECORDER_FORK" and the like for ours; NULL if the type is not ours.  Those of audit: libaudit. */
const char *record_own_name(uint32_t type);
uint32_t record_own_type(struct span name);	/* 0: none */
void record_put_hex(struct buffer *text, struct span bytes);	/* in capitals, as audit writes what may hold anything */
/* As audit_log_untrustedstring() does: quoted, or hex if it holds a quote, a blank or what is not printable ASCII. */
void record_put_text(struct buffer *text, struct span value);
/* What the text of ours begins with: `recorder(SECONDS.NANOSECONDS:SERIAL):`, appended. */
void record_put_head(struct buffer *text, uint64_t time_ns, uint64_t serial);
