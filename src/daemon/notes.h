#pragma once
/* What the recorder itself has to say becomes a record, and so an event, like any other: from the control thread into
 * a ring of its own. */

#include "base/ring.h"

struct notes {
	struct ring *ring;		/* borrowed; the control thread is its only producer */
	struct ring *wake;		/* ring the core waits on */
};

/* action: start, config, health, throttle. */
void notes_say(struct notes *notes, const char *action, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The recorder has stopped; from then on less and less was looked at. */
void notes_stopped(struct notes *notes, uint64_t since_ns);

/* What is the recorder's own is other than it left it: becomes security/tamper.  operation: one word. */
void notes_tamper(struct notes *notes, const char *operation, const char *object, const char *message);

struct gap {
	uint64_t begin_ns, end_ns;
	const char *class_name;		/* "all", or a category */
	const char *cause;		/* one word: kernel_lost, ring_full, daemon_down, ... */
	const char *unit;		/* events, records, messages; NULL: the count is not known */
	uint64_t count;
	bool exact;
};
void notes_gap(struct notes *notes, const struct gap *gap);
