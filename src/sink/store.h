#pragma once
/* Events as rows of an open database: which ids are new, which row comes first.  Knows nothing of files and
 * transactions: the caller opens one before store_event() and says by store_forget() that it was rolled
 * back. */

#include "sink/chain.h"
#include "sink/chapter.h"
#include "sink/row.h"
#include "sink/session_table.h"

struct store {
	sqlite3 *db;			/* borrowed */
	struct layout layout;
	struct rows rows;
	struct insert events[N_CATEGORIES], more[N_CATEGORIES], shapes[N_CATEGORIES], process, program, login;
	uint64_t identity[FIELD_WORDS];	/* fields of process that a later image of it does not repeat */
	sqlite3_stmt *end, *tick, *carry;
	struct session_table sessions;
	struct chapter chapter;		/* what is stored now belongs to it */
	struct chain *chain;		/* borrowed; NULL: the file has none */
	uint64_t next_sequence;
	uint64_t tick_id;		/* of rows.tick_ns; 0: none yet */
	bool is_stale;			/* what a transaction changed that was rolled back has not been read again */
	int64_t tag;			/* in context->row: a row of another database is not ours */
	struct id_cache *images;	/* entity id -> row of process << 16 | exec count */
	struct context **contexts;	/* referenced: written since store_settle() */
	size_t n_contexts, max_contexts, context_bytes;	/* bytes: of their text */
};

/* boot_id: what the numbers of sessions are of, NULL: not known.  0 or -errno; store_close() in either case. */
int store_open(struct store *store, sqlite3 *db, const char *boot_id);
void store_close(struct store *store);

/* Inserts all that the event needs and the event.  Sets event->sequence.  < 0: some of it may be there, the
 * event itself is not. */
int store_event(struct store *store, struct event *event);
/* Of text that it would insert, roughly. */
size_t store_new_bytes(const struct store *store, const struct event *event);
/* Both in a transaction: the next event begins a block, or a chapter. */
void store_begin_block(struct store *store);
int store_begin_chapter(struct store *store);
/* The first row of the image is gone: its next one takes its place, 0: there is none. */
void store_image_moved(struct store *store, uint64_t entity_id, int64_t old, int64_t new);
int store_finish(struct store *store);	/* what is still to be written before the commit */
void store_settle(struct store *store);	/* the transaction was committed */
int store_forget(struct store *store);	/* it was rolled back.  < 0: as it was before is not known, until */
int store_refresh(struct store *store);	/* that works, which is to be asked for before the next transaction writes */
