#pragma once
/* The chain of a database: for each block digests of its events, tied to the block before by a keyed one, so that a block that was
 * altered, removed or inserted without the key shows (chain_verify.h).
 *
 *	block row	block, digests: for each category with events in it {category: u8, events: u16, digest: 16 bytes},
 *			link = HMAC(key, "block", link before, block, digests)
 *	bridge row	block .. last: all of these were cleaned away; digests: {link before, seal},
 *			link: of the last of them, seal = HMAC(key, "bridge", link before, block, last, link)
 *	cleaned.seal	= HMAC(key, "cleaned", category, block): up to this block events of the category may be missing
 *
 * HMAC is HMAC-SHA-256 (RFC 2104), its first 16 bytes, with the database's own key: HMAC-SHA-256(key, "database", meta.chain_id), so
 * that nothing of one database fits into another of the same host; numbers are little-endian; the link before the first is zeros. The digest is
 * the first 16 bytes of the SHA-256 of the records of the events (chain_record.h), in order. */

#include "sink/layout.h"
#include "sink/sink.h"
#include "sink/sql.h"

#define CHAIN_KEY_BYTES	   32
#define CHAIN_DIGEST_BYTES 16
#define CHAIN_ITEM_BYTES   (1 + 2 + CHAIN_DIGEST_BYTES)
#define CHAIN_MAX_BLOCK	   ((uint64_t)INT64_MAX >> BLOCK_BITS)

struct chain;

struct chain_link {
	unsigned char bytes[CHAIN_DIGEST_BYTES];
};

struct chain_row {
	uint64_t block, last;
	bool is_bridge;
	struct chain_link before;	/* of a bridge */
	struct chain_link link;
	unsigned char digests[N_CATEGORIES * CHAIN_ITEM_BYTES];
	size_t digests_size;
};

void chain_sql(struct buffer *sql);	/* appends CREATE TABLE */

/* key: of CHAIN_KEY_BYTES, copied.  0 or -errno. */
int chain_new(struct chain **ret, sqlite3 *db, const unsigned char *key);
struct chain *chain_free(struct chain *chain);
DEFINE_CLEANUP(struct chain, chain_free)

/* In the transaction that stores the event, and has its block told of before. */
void chain_begin_block(struct chain *chain, uint64_t block);
int chain_add(struct chain *chain, const struct event *event);
int chain_write(struct chain *chain);		/* the row of the block, as it is now */
void chain_settle(struct chain *chain);		/* the transaction was committed, */
void chain_forget(struct chain *chain);		/* rolled back; then another block is begun */
/* In a transaction that cleans: up to the block events of the category may be missing now. */
int chain_cleaned(struct chain *chain, unsigned category, uint64_t block);
/* Of blocks first .. last nothing is left. */
int chain_bridge(struct chain *chain, uint64_t first, uint64_t last);
/* As committed, see sink.h. */
void chain_heads(const struct chain *chain, struct sink_head *ret, struct sink_head *ret_closed);

/* The current row of "SELECT block, last, digests, link FROM chain".  0; -EBADMSG: it is of no such form. */
int chain_read_row(sqlite3_stmt *statement, struct chain_row *ret);

/* What both who writes and who verifies compute.  0 or -ENOMEM. */
int chain_key_of(sqlite3 *db, const unsigned char *key, unsigned char ret[CHAIN_KEY_BYTES]);	/* of the database; or another -errno */
int chain_link_block(const unsigned char *key, const struct chain_link *before, uint64_t block, struct span digests,
		     struct chain_link *ret);
int chain_seal_bridge(const unsigned char *key, const struct chain_link *before, uint64_t first, uint64_t last,
		      const struct chain_link *link, struct chain_link *ret);
int chain_seal_cleaned(const unsigned char *key, unsigned category, uint64_t block, struct chain_link *ret);
