#pragma once
/* A process image and the login behind it, as of one moment: immutable once published, shared by all
 * events of the process and, through `parent`, by those of its descendants.  An exec, or a change of
 * identity, makes a new one; the old lives as long as somebody refers to it.
 *
 * Threads: the core makes contexts and takes references; the writer and the control thread drop theirs.
 * Counting is atomic.  `row` and `digest` belong to the database writer alone. */

#include <stdatomic.h>

#include "event/values.h"

/* Longest chain of ancestors that is kept; what is further up is cut off and says so. */
#define CONTEXT_MAX_DEPTH 64

#define CONTEXT_DIGEST_BYTES 16

struct context {
	struct values values;		/* first, see values.h */
#define CONTEXT(member, type, name, meaning) field_##type member;
#include "event/fields.def"

	struct context *parent;		/* a reference; NULL when unknown */
	uint16_t depth;			/* ancestors above; at most CONTEXT_MAX_DEPTH */
	bool ancestry_cut;		/* there were more ancestors */
	atomic_uint n_refs;
	int64_t row;			/* of table `process`; 0: not written yet */
	bool has_digest;
	unsigned char digest[CONTEXT_DIGEST_BYTES];	/* of all above, see sink/chain_record.h */
	uint64_t serial;		/* no other context of this run has or had it; never 0, rising within a thread */
};

struct context *context_new(void);	/* one reference, nothing known; NULL: no memory */
struct context *context_ref(struct context *context);
struct context *context_unref(struct context *context);	/* NULL is fine; returns NULL */
DEFINE_CLEANUP(struct context, context_unref)

/* All fields of `from` and its parent, no row: the start of the next image. */
struct context *context_copy(const struct context *from);
/* What it takes of the memory, its parent left out. */
size_t context_bytes(const struct context *context);
/* Forgets every value and drops the parent: for a scratch context that is used again and again. */
void context_reset(struct context *context);
/* Takes a reference to `parent` (may be NULL), cuts the chain at CONTEXT_MAX_DEPTH. */
void context_set_parent(struct context *context, struct context *parent);

/* The id of a process, the same from every source (SPEC section 2).  start_ticks: start of the process since
 * boot in clock ticks (1/100 s), as in field 22 of /proc/PID/stat: the coarsest of the sources decides. */
uint64_t context_entity_id(struct span boot_id, uint64_t start_ticks, uint32_t pid);

/* args (LIST) joined with blanks, as command_line. */
void context_set_command_line(struct context *context);
