#pragma once
/* Secrets in what is recorded are replaced before anybody keeps it: behind decode, before the tracker.  So what stands in the
 * history, in journals, in proc.bin, in signals, and what filters and queries see, is the same, and has none.
 *
 * In place of a secret stands "<redacted:0123456789abcdef>": the first eight bytes of HMAC-SHA-256 of it, by a key of the host.  Equal
 * secrets are equal there, and whoever has the key finds one that he knows (`recorder redact`). */

#include "event/event.h"
#include "pipeline/secret.h"

#define REDACTION_KEY_BYTES 32
#define REDACTION_PATTERNS_MAX 256
#define REDACTION_FILE_MAX (256u << 10)

struct redaction_error {
	char message[512];		/* "line 3: bad regular expression ..." */
};

struct redaction;
/* patterns: besides those of secrets.def, a regular expression a line; a line that begins with `#` is none.  What its first group
 * matches is a secret, or all that it matches if it has no group; arguments stand there with a blank between.  0; -EINVAL with
 * *error set; -ENOMEM. */
int redaction_new(struct redaction **ret, const unsigned char key[REDACTION_KEY_BYTES], struct span patterns,
		  struct redaction_error *error);
struct redaction *redaction_free(struct redaction *redaction);
DEFINE_CLEANUP(struct redaction, redaction_free)

/* The event's own fields. */
void redaction_event(struct redaction *redaction, struct event *event);
/* What is said of a process: it, or what is to be taken for it, borrowed until the next call.  event: says that it was told of (may be
 * NULL). */
const struct context *redaction_actor(struct redaction *redaction, struct event *event, const struct context *actor);
/* The same in place. */
void redaction_context(struct redaction *redaction, struct context *context);

struct redaction_stats {
	uint64_t secrets;		/* replaced */
	uint64_t given_up;		/* matches of patterns that took too long */
};
struct redaction_stats redaction_stats(const struct redaction *redaction);

/* What stands for it, with a NUL. */
void redaction_mark(const unsigned char key[REDACTION_KEY_BYTES], struct span secret, char ret[SECRET_MARK_BYTES + 1]);
