#pragma once
/* Which processes the kernel's audit can tell of.
 *
 * The kernel decides when a task is born, for its whole life (kernel/auditsc.c, audit_alloc): it is audited unless audit has never been
 * on since boot, or a rule `-a task,never` holds.  Nothing shows afterwards what was decided.  So what is known is known by when a
 * process was born, as far as the recorder looked; of the rest this says that it is not known. */

#include <stdbool.h>
#include <stdint.h>

#define BLIND_SPANS_MAX 16

struct coverage {
	uint64_t since_ns;		/* since then audit is known to be on, and looked at (CLOCK_BOOTTIME); 0: it is not */
	uint64_t looked_ns;		/* last */
	bool was_on;			/* before that, too */
	bool blind_before, is_blind;	/* such a rule was there when the recorder came; is there */
	/* Such a rule was there for sure, and may have been. */
	struct {
		uint64_t from_ns, until_ns, maybe_from_ns, maybe_until_ns;
	} spans[BLIND_SPANS_MAX];
	unsigned n_spans;
};

enum covered { COVERED, COVERED_NOT, COVERED_BEFORE, COVERED_UNSURE };

/* Now and then: whether a rule blinds.  The first time after coverage_end() it begins. */
void coverage_look(struct coverage *coverage, uint64_t now_ns, bool blind);
void coverage_end(struct coverage *coverage);
/* A process that was born from start_ns on, within tick_ns. */
enum covered coverage_of(const struct coverage *coverage, uint64_t start_ns, uint64_t tick_ns);
