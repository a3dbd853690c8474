#pragma once
/* What auditd (audispd, until audit 3) writes to its plugins -> records.
 *
 * `format = string`: a line a record, as in audit.log.  `format = binary`: a header and so many bytes, `audit(...` or, of an auditd
 * with log_format = ENRICHED, the line.  Which it is each record shows by its first byte. */

#include "base/buffer.h"
#include "event/record.h"

#define DISPATCHER_TEXT_MAX 8970u	/* of a binary record (libaudit.h, MAX_AUDIT_MESSAGE_LENGTH) */
#define DISPATCHER_LINE_MAX 16384u

struct dispatcher {
	struct buffer left;		/* of what was pushed, the part that is not whole yet */
	enum { FRAMING_UNKNOWN, FRAMING_EXACT, FRAMING_PADDED } framing;
	size_t padding;			/* that may follow the binary record before */
	bool in_damage, in_long_line;
	uint64_t n_damaged;		/* places where bytes were passed by, and lines too long, each once */
};

/* Emits what is whole by now: a record with its type and `audit(...`, or one of type 0 that is a line.  Newlines within are blanks.
 * 0; -ENOMEM; what emit returned. */
int dispatcher_push(struct dispatcher *dispatcher, struct span bytes, record_fn emit, void *user);
void dispatcher_release(struct dispatcher *dispatcher);
