#pragma once
/* How often each value occurs, in bounded memory. */

#include "base/macro.h"
#include "base/span.h"

/* DESIGN
 *
 * Values are counted exactly as long as they fit.  When they do not, the median of the weights is taken from every value, and
 * those that have none left go, which are half of them or more (Misra and Gries; in batches as in the Frequent Items sketch
 * of Apache DataSketches).  A value that comes back begins anew and says what it may have lost: at most what was taken
 * altogether until then.  So every value that has more than that is kept whatever comes (where N values fit it is 2 / N of
 * all events at most), and no count is more than the truth.
 *
 * Values are others' to choose: they are found in a tree, since any hash that is quick can be made to collide; the hash is
 * only of a cache in front of it. */

struct tally;

struct tally_entry {
	uint64_t count;			/* since it was last begun */
	uint64_t missed;		/* that it may have had before that, at most; 0: the count is exact */
	uint64_t first_ns, last_ns;	/* of those counted */
	uint64_t weight;
	size_t size;
	char key[];
};

#define TALLY_KEY_MAX (64u << 10)

int tally_new(struct tally **ret, size_t max_values, size_t max_bytes);
struct tally *tally_free(struct tally *tally);
DEFINE_CLEANUP(struct tally, tally_free)
/* 0; -E2BIG: a key of more than TALLY_KEY_MAX bytes, or than all may have, is not counted; -ENOMEM. */
int tally_add(struct tally *tally, struct span key, uint64_t time_ns);
/* Those that are kept, the most frequent first.  Borrowed until the next call. */
size_t tally_ranking(struct tally *tally, const struct tally_entry *const **ret);
/* A value that is not kept has this many at most; 0: all are kept. */
uint64_t tally_gone_max(const struct tally *tally);
