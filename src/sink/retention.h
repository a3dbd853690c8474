#pragma once
/* Which events make room for newer ones, and what goes with them.
 *
 * What goes is a block of one category at a time: the oldest of those categories that take more than their share. A category
 * that does not keeps all it has, whatever storm there is in another. */

#include "sink/store.h"

/* What the file holds of each category. */
struct contents {
	uint64_t bytes[N_CATEGORIES];
	uint64_t oldest[N_CATEGORIES];	/* block that can go; UINT64_MAX: there is none */
};

int contents_read(struct contents *ret, struct store *store);
/* shares: in per cent of all.  N_CATEGORIES: nothing can go, all there is belongs to the chapter that is being written. */
unsigned contents_choose(const struct contents *contents, const uint8_t shares[N_CATEGORIES]);

/* In a transaction: the oldest block of the category goes, and what nobody refers to any more.  < 0: it is to be rolled back. */
int retention_remove(struct store *store, struct contents *contents, unsigned category);
