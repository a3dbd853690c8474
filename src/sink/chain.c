/* See chain.h. */

#include "sink/chain.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "sink/chain_record.h"
#include "sink/layout.h"

DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)

/* The digest of what a block has of a category, as it grows. */
struct running {
	EVP_MD_CTX *digest;		/* NULL: not needed so far */
	struct buffer pending;		/* records that are not in it yet: to add many at once costs less */
	uint64_t events;
};

#define MAX_PENDING 16384

struct open_block {
	uint64_t block;
	bool has_before;
	uint64_t block_before;
	struct chain_link before;	/* the link of the block before */
	struct chain_link link;		/* as last written */
	bool is_written;
};

struct chain {
	sqlite3 *db;			/* borrowed */
	unsigned char key[CHAIN_KEY_BYTES];
	struct running of[N_CATEGORIES];
	struct open_block open, committed;
	sqlite3_stmt *row;
	struct chain_scratch scratch;
};

/* Keyed digests */

static void put(struct buffer *bytes, uint64_t number, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		buffer_append_byte(bytes, (char)(number >> (8 * i)));
}

/* `what` keeps the kinds of statements apart. */
static int seal(const unsigned char *key, const struct buffer *statement, struct chain_link *ret)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (statement->failed || !HMAC(EVP_sha256(), key, CHAIN_KEY_BYTES, (const unsigned char *)statement->data, statement->size,
				       digest, NULL))
		return -ENOMEM;
	memcpy(ret->bytes, digest, sizeof(ret->bytes));
	return 0;
}

int chain_key_of(sqlite3 *db, const unsigned char *key, unsigned char ret[CHAIN_KEY_BYTES])
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	unsigned char digest[EVP_MAX_MD_SIZE];
	int r = sql_prepare(db, "SELECT value FROM meta WHERE key = 'chain_id'", &statement);

	if (r < 0)
		return r;
	buffer_append_text(&text, "database");
	r = sqlite3_step(statement);
	if (r == SQLITE_ROW) {
		const void *id = sqlite3_column_blob(statement, 0);

		buffer_append(&text, id, id ? (size_t)sqlite3_column_bytes(statement, 0) : 0);
	} else if (r != SQLITE_DONE) {
		return sql_errno(r);
	}
	if (text.failed || !HMAC(EVP_sha256(), key, CHAIN_KEY_BYTES, (const unsigned char *)text.data, text.size, digest, NULL))
		return -ENOMEM;
	memcpy(ret, digest, CHAIN_KEY_BYTES);
	OPENSSL_cleanse(digest, sizeof(digest));
	return 0;
}

int chain_link_block(const unsigned char *key, const struct chain_link *before, uint64_t block, struct span digests,
		     struct chain_link *ret)
{
	_cleanup_(buffer_release) struct buffer statement = { 0 };

	buffer_append_text(&statement, "block");
	buffer_append(&statement, before->bytes, sizeof(before->bytes));
	put(&statement, block, 8);
	buffer_append_span(&statement, digests);
	return seal(key, &statement, ret);
}

int chain_seal_bridge(const unsigned char *key, const struct chain_link *before, uint64_t first, uint64_t last,
		      const struct chain_link *link, struct chain_link *ret)
{
	_cleanup_(buffer_release) struct buffer statement = { 0 };

	buffer_append_text(&statement, "bridge");
	buffer_append(&statement, before->bytes, sizeof(before->bytes));
	put(&statement, first, 8);
	put(&statement, last, 8);
	buffer_append(&statement, link->bytes, sizeof(link->bytes));
	return seal(key, &statement, ret);
}

int chain_seal_cleaned(const unsigned char *key, unsigned category, uint64_t block, struct chain_link *ret)
{
	_cleanup_(buffer_release) struct buffer statement = { 0 };

	buffer_append_text(&statement, "cleaned");
	put(&statement, category, 1);
	put(&statement, block, 8);
	return seal(key, &statement, ret);
}

/* The open block. */

static void forget_events(struct chain *chain)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		chain->of[i].events = 0;
		buffer_clear(&chain->of[i].pending);
	}
}

void chain_begin_block(struct chain *chain, uint64_t block)
{
	if (chain->open.is_written) {
		chain->open.has_before = true;
		chain->open.block_before = chain->open.block;
		chain->open.before = chain->open.link;
	}
	chain->open.block = block;
	chain->open.is_written = false;
	forget_events(chain);
}

static int digest_pending(struct running *running)
{
	struct buffer *pending = &running->pending;

	if (EVP_DigestUpdate(running->digest, pending->data, pending->size) != 1)
		return -ENOMEM;
	buffer_clear(pending);
	return 0;
}

int chain_add(struct chain *chain, const struct event *event)
{
	struct running *running = &chain->of[event_category(event)];
	int r;

	if (!running->digest)
		running->digest = EVP_MD_CTX_new();
	if (!running->digest || (running->events == 0 && EVP_DigestInit_ex(running->digest, EVP_sha256(), NULL) != 1))
		return -ENOMEM;
	r = chain_record(&running->pending, event, &chain->scratch);
	if (r < 0)
		return r;
	running->events++;
	return running->pending.size >= MAX_PENDING ? digest_pending(running) : 0;
}

/* Appends what the running digest is by now; it goes on. */
static int put_digest(struct buffer *digests, unsigned category, struct running *running)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *copy = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (!copy || digest_pending(running) < 0 || EVP_MD_CTX_copy_ex(copy, running->digest) != 1 || EVP_DigestFinal_ex(copy, digest, NULL) != 1)
		return -ENOMEM;
	put(digests, category, 1);
	put(digests, running->events, 2);
	buffer_append(digests, digest, CHAIN_DIGEST_BYTES);
	return 0;
}

static int write_row(struct chain *chain, uint64_t block, uint64_t last, struct span digests, const struct chain_link *link)
{
	sqlite3_bind_int64(chain->row, 1, (int64_t)block);
	if (last)
		sqlite3_bind_int64(chain->row, 2, (int64_t)last);
	else
		sqlite3_bind_null(chain->row, 2);
	sqlite3_bind_blob64(chain->row, 3, digests.data, digests.size, SQLITE_STATIC);
	sqlite3_bind_blob64(chain->row, 4, link->bytes, sizeof(link->bytes), SQLITE_STATIC);
	return sql_run(chain->row);
}

int chain_write(struct chain *chain)
{
	_cleanup_(buffer_release) struct buffer digests = { 0 };
	struct open_block *open = &chain->open;
	int r = 0;

	for (unsigned i = 0; i < N_CATEGORIES && r == 0; i++)
		if (chain->of[i].events > 0)
			r = put_digest(&digests, i, &chain->of[i]);
	if (r < 0 || digests.size == 0)
		return r;
	r = buffer_error(&digests);
	if (r == 0)
		r = chain_link_block(chain->key, &open->before, open->block, buffer_span(&digests), &open->link);
	if (r == 0)
		r = write_row(chain, open->block, 0, buffer_span(&digests), &open->link);
	open->is_written |= r == 0;
	return r;
}

void chain_settle(struct chain *chain)
{
	chain->committed = chain->open;
}

void chain_forget(struct chain *chain)
{
	chain->open = chain->committed;
	forget_events(chain);
}

static struct sink_head head_of(bool known, uint64_t block, const struct chain_link *link)
{
	struct sink_head head = { .known = known, .block = block };

	memcpy(head.link, link->bytes, sizeof(head.link));
	return head;
}

void chain_heads(const struct chain *chain, struct sink_head *ret, struct sink_head *ret_closed)
{
	const struct open_block *c = &chain->committed;

	*ret = head_of(c->is_written, c->block, &c->link);
	*ret_closed = head_of(c->has_before, c->block_before, &c->before);
}

/* Cleaning */

int chain_cleaned(struct chain *chain, unsigned category, uint64_t block)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	struct chain_link sealed;
	int r = chain_seal_cleaned(chain->key, category, block, &sealed);

	if (r == 0)
		r = sql_prepare(chain->db, "UPDATE cleaned SET block = ?, seal = ? WHERE category = ?", &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)block);
	sqlite3_bind_blob64(statement, 2, sealed.bytes, sizeof(sealed.bytes), SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, category);
	return sql_run(statement);
}

int chain_read_row(sqlite3_stmt *statement, struct chain_row *ret)
{
	const void *link = sqlite3_column_blob(statement, 3), *digests;
	size_t size = (size_t)sqlite3_column_bytes(statement, 2);

	digests = sqlite3_column_blob(statement, 2);
	*ret = (struct chain_row){ .block = (uint64_t)sqlite3_column_int64(statement, 0),
				   .is_bridge = sqlite3_column_type(statement, 1) != SQLITE_NULL };
	ret->last = ret->is_bridge ? (uint64_t)sqlite3_column_int64(statement, 1) : ret->block;
	if (ret->last > CHAIN_MAX_BLOCK || ret->block > ret->last)
		return -EBADMSG;
	if (!link || sqlite3_column_bytes(statement, 3) != CHAIN_DIGEST_BYTES || !digests || size > sizeof(ret->digests))
		return -EBADMSG;
	memcpy(ret->link.bytes, link, CHAIN_DIGEST_BYTES);
	memcpy(ret->digests, digests, size);
	ret->digests_size = size;
	if (ret->is_bridge && size != 2 * CHAIN_DIGEST_BYTES)
		return -EBADMSG;
	if (ret->is_bridge)
		memcpy(ret->before.bytes, digests, CHAIN_DIGEST_BYTES);
	return 0;
}

/* The row at the block, or the next before or behind it: `which` says. -ENODATA: there is none. */
static int read_row(sqlite3 *db, const char *which, uint64_t block, struct chain_row *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	int r;

	buffer_printf(&sql, "SELECT block, last, digests, link FROM chain WHERE %s LIMIT 1", which);
	r = buffer_error(&sql) < 0 ? -ENOMEM : sql_prepare(db, buffer_text(&sql), &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)block);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? -ENODATA : sql_errno(r);
	return chain_read_row(statement, ret);
}

static int delete_rows(struct chain *chain, uint64_t first, uint64_t last)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "DELETE FROM chain WHERE block BETWEEN %llu AND %llu", (unsigned long long)first,
		 (unsigned long long)last);
	return sql_exec(chain->db, sql);
}

int chain_bridge(struct chain *chain, uint64_t first, uint64_t last)
{
	unsigned char digests[2 * CHAIN_DIGEST_BYTES];
	struct chain_link before = { { 0 } }, sealed;
	struct chain_row row;
	int r = read_row(chain->db, "block <= ?1 ORDER BY block DESC", last, &row);

	/* Blocks from before there was a chain; or its row was altered, which is to be found and not to be mended. */
	if (r == -ENODATA || r == -EBADMSG || (r == 0 && row.last < first))
		return 0;
	if (r < 0)
		return r;
	const struct chain_link link = row.link;

	last = MAX(last, row.last);
	r = first == 0 ? -ENODATA : read_row(chain->db, "block <= ?1 ORDER BY block DESC", first - 1, &row);
	if (r == 0) {
		/* Two bridges in a row are one. */
		before = row.is_bridge ? row.before : row.link;
		first = row.is_bridge ? row.block : first;
	}
	if (r == -EBADMSG)
		return 0;
	if (r < 0 && r != -ENODATA)
		return r;
	r = chain_seal_bridge(chain->key, &before, first, last, &link, &sealed);
	if (r == 0)
		r = delete_rows(chain, first, last);
	if (r < 0)
		return r;
	memcpy(digests, before.bytes, CHAIN_DIGEST_BYTES);
	memcpy(digests + CHAIN_DIGEST_BYTES, sealed.bytes, CHAIN_DIGEST_BYTES);
	return write_row(chain, first, last, (struct span){ (const char *)digests, sizeof(digests) }, &link);
}

/* Opening */

void chain_sql(struct buffer *sql)
{
	buffer_append_text(sql, "CREATE TABLE chain (block INTEGER PRIMARY KEY -- what its events are, so that a change shows (src/sink/chain.h)\n"
				", last INTEGER -- not NULL: nothing is left of this and the blocks up to that one\n"
				", digests BLOB -- of its events, by category\n"
				", link BLOB -- keyed, of that and of the link before\n"
				");\n");
}

/* Random, from before the first row of the chain. */
static int need_id(sqlite3 *db)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	unsigned char id[CHAIN_DIGEST_BYTES];
	int r = sql_prepare(db, "INSERT OR IGNORE INTO meta VALUES ('chain_id', ?)", &statement);

	if (r < 0)
		return r;
	if (RAND_bytes(id, sizeof(id)) != 1)
		return -EIO;
	sqlite3_bind_blob64(statement, 1, id, sizeof(id), SQLITE_STATIC);
	return sql_run(statement);
}

int chain_new(struct chain **ret, sqlite3 *db, const unsigned char *key)
{
	_cleanup_(chain_freep) struct chain *chain = calloc(1, sizeof(*chain));
	struct chain_row row;
	int r;

	if (!chain)
		return -ENOMEM;
	chain->db = db;
	r = need_id(db);
	if (r == 0)
		r = chain_key_of(db, key, chain->key);
	if (r < 0)
		return r;
	r = sql_prepare(db, "INSERT OR REPLACE INTO chain VALUES (?,?,?,?)", &chain->row);
	if (r < 0)
		return r;
	r = read_row(db, "block <= ?1 ORDER BY block DESC", INT64_MAX, &row);
	/* A row that was altered ties nothing down: what comes does not fit to it, which is to be found. */
	if (r < 0 && r != -ENODATA && r != -EBADMSG)
		return r;
	if (r == 0) {
		chain->open = (struct open_block){ .block = row.last, .link = row.link, .is_written = true };
		chain->committed = chain->open;
	}
	*ret = TAKE(chain);
	return 0;
}

struct chain *chain_free(struct chain *chain)
{
	if (!chain)
		return NULL;
	sql_finalize(chain->row);
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		EVP_MD_CTX_free(chain->of[i].digest);
		buffer_release(&chain->of[i].pending);
	}
	chain_scratch_release(&chain->scratch);
	OPENSSL_cleanse(chain->key, sizeof(chain->key));
	free(chain);
	return NULL;
}
