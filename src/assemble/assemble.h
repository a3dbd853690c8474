#pragma once
/* Groups records by (node, time, serial) into drafts and releases each when nothing more can come.
 *
 * A draft is complete at its end record (EOE), at once if it is single.  Without an end record (auditd does not
 * write EOE to its files) it is released, in order of its first record, when it has a record that usually is the
 * last and `soft_hold_ns` of stream time or `soft_drafts` newer drafts have passed, or else when `timeout_ns` has
 * passed or `max_drafts` newer ones have begun.  Memory is bounded by max_bytes.
 * Time is an argument: the time of the records for a file, of their receipt for a live source. */

#include "base/macro.h"
#include "base/span.h"
#include "event/draft.h"

struct assembler_options {
	uint64_t timeout_ns;		/* EventAssemblerTimeoutMs */
	uint64_t soft_hold_ns;
	uint32_t soft_drafts;
	uint32_t max_drafts;
	size_t max_bytes;
};
#define ASSEMBLER_DEFAULTS { \
	.timeout_ns = 10 * UINT64_C(1000000000), .soft_hold_ns = 200 * UINT64_C(1000000), \
	.soft_drafts = 64, .max_drafts = 4096, .max_bytes = 64u << 20 }

struct assembler_stats {
	uint64_t records;
	uint64_t drafts;
	uint64_t timed_out;
	uint64_t forced;		/* released early: too many drafts or bytes */
	uint64_t bytes;			/* of drafts that are open now */
	uint64_t dropped;		/* records not kept: their draft had too many or too large ones */
	uint64_t waiting;		/* records in drafts that were not handed out yet, now */
};

struct assembler;
int assembler_new(struct assembler **ret, const struct assembler_options *options);
struct assembler *assembler_free(struct assembler *assembler);
DEFINE_CLEANUP(struct assembler, assembler_free)
const struct assembler_stats *assembler_stats(const struct assembler *assembler);

void assembler_set_timeout(struct assembler *assembler, uint64_t timeout_ns);

/* What decode found at the head of the record. */
struct assembler_key {
	struct span node;
	uint64_t time_ns;
	uint64_t serial;
	bool ends_event, may_end_event, is_single;
};

/* Copies the body unless it is stable.  0 or -ENOMEM. */
int assembler_push(struct assembler *assembler, const struct assembler_key *key, uint32_t type, struct span body,
		   bool stable, uint64_t now_ns);
/* < 0: -errno.  0: nothing is ripe.  1: *ret is set, borrowed until the next call. */
int assembler_pop(struct assembler *assembler, uint64_t now_ns, struct draft **ret);
/* As assembler_pop, but everything is ripe: the stream is over. */
int assembler_drain(struct assembler *assembler, struct draft **ret);
/* When the next draft will be ripe if nothing comes; UINT64_MAX: there is none. */
uint64_t assembler_next_ns(const struct assembler *assembler);
