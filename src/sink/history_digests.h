#pragma once
/* Needs that ask for hashes, as needs for the versions of files that have them.  Inside `sink` only. */

#include "sink/history.h"
#include "sink/sql.h"

struct digest_need {
	struct history_need need;	/* borrows the arrays */
	enum field *fields;
	uint64_t *keys;
};

/* *ret is `need` itself where that asks for no hashes.  0 or -errno; digest_need_release() in either case. */
int digest_need_make(struct digest_need *ret, sqlite3 *db, const struct history_need *need);
void digest_need_release(struct digest_need *need);
