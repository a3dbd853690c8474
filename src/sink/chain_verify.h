#pragma once
/* Is a database what the recorder wrote?  See chain.h. */

#include "sink/chain.h"
#include "sink/history.h"

enum chain_finding_kind {
	FINDING_ALTERED,		/* as many events as there were, but not the same */
	FINDING_REMOVED,		/* fewer events, or none */
	FINDING_INSERTED,		/* more events, or a block that was none of the recorder's */
	FINDING_LINK,			/* the chain itself: a row of it was altered, or one is missing before it */
	FINDING_UNREADABLE,
	FINDING_HIDDEN,			/* they are as they were, but what table block says of them keeps a search from finding them */
	FINDING_DAMAGED,		/* there is no chain, and the file does not fit itself: of all blocks */
};

struct chain_finding {
	enum chain_finding_kind kind;
	uint64_t block, last;		/* of these blocks */
	unsigned category;		/* N_CATEGORIES: of all */
	uint64_t events, expected;
	uint64_t min_ns, max_ns;	/* of the block, as the file says; 0: it does not */
	struct span text;		/* of what is damaged: what SQLite says of it; borrowed */
};

struct chain_report {
	uint64_t blocks, events;	/* whose digests are right */
	uint64_t cleaned_blocks;	/* of which nothing is left, by the recorder's own cleaning */
	uint64_t before_events;		/* of older versions, from before the chain begins: nothing says whether they are whole */
	uint64_t findings;
	bool has_chain;
	uint64_t head_block;		/* of its last row, */
	struct chain_link head;
	bool has_closed;		/* and of the last one that stays as it is */
	uint64_t closed_block;
	struct chain_link closed;
};

typedef void (*chain_finding_fn)(void *user, const struct chain_finding *finding);
/* true: stop. */
typedef bool (*chain_progress_fn)(void *user, uint64_t done, uint64_t total);	/* blocks */

/* key: NULL: only the digests of events are looked at, not who made them.  Where there is no chain, only whether pages are missing or
 * damaged: who reads events passes by those.  0, whatever is found; -EINTR; -errno: it could not be found out. */
int chain_verify(struct history *history, const unsigned char *key, chain_finding_fn found, chain_progress_fn progress, void *user,
		 struct chain_report *ret);

enum chain_head { HEAD_THERE, HEAD_MISSING, HEAD_CLEANED };
/* Does the chain have it?  HEAD_CLEANED: it is among what was cleaned away.  0 or -errno. */
int chain_find_head(struct history *history, uint64_t block, const struct chain_link *link, enum chain_head *ret);
