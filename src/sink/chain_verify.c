/* See chain_verify.h. The chain is gone through row by row, each with its block's events in a read transaction of its own: the recorder
 * may write and clean meanwhile. */

#include "sink/chain_verify.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "sink/chain_record.h"
#include "sink/history_file.h"
#include "sink/sieve.h"

struct verification {
	struct history *history;
	const unsigned char *key;	/* of the database; NULL: none */
	unsigned char database_key[CHAIN_KEY_BYTES];
	chain_finding_fn found;
	void *user;
	struct chain_report report;
	sqlite3_stmt *next, *before, *times, *block;
	sqlite3_stmt *events[N_CATEGORIES], *stray[N_CATEGORIES];
	EVP_MD_CTX *digest;
	struct buffer record;
	struct chain_scratch scratch;
	uint64_t n_hidden;		/* events of this block */
	uint64_t at;			/* blocks before it have been looked at */
	struct chain_link link;		/* of the last of them */
	uint64_t cleaned[N_CATEGORIES];	/* up to that block, +1, events may be missing */
};

static void verification_release(struct verification *v)
{
	sql_finalize(v->next);
	sql_finalize(v->before);
	sql_finalize(v->times);
	sql_finalize(v->block);
	OPENSSL_cleanse(v->database_key, sizeof(v->database_key));
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		sql_finalize(v->events[i]);
		sql_finalize(v->stray[i]);
	}
	EVP_MD_CTX_free(v->digest);
	buffer_release(&v->record);
	chain_scratch_release(&v->scratch);
}

static void find(struct verification *v, struct chain_finding finding)
{
	sqlite3_bind_int64(v->times, 1, (int64_t)finding.block);
	sqlite3_bind_int64(v->times, 2, (int64_t)finding.last);
	if (sqlite3_step(v->times) == SQLITE_ROW) {
		finding.min_ns = (uint64_t)sqlite3_column_int64(v->times, 0);
		finding.max_ns = (uint64_t)sqlite3_column_int64(v->times, 1);
	}
	sqlite3_reset(v->times);
	v->report.findings++;
	v->found(v->user, &finding);
}

/* Table cleaned, as far as the recorder sealed it. */
static int read_cleaned(struct verification *v)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(v->history->db, "SELECT category, block, seal FROM cleaned WHERE block IS NOT NULL", &statement);

	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t category = sqlite3_column_int64(statement, 0);
		uint64_t block = (uint64_t)sqlite3_column_int64(statement, 1);
		const void *sealed = sqlite3_column_blob(statement, 2);
		struct chain_link expected;

		if (category < 0 || category >= N_CATEGORIES)
			continue;
		if (v->key) {
			r = chain_seal_cleaned(v->key, (unsigned)category, block, &expected);
			if (r < 0)
				return r;
			if (!sealed || sqlite3_column_bytes(statement, 2) != CHAIN_DIGEST_BYTES ||
			    memcmp(sealed, expected.bytes, CHAIN_DIGEST_BYTES) != 0)
				continue; /* what it excuses is found as removed */
		}
		v->cleaned[category] = block + 1;
	}
	return sql_errno(r);
}

/* What table block says of the events, by which they are found.  Its statement is to be reset. */
struct told {
	bool is_there;
	int64_t min_ns, max_ns;
	struct span sieve;
};

static int read_told(struct verification *v, uint64_t block, struct told *ret)
{
	int r;

	*ret = (struct told){ 0 };
	sqlite3_bind_int64(v->block, 1, (int64_t)block);
	r = sqlite3_step(v->block);
	if (r != SQLITE_ROW)
		return sql_errno(r);
	/* What is no number compares otherwise than one. */
	ret->is_there = sqlite3_column_type(v->block, 0) == SQLITE_INTEGER && sqlite3_column_type(v->block, 1) == SQLITE_INTEGER;
	ret->min_ns = sqlite3_column_int64(v->block, 0);
	ret->max_ns = sqlite3_column_int64(v->block, 1);
	ret->sieve.data = sqlite3_column_blob(v->block, 2);
	ret->sieve.size = ret->sieve.data ? (size_t)sqlite3_column_bytes(v->block, 2) : 0;
	return 0;
}

/* Would a search by time or by value come by it? */
static bool is_hidden(const struct told *told, const struct event *event)
{
	return !told->is_there || (int64_t)event->time_ns < told->min_ns || (int64_t)event->time_ns > told->max_ns ||
	       !sieve_may_have_event(told->sieve, event);
}

/* The events that a block has of a category. */
static int digest_events(struct verification *v, const struct told *told, uint64_t block, unsigned category, uint64_t *ret_events,
			 unsigned char ret[CHAIN_DIGEST_BYTES])
{
	sqlite3_stmt *statement = v->events[category];
	unsigned char digest[EVP_MAX_MD_SIZE];
	int r;

	*ret_events = 0;
	if (EVP_DigestInit_ex(v->digest, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	sqlite3_bind_int64(statement, 1, (int64_t)(block << BLOCK_BITS));
	sqlite3_bind_int64(statement, 2, (int64_t)((block << BLOCK_BITS) + BLOCK_EVENTS - 1));
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		_cleanup_(event_freep) struct event *event = NULL;

		(*ret_events)++;
		r = history_row_event(&v->history->rows, statement, category, &event);
		if (r == -ENODATA)
			continue; /* of no kind that there is: the digest will not fit */
		buffer_clear(&v->record);
		if (r == 0)
			r = chain_record(&v->record, event, &v->scratch);
		if (r < 0)
			break;
		v->n_hidden += is_hidden(told, event);
		if (EVP_DigestUpdate(v->digest, v->record.data, v->record.size) != 1)
			r = -ENOMEM;
		if (r < 0)
			break;
	}
	sqlite3_reset(statement);
	r = r < 0 ? r : sql_errno(r);
	if (r == 0 && EVP_DigestFinal_ex(v->digest, digest, NULL) != 1)
		r = -ENOMEM;
	if (r == 0)
		memcpy(ret, digest, CHAIN_DIGEST_BYTES);
	return r;
}

static bool is_damage(int r)
{
	return r == -EBADMSG || r == -EUCLEAN || r == -EIO;
}

/* What the chain says that a block has of a category; NULL: nothing. */
static const unsigned char *item_of(const struct chain_row *row, unsigned category)
{
	for (size_t at = 0; at + CHAIN_ITEM_BYTES <= row->digests_size; at += CHAIN_ITEM_BYTES)
		if (row->digests[at] == category)
			return row->digests + at;
	return NULL;
}

static int verify_category(struct verification *v, const struct chain_row *row, const struct told *told, unsigned category)
{
	const unsigned char *item = item_of(row, category);
	struct chain_finding finding = { .block = row->block, .last = row->block, .category = category,
					 .expected = item ? (uint64_t)item[1] | (uint64_t)item[2] << 8 : 0 };
	unsigned char digest[CHAIN_DIGEST_BYTES];
	int r = digest_events(v, told, row->block, category, &finding.events, digest);

	if (is_damage(r)) {
		finding.kind = FINDING_UNREADABLE;
		find(v, finding);
		return 0;
	}
	if (r < 0)
		return r;
	if (finding.events == 0 && (!item || row->block < v->cleaned[category]))
		return 0;
	if (item && finding.events == finding.expected && memcmp(digest, item + 3, CHAIN_DIGEST_BYTES) == 0) {
		v->report.events += finding.events;
		return 0;
	}
	finding.kind = finding.events < finding.expected ? FINDING_REMOVED :
		       finding.events > finding.expected ? FINDING_INSERTED : FINDING_ALTERED;
	find(v, finding);
	return 0;
}

static int verify_block(struct verification *v, const struct chain_row *row)
{
	struct told told;
	int r = read_told(v, row->block, &told);

	v->n_hidden = 0;
	for (unsigned i = 0; r == 0 && i < N_CATEGORIES; i++)
		r = verify_category(v, row, &told, i);
	sqlite3_reset(v->block);
	if (r == 0 && v->n_hidden > 0)
		find(v, (struct chain_finding){ .kind = FINDING_HIDDEN, .block = row->block, .last = row->block,
						.category = N_CATEGORIES, .events = v->n_hidden });
	return r;
}

/* Events in blocks first..last, of which the chain says nothing. */
static int count_stray(struct verification *v, uint64_t first, uint64_t last, uint64_t ret[N_CATEGORIES])
{
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		int r;

		ret[i] = 0;
		sqlite3_bind_int64(v->stray[i], 1, (int64_t)(first << BLOCK_BITS));
		sqlite3_bind_int64(v->stray[i], 2, (int64_t)MIN((last << BLOCK_BITS) + BLOCK_EVENTS - 1, (uint64_t)INT64_MAX));
		r = sqlite3_step(v->stray[i]);
		if (r == SQLITE_ROW)
			ret[i] = (uint64_t)sqlite3_column_int64(v->stray[i], 0);
		sqlite3_reset(v->stray[i]);
		if (r != SQLITE_ROW && !is_damage(sql_errno(r)))
			return sql_errno(r);
	}
	return 0;
}

static int verify_nothing(struct verification *v, uint64_t first, uint64_t last)
{
	uint64_t n[N_CATEGORIES];
	int r = first <= last ? count_stray(v, first, last, n) : 0;

	for (unsigned i = 0; first <= last && r == 0 && i < N_CATEGORIES; i++)
		if (n[i] > 0)
			find(v, (struct chain_finding){ .kind = FINDING_INSERTED, .block = first, .last = last, .category = i, .events = n[i] });
	return r;
}

/* What lies before the first row of the chain. */
static int verify_before(struct verification *v, uint64_t first)
{
	uint64_t n[N_CATEGORIES] = { 0 };
	int r = first > 0 ? count_stray(v, 0, first - 1, n) : 0;

	for (unsigned i = 0; i < N_CATEGORIES; i++)
		v->report.before_events += n[i];
	return r;
}

static bool is_same(const struct chain_link *a, const struct chain_link *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static int verify_link(struct verification *v, const struct chain_row *row)
{
	struct span digests = { (const char *)row->digests, row->digests_size };
	struct chain_finding finding = { .kind = FINDING_LINK, .block = row->block, .last = row->last, .category = N_CATEGORIES };
	struct chain_link expected, sealed;
	bool right;
	int r;

	if (!v->key)
		return 0;
	if (row->is_bridge) {
		memcpy(sealed.bytes, row->digests + CHAIN_DIGEST_BYTES, sizeof(sealed.bytes));
		r = chain_seal_bridge(v->key, &row->before, row->block, row->last, &row->link, &expected);
		/* One that reaches back behind what has been looked at was made meanwhile. */
		right = r == 0 && is_same(&expected, &sealed) && (row->block < v->at || is_same(&row->before, &v->link));
	} else {
		r = chain_link_block(v->key, &v->link, row->block, digests, &expected);
		right = r == 0 && is_same(&expected, &row->link);
	}
	if (r == 0 && !right)
		find(v, finding);
	return r;
}

static int verify_row(struct verification *v, const struct chain_row *row)
{
	uint64_t before = v->report.findings;
	int r = verify_link(v, row);

	if (r == 0 && v->report.has_chain && row->block > v->at)
		r = verify_nothing(v, v->at, row->block - 1);
	else if (r == 0 && !v->report.has_chain && !row->is_bridge)
		r = verify_before(v, row->block);
	if (r == 0 && row->is_bridge)
		r = verify_nothing(v, MAX(v->at, row->block), row->last);
	if (r == 0 && !row->is_bridge)
		r = verify_block(v, row);
	if (r < 0)
		return r;
	if (row->is_bridge)
		v->report.cleaned_blocks += row->last - row->block + 1;
	else if (v->report.findings == before)
		v->report.blocks++;
	v->at = row->last + 1;
	v->link = row->link;
	v->report.has_closed = v->report.has_chain;
	v->report.closed = v->report.head;
	v->report.closed_block = v->report.head_block;
	v->report.has_chain = true;
	v->report.head = row->link;
	v->report.head_block = row->last;
	return 0;
}

/* Behind the last row. */
static int verify_end(struct verification *v)
{
	return v->report.has_chain ? verify_nothing(v, v->at, CHAIN_MAX_BLOCK) : verify_before(v, CHAIN_MAX_BLOCK);
}

/* A row that is of no such form. */
static void find_broken(struct verification *v, uint64_t block)
{
	find(v, (struct chain_finding){ .kind = FINDING_LINK, .block = block, .last = block, .category = N_CATEGORIES });
	v->report.has_chain = true;
	v->at = block + 1;
}

/* The row that goes on at v->at: > 0: *ret is set; 0: there is none; -EBADMSG: *ret_block is of no such form. Each has a larger block
 * than the one before, but for one that reaches over v->at: so this ends, whatever is in the table. */
static int read_next(struct verification *v, struct chain_row *ret, uint64_t *ret_block)
{
	int r;

	if (v->at > CHAIN_MAX_BLOCK)
		return 0;
	sqlite3_bind_int64(v->before, 1, (int64_t)v->at);
	r = sqlite3_step(v->before);
	if (r == SQLITE_ROW)
		r = chain_read_row(v->before, ret) == 0 && ret->last >= v->at ? 1 : 0;
	else
		r = sql_errno(r);
	sqlite3_reset(v->before);
	if (r != 0)
		return r;
	sqlite3_bind_int64(v->next, 1, (int64_t)v->at);
	r = sqlite3_step(v->next);
	if (r == SQLITE_ROW) {
		*ret_block = (uint64_t)sqlite3_column_int64(v->next, 0);
		r = chain_read_row(v->next, ret);
		r = r == 0 ? 1 : r;
	} else {
		r = sql_errno(r);
	}
	sqlite3_reset(v->next);
	return r;
}

/* > 0: it has been looked at, there is more; 0: that was all.  The last one ends it at once: while it is written to its link is
 * another at each commit. */
static int verify_next(struct verification *v)
{
	struct chain_row row;
	uint64_t block;
	int r = read_next(v, &row, &block);

	if (r == -EBADMSG) {
		find_broken(v, block);
	} else if (r > 0) {
		r = read_cleaned(v);
		if (r == 0)
			r = verify_row(v, &row);
	}
	if (r < 0 && r != -EBADMSG)
		return r;
	r = read_next(v, &row, &block);
	if (r != 0)
		return r == -EBADMSG ? 1 : r;
	return verify_end(v);
}

static int prepare(struct verification *v)
{
	sqlite3 *db = v->history->db;
	int r = sql_prepare(db, "SELECT block, last, digests, link FROM chain WHERE block >= ?1 ORDER BY block LIMIT 1", &v->next);

	if (r == 0)
		r = sql_prepare(db, "SELECT block, last, digests, link FROM chain WHERE block < ?1 ORDER BY block DESC LIMIT 1", &v->before);
	if (r == 0)
		r = sql_prepare(db, "SELECT min_time, max_time, sieve FROM block WHERE id = ?1", &v->block);
	v->digest = EVP_MD_CTX_new();
	if (r == 0)
		r = v->digest ? sql_prepare(db, "SELECT min(min_time), max(max_time) FROM block WHERE id BETWEEN ?1 AND ?2", &v->times) : -ENOMEM;
	for (unsigned i = 0; i < N_CATEGORIES && r == 0; i++) {
		_cleanup_(buffer_release) struct buffer sql = { 0 }, stray = { 0 };
		const char *name = categories[i].name;

		buffer_append_text(&sql, "SELECT ");
		history_row_columns(&sql, &v->history->rows.layout, i, NULL);
		buffer_printf(&sql, " FROM " HISTORY_EVENT_TABLES, name, name, name);
		buffer_append_text(&sql, " WHERE e.sequence BETWEEN ?1 AND ?2 ORDER BY e.sequence");
		buffer_printf(&stray, "SELECT count(*) FROM event_%s WHERE sequence BETWEEN ?1 AND ?2", name);
		if (buffer_error(&sql) < 0 || buffer_error(&stray) < 0)
			return -ENOMEM;
		r = sql_prepare(db, buffer_text(&sql), &v->events[i]);
		if (r == 0)
			r = sql_prepare(db, buffer_text(&stray), &v->stray[i]);
	}
	return r;
}

/* A line each, but for what says whereof. */
static void find_damage(struct verification *v, struct span said)
{
	while (said.size > 0) {
		const char *end = memchr(said.data, '\n', said.size);
		struct span line = { said.data, end ? (size_t)(end - said.data) : said.size };

		said.data += line.size + (end != NULL);
		said.size -= line.size + (end != NULL);
		if (line.size == 0 || span_starts(line, SPAN("*** in database ")))
			continue;
		v->report.findings++;
		v->found(v->user, &(struct chain_finding){ .kind = FINDING_DAMAGED, .last = CHAIN_MAX_BLOCK, .category = N_CATEGORIES, .text = line });
	}
}

/* Nobody writes to a file without a chain, so that a long look keeps nobody's -wal. */
static int verify_file(struct verification *v)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(v->history->db, "PRAGMA quick_check(20)", &statement);

	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		struct span said = { (const char *)sqlite3_column_text(statement, 0), (size_t)sqlite3_column_bytes(statement, 0) };

		if (said.data && !span_eq(said, SPAN("ok")))
			find_damage(v, said);
	}
	r = sql_errno(r);
	if (!is_damage(r))
		return r;
	find_damage(v, span_of(sqlite3_errmsg(v->history->db)));
	return 0;
}

int chain_verify(struct history *history, const unsigned char *key, chain_finding_fn found, chain_progress_fn progress, void *user,
		 struct chain_report *ret)
{
	_cleanup_(verification_release) struct verification v = { .history = history, .found = found, .user = user };
	uint64_t total = 0, is_closed = 0;
	int r = prepare(&v), end;

	history_rows_as_stored(&history->rows);
	if (r == 0 && key) {
		r = chain_key_of(history->db, key, v.database_key);
		v.key = v.database_key;
	}
	if (r == 0)
		r = history_number(history->db, "SELECT max(coalesce(last, block)) FROM chain", 0, 0, &total);
	if (r < 0)
		return r;
	do {
		if (progress && progress(user, v.at, total))
			return -EINTR;
		r = sql_exec(history->db, "BEGIN");
		if (r < 0)
			return r;
		r = verify_next(&v);
		end = sql_exec(history->db, "COMMIT");
		if (r > 0 && end < 0)
			r = end;
	} while (r > 0);
	if (r == 0 && !v.report.has_chain)
		r = verify_file(&v);
	if (r == 0)
		r = history_number(history->db, "SELECT value FROM meta WHERE key = 'clean_stop'", 0, 0, &is_closed);
	/* A block that events come to has another link with each commit. */
	if (is_closed && v.report.has_chain) {
		v.report.has_closed = true;
		v.report.closed = v.report.head;
		v.report.closed_block = v.report.head_block;
	}
	*ret = v.report;
	return r;
}

int chain_find_head(struct history *history, uint64_t block, const struct chain_link *link, enum chain_head *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	struct chain_row row;
	int r = sql_prepare(history->db, "SELECT block, last, digests, link FROM chain WHERE block <= ?1 ORDER BY block DESC LIMIT 1",
			    &statement);

	if (r < 0)
		return r;
	*ret = HEAD_MISSING;
	sqlite3_bind_int64(statement, 1, (int64_t)block);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return sql_errno(r);
	r = chain_read_row(statement, &row);
	if (r == -EBADMSG)
		return 0;
	if (r == 0 && row.last == block && is_same(&row.link, link))
		*ret = HEAD_THERE;
	else if (r == 0 && row.is_bridge && block < row.last)
		*ret = HEAD_CLEANED;
	return r;
}
