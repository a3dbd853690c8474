#pragma once
/* Audit text -> events.  Two steps, with assembly between them: the head of a record says which others it
 * belongs to; the records of one draft together give the events.
 *
 * A draft gives no event (nothing happened: a failed exec), one, or several (a denial and the system call it
 * met, a connection and ...).  Nothing is lost in silence: decoder_stats counts what gave no event, and why.
 *
 * The formats: kernel/audit.c, kernel/auditsc.c; libaudit's msg_typetab.h; audit-userspace docs. */

#include "base/buffer.h"
#include "event/draft.h"
#include "event/event.h"

struct record_head {
	uint32_t type;
	uint64_t time_ns;		/* since 1970; audit has milliseconds */
	uint64_t serial;
	struct span body;		/* what follows `audit(...): ` */
	bool ends_event;		/* EOE: the event is complete */
	bool may_end_event;		/* usually the last or the only record: PROCTITLE, messages of programs */
	bool is_single;			/* ours: never shares its serial */
};

/* 0; -EINVAL: no `audit(SECONDS.MS:SERIAL):` there.  The text is borrowed from the record. */
int audit_head(const struct record *record, struct record_head *ret);

/* One line of an audit.log file -> a record that borrows from it: `node=N type=T msg=audit(...)`, types by
 * name, `UNKNOWN[1420]` or number, also our own names.  0; -EINVAL: not a record. */
int audit_line(struct span line, struct record *ret);

/* "SYSCALL"; `ret` gets "UNKNOWN[n]" for a type nobody knows.  Ours too. */
const char *audit_type_name(uint32_t type, char ret[static 24]);

struct decoder_stats {
	uint64_t drafts;
	uint64_t events;
	uint64_t partial;		/* events that miss a record */
	uint64_t failed_calls;		/* drafts that gave no event because the call failed */
	uint64_t no_event;		/* drafts that gave no event for another reason (EOE alone, ...) */
	uint64_t unknown_types;		/* records of a type nobody knows (kept as security/audit_rule) */
	uint64_t errors;		/* records that could not be read in full (the others were) */
};

struct decoder_options {
	bool failed_calls;		/* also system calls that failed become events (outcome failure) */
	const char *own_key;		/* key of the recorder's own rules: not shown as a key */
	/* N_KINDS flags, borrowed: kinds that another source shows.  Where a user's rule asked for such an act, the event that says so
	 * is security/audit_rule; but a read, which is what such rules are made for, stays one.  NULL: none. */
	const bool *shown;
};

struct decoder;
int decoder_new(struct decoder **ret, const struct decoder_options *options);
void decoder_set_shown(struct decoder *decoder, const bool *shown);
struct decoder *decoder_free(struct decoder *decoder);
DEFINE_CLEANUP(struct decoder, decoder_free)
const struct decoder_stats *decoder_stats(const struct decoder *decoder);

/* What the records say of the process behind the event, in the members of a context: pid, ppid, ids, name,
 * executable, tty, ses, args of an exec, names from the ENRICHED tail.  Of a fork: the child.  `start` is in ns
 * since the host booted (from start_ticks), not since 1970: who knows when it booted adds that.  Borrowed until
 * the function returns.  The event is handed over. < 0 stops and is passed on.
 *
 * event.origin is the serial << 8 | number of the event in its draft; of our own records without a serial the
 * pid stands for it, so that those of one snapshot differ.  Of records of the kernel's programs: the processor, and above
 * 16 bits a number, should it have had several at that nanosecond. */
typedef int (*decode_fn)(void *user, struct event *event, const struct context *actor);

/* Of which kind the event is that will be made of a record of the kernel's programs, without making it; N_KINDS: not known, or none. */
uint16_t decode_probe_kind(struct span bytes);
/* When what a record of such a kind tells of began: of writes the first.  time_ns: of the record, since 1970. */
uint64_t decode_probe_begin_ns(uint64_t time_ns, struct span bytes);
/* A record of the kernel's programs (RECORD_PROBE), its time since 1970.  As below; bytes that are no such record are
 * counted. */
int decode_probe(struct decoder *decoder, uint64_t time_ns, struct span bytes, decode_fn emit, void *user);

/* The kind of the event that such a record will be, if it is one and nothing else hangs on it; N_KINDS: it is not so, or not known without
 * decoding it.  Nor of what touches one of the guarded places (as in path_lies_in()).  `path`: scratch.  For who lets go of what he has no time for. */
uint16_t probe_plain_kind(struct span bytes, struct span guarded, struct buffer *path);

/* 0, or what emit returned, or -ENOMEM.  Bad text is counted, never an error. */
int decode_draft(struct decoder *decoder, const struct draft *draft, decode_fn emit, void *user);
