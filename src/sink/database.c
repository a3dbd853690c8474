/* The sink that keeps the history: recorder.db.
 *
 * Events are inserted in one transaction after another, committed by flush() or after so many events. What
 * goes wrong never tears it: a statement that fails leaves the transaction as it was, a commit that fails
 * is rolled back and its events are counted as lost. A file that turns out to be damaged is set aside and a
 * new one begun; so is one that somebody removed, since what is written to it then nobody will ever read.
 * Its size is bounded by upkeep.c. */

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "config.h"
#include "base/clock.h"
#include "sink/block_table.h"
#include "sink/database_file.h"
#include "sink/past.h"
#include "sink/schema_sql.h"
#include "sink/store.h"
#include "sink/upkeep.h"

#define MAX_PER_COMMIT	    10000
#define MAX_PER_COMMIT_BULK 100000
#define MAX_HELD_BYTES	    ((size_t)64 << 20) /* text of processes, which are held until the commit */
#define ALIVE_INTERVAL_NS   (60 * NS_PER_SEC)
#define LOOK_INTERVAL_NS    NS_PER_SEC /* is the file still there? */
#define CHAPTER_BYTES	    ((uint64_t)16 << 20) /* or if the whole is bounded a part of it: sweeping one is a transaction, for which the -wal has room */
#define CHAPTER_PART	    32
#define BLOCK_PART	    4 /* of a chapter: a block of large events is not to be all of it */

struct sink {
	char *path, *host_id, *host_name, *boot_id;
	bool bulk;
	struct database_file file;
	struct store store;
	sqlite3_stmt *begin, *commit, *rollback, *meta_row;
	bool is_open;	 /* a transaction */
	uint64_t n_open, n_open_of[N_CATEGORIES];	/* events in it, and by category */
	struct block_table blocks;
	struct chain *chain;		/* NULL: none */
	unsigned char chain_key[CHAIN_KEY_BYTES];
	bool has_key;
	struct database_limits limits;
	struct upkeep upkeep;
	uint64_t chapter_max;
	uint64_t chapter_bytes, chapter_bytes_committed, open_bytes, block_bytes;	/* stored in the chapter, transaction, block */
	uint64_t alive_ns; /* as last written */
	uint64_t told_ns;  /* of the last event of a source in the transaction; 0: there is none */
	uint64_t whole_ns; /* until then all that is missing has been told of; 0: not known */
	uint64_t looked_ns;
	const char *untold; /* cause of the gap that the file has to tell of: it was begun while we recorded */
	dev_t device; /* of the open file */
	ino_t inode;
	struct sink_report report;
};

static struct sink *database_free(struct sink *sink);
DEFINE_CLEANUP(struct sink, database_free)

/* Table meta. */

static int meta_set_text(struct sink *sink, const char *key, const char *value)
{
	sqlite3_bind_text(sink->meta_row, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(sink->meta_row, 2, value, -1, SQLITE_STATIC);
	return sql_run(sink->meta_row);
}

static int meta_set_number(struct sink *sink, const char *key, int64_t value)
{
	sqlite3_bind_text(sink->meta_row, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(sink->meta_row, 2, value);
	return sql_run(sink->meta_row);
}

static int write_run(struct sink *sink, int64_t now)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	const char *const texts[] = { sink->host_id, sink->host_name, sink->boot_id };
	int r;

	r = sql_prepare(sink->file.db, "INSERT OR REPLACE INTO run VALUES (?,?,?,?,?)", &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)sink->store.next_sequence);
	sqlite3_bind_int64(statement, 2, now);
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		sqlite3_bind_text(statement, (int)i + 3, texts[i], -1, SQLITE_STATIC); /* NULL: NULL */
	return sql_run(statement);
}

/* From here on the file says that somebody writes it. Synced, so that it also says so after power loss. */
static int write_present(struct sink *sink)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "recorder_version", RECORDER_VERSION },
		{ "host_id", sink->host_id },
		{ "host_name", sink->host_name },
		{ "boot_id", sink->boot_id },
	};
	int64_t now = (int64_t)clock_now_ns();
	int r = sql_exec(sink->file.db, sink->bulk && sink->file.created
						? "BEGIN IMMEDIATE"
						: "PRAGMA synchronous = FULL; BEGIN IMMEDIATE");

	for (unsigned i = 0; r >= 0 && i < ARRAY_SIZE(texts); i++)
		if (texts[i].value)
			r = meta_set_text(sink, texts[i].key, texts[i].value);
	if (r >= 0 && sink->file.created) {
		r = meta_set_number(sink, "created", now);
		sink->report.created_ns = (uint64_t)now;
	}
	if (r >= 0)
		r = meta_set_number(sink, "schema_version", SCHEMA_VERSION);
	if (r >= 0)
		r = meta_set_number(sink, "clean_stop", 0);
	if (r >= 0)
		r = meta_set_number(sink, "last_alive", now);
	if (r >= 0)
		r = write_run(sink, now);
	if (r >= 0)
		r = sql_exec(sink->file.db, "COMMIT");
	if (r >= 0 && !(sink->bulk && sink->file.created))
		r = sql_exec(sink->file.db, "PRAGMA synchronous = NORMAL");
	if (r < 0 && !sqlite3_get_autocommit(sink->file.db))
		sql_exec(sink->file.db, "ROLLBACK");
	sink->alive_ns = (uint64_t)now;
	return r;
}

/* Opening. */

static void none_open(struct sink *sink)
{
	sink->n_open = 0;
	memset(sink->n_open_of, 0, sizeof(sink->n_open_of));
}

/* What there is of the file but its lock. */
static void detach_but_lock(struct sink *sink)
{
	store_close(&sink->store);
	sink->begin = sql_finalize(sink->begin);
	sink->commit = sql_finalize(sink->commit);
	sink->rollback = sql_finalize(sink->rollback);
	block_table_close(&sink->blocks);
	sink->meta_row = sql_finalize(sink->meta_row);
	database_file_keep_lock(&sink->file);
	sink->is_open = false;
	none_open(sink);
	upkeep_close(&sink->upkeep);
	sink->chain = chain_free(sink->chain);
}

static void detach(struct sink *sink)
{
	detach_but_lock(sink);
	database_file_close(&sink->file);
}

static void set_chapter_max(struct sink *sink)
{
	uint64_t max = sink->limits.max_bytes;

	sink->chapter_max = max ? MIN(MAX(max / CHAPTER_PART, UINT64_C(1) << 18), CHAPTER_BYTES) : CHAPTER_BYTES;
}

/* What the chapter has already that is gone on with. */
static int count_chapter(struct sink *sink)
{
	char sql[96];
	int64_t bytes;
	int r;

	snprintf(sql, sizeof(sql), "SELECT coalesce(sum(bytes), 0) FROM content WHERE block >= %llu",
		 (unsigned long long)sink->store.chapter.block);
	r = sql_number(sink->file.db, sql, &bytes);
	if (r < 0)
		return r;
	sink->chapter_bytes = sink->chapter_bytes_committed = (uint64_t)bytes;
	sink->open_bytes = sink->block_bytes = 0;
	return 0;
}

/* Everything a writer needs of an open file: whatever of it is not there or cannot be read, the file is
 * damaged. */
static int attach(struct sink *sink, struct sink_error *error)
{
	const struct {
		const char *sql;
		sqlite3_stmt **ret;
	} statements[] = {
		{ "BEGIN IMMEDIATE", &sink->begin },
		{ "COMMIT", &sink->commit },
		{ "ROLLBACK", &sink->rollback },
		{ "INSERT OR REPLACE INTO meta VALUES (?,?)", &sink->meta_row },
	};
	int r = 0;

	for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(statements); i++)
		r = sql_prepare(sink->file.db, statements[i].sql, statements[i].ret);
	if (r == 0)
		r = block_table_open(&sink->blocks, sink->file.db);
	if (r == 0)
		r = store_open(&sink->store, sink->file.db, sink->boot_id);
	if (r == 0)
		r = sink->file.created ? 0 : past_read(sink->file.db, &sink->report);
	if (r == 0)
		r = write_present(sink);
	if (r == 0)
		r = count_chapter(sink);
	if (r == 0 && sink->has_key)
		r = chain_new(&sink->chain, sink->file.db, sink->chain_key);
	sink->store.chain = sink->chain;
	if (r == 0)
		r = upkeep_open(&sink->upkeep, sink->file.db, &sink->store, sink->path, sink->file.lock_fd, &sink->limits);
	if (r < 0) {
		if (error)
			snprintf(error->message, sizeof(error->message), "%s: %s", sink->path,
				 sqlite3_errmsg(sink->file.db));
		if (r == -EBADMSG)
			r = -EUCLEAN;
		if (r == -EUCLEAN)
			detach_but_lock(sink);
		else
			detach(sink);
	}
	return r;
}

/* -EUCLEAN: damaged, its lock is held until it is set aside. */
static int open_file(struct sink *sink, struct sink_error *error)
{
	struct stat st;
	int r;

	database_file_close(&sink->file); /* a lock that was held in vain */
	r = database_file_open(&sink->file, sink->path, sink->bulk, error);
	if (r < 0)
		return r;
	if (stat(sink->path, &st) == 0) {
		sink->device = st.st_dev;
		sink->inode = st.st_ino;
	}
	return attach(sink, error);
}

/* Looked at now and then: a name that leads nowhere, or to another file. */
static bool is_removed(struct sink *sink, uint64_t now_ns)
{
	struct stat st;

	if (sink->bulk || now_ns < sink->looked_ns + LOOK_INTERVAL_NS)
		return false;
	sink->looked_ns = now_ns;
	if (stat(sink->path, &st) < 0)
		return errno == ENOENT;
	return st.st_dev != sink->device || st.st_ino != sink->inode;
}

/* When the recorder last wrote a file that cannot be read any more: the time of the file is all there is. */
static uint64_t last_change_ns(const char *path)
{
	static const char *const parts[] = { "", "-wal" };
	uint64_t last = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		char name[4096];
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		if (stat(name, &st) == 0 && st.st_mtim.tv_sec > 0)
			last = MAX(last,
				   (uint64_t)st.st_mtim.tv_sec * NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec);
	}
	return last;
}

/* The damaged file, whose lock is held, goes; a new one is begun. */
static int begin_anew(struct sink *sink, struct sink_error *error)
{
	uint64_t last_ns = last_change_ns(sink->path);
	int r;

	r = database_file_set_aside(sink->path, sink->report.damaged_path, sizeof(sink->report.damaged_path));
	if (r < 0)
		return r;
	sink->report.n_damaged++;
	sink->untold = "database_damaged";
	r = open_file(sink, error);
	sink->report.existed = true;
	sink->report.clean_stop = false;
	sink->report.last_alive_ns = last_ns;
	sink->report.last_event_ns = sink->report.newest_event_ns = sink->report.stopped_ns = 0;
	return r;
}

/* As it is, or anew if it is damaged. A person who names a file that is none of ours to an import did not ask for it to be
 * moved. */
static int open_in_any_case(struct sink *sink, struct sink_error *error)
{
	int r = open_file(sink, error);

	return r == -EUCLEAN && !sink->bulk ? begin_anew(sink, error) : r;
}

static int copy_text(char **ret, const char *text)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int database_open(struct sink **ret, const struct sink_options *options)
{
	_cleanup_(database_freep) struct sink *sink = calloc(1, sizeof(*sink));
	int r;

	if (!sink)
		return -ENOMEM;
	sink->file = DATABASE_FILE_CLOSED;
	sink->bulk = options->bulk;
	sink->limits = options->database;
	sink->has_key = options->chain_key != NULL;
	if (sink->has_key)
		memcpy(sink->chain_key, options->chain_key, sizeof(sink->chain_key));
	set_chapter_max(sink);
	if (copy_text(&sink->path, options->path) < 0 || copy_text(&sink->host_id, options->host_id) < 0 ||
	    copy_text(&sink->host_name, options->host_name) < 0 ||
	    copy_text(&sink->boot_id, options->boot_id) < 0)
		return -ENOMEM;
	if (!sink->path)
		return -EINVAL;
	r = block_table_init(&sink->blocks);
	if (r < 0)
		return r;
	r = open_in_any_case(sink, options->error);
	if (r < 0)
		return r == -EUCLEAN ? -EBADMSG : r;
	sink->untold = NULL; /* the report tells what was before */
	*ret = TAKE(sink);
	return 0;
}

/* Transactions. */

/* What was written since BEGIN is gone. */
static void abandon(struct sink *sink)
{
	if (!sqlite3_get_autocommit(sink->file.db))
		sql_run(sink->rollback);
	sink->report.events -= sink->n_open;
	sink->report.lost += sink->n_open;
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sink->report.lost_of[i] += sink->n_open_of[i];
	sink->told_ns = 0;
	sink->is_open = false;
	none_open(sink);
	block_table_forget(&sink->blocks);
	sink->chapter_bytes = sink->chapter_bytes_committed;
	sink->open_bytes = sink->block_bytes = 0;
	if (sink->chain)
		chain_forget(sink->chain);
	store_forget(&sink->store);
	/* What was committed of the block is all that it has: so its digest in the file is right. */
	store_begin_block(&sink->store);
}

/* The block that has been filled is told of, another begun. */
static int begin_block(struct sink *sink, const struct event *event)
{
	int r = block_table_begin(&sink->blocks, event);

	if (r == 0 && sink->chain) {
		r = chain_write(sink->chain);
		chain_begin_block(sink->chain, event->sequence >> BLOCK_BITS);
	}
	return r;
}

static int commit(struct sink *sink, uint64_t now_ns)
{
	int r = block_table_write(&sink->blocks, false);

	if (r == 0 && sink->chain)
		r = chain_write(sink->chain);
	if (r == 0)
		r = store_finish(&sink->store);
	/* Where there are events there may be more behind them, which happened at once: how late we are nobody knows. */
	if (r == 0)
		r = meta_set_number(sink, "last_alive", (int64_t)(sink->told_ns ? MIN(sink->told_ns, now_ns) : now_ns));
	if (r == 0 && sink->whole_ns)
		r = meta_set_number(sink, "whole_until", (int64_t)sink->whole_ns);
	if (r == 0)
		r = sql_run(sink->commit);
	if (r < 0) {
		abandon(sink);
		return r;
	}
	sink->is_open = false;
	none_open(sink);
	sink->told_ns = 0;
	sink->alive_ns = now_ns;
	block_table_settle(&sink->blocks);
	sink->chapter_bytes_committed = sink->chapter_bytes;
	sink->open_bytes = 0;
	if (sink->chain)
		chain_settle(sink->chain);
	store_settle(&sink->store);
	return upkeep_committed(&sink->upkeep);
}

static int failed(struct sink *sink, int r)
{
	sink->report.last_error = r;
	if (r == -EUCLEAN || r == -EBADMSG) {
		if (sink->is_open)
			abandon(sink);
		if (!sink->bulk) {
			detach_but_lock(sink);
			begin_anew(sink, NULL);
		}
	} else if (sink->is_open && sqlite3_get_autocommit(sink->file.db)) {
		abandon(sink); /* SQLite has rolled back already (sqlite.org/lang_transaction.html) */
	} else if (sink->is_open && (r == -ENOSPC || r == -EIO)) {
		/* What is in it may still fit. */
		commit(sink, clock_now_ns());
	}
	return r;
}

/* A transaction is open afterwards, and the event finds its place. */
static int make_ready(struct sink *sink)
{
	int r = 0;

	if (!sink->is_open) {
		if (upkeep_still_held(&sink->upkeep))
			return SINK_HELD;
		r = sql_run(sink->begin);
		if (r < 0)
			return r;
		sink->is_open = true;
		r = store_refresh(&sink->store);
		if (r < 0)
			return r;
	}
	if (unlikely(sink->chapter_bytes >= sink->chapter_max)) {
		r = store_begin_chapter(&sink->store);
		if (r == 0)
			sink->chapter_bytes = sink->block_bytes = 0;
	} else if (unlikely(sink->block_bytes >= sink->chapter_max / BLOCK_PART)) {
		store_begin_block(&sink->store);
		sink->block_bytes = 0;
	}
	return r;
}

/* Nobody would find the events of a block that is not told of, or believe them: with it they are lost, and counted. */
static int lose_open(struct sink *sink, int r)
{
	abandon(sink);
	failed(sink, r);
	return 0;
}

static bool is_transaction_full(const struct sink *sink)
{
	return sink->n_open >= (sink->bulk ? MAX_PER_COMMIT_BULK : MAX_PER_COMMIT) ||
	       sink->store.context_bytes >= MAX_HELD_BYTES ||
	       (sink->limits.max_bytes && sink->open_bytes >= sink->upkeep.transaction);
}

/* An event that is larger than what a transaction may write has one of its own, if there is room for it at all. */
static int make_room(struct sink *sink, const struct event *event)
{
	size_t bytes = store_new_bytes(&sink->store, event);
	int r = 0;

	if (likely(sink->limits.max_bytes == 0 || bytes <= sink->upkeep.transaction))
		return 0;
	if (sink->is_open)
		r = commit(sink, clock_now_ns());
	return r < 0 ? r : upkeep_make_room(&sink->upkeep, bytes);
}

/* Where a reader keeps cleaning from making room, it is the reader that has to go, not something on the disk. */
static int refused(struct sink *sink, int r)
{
	failed(sink, r);
	return r == -ENOSPC && sink->file.db && upkeep_hold_if_pinned(&sink->upkeep) ? SINK_HELD : r;
}

static int database_write(struct sink *sink, struct event *event)
{
	uint64_t bytes;
	int r = 0;

	if (unlikely(!sink->file.db))
		return sink->report.last_error;
	r = make_room(sink, event);
	if (r == 0)
		r = make_ready(sink);
	if (unlikely(r < 0))
		return refused(sink, r);
	sink->store.rows.bytes = 0;
	r = store_event(&sink->store, event);
	if (unlikely(r < 0))
		return refused(sink, r);
	sink->n_open++;
	sink->n_open_of[event_category(event)]++;
	sink->report.events++;
	if (event_category(event) != CATEGORY_recorder && event->kind != KIND_ID(file, write))
		sink->told_ns = event->time_ns;
	if (!block_table_is_in(&sink->blocks, event)) {
		r = begin_block(sink, event);
		if (r < 0)
			return lose_open(sink, r);
	}
	bytes = sink->store.rows.bytes;
	block_table_add(&sink->blocks, event, bytes);
	sink->chapter_bytes += bytes;
	sink->block_bytes += bytes;
	sink->open_bytes += bytes;
	if (sink->chain) {
		r = chain_add(sink->chain, event);
		if (r < 0)
			return lose_open(sink, r);
	}
	/* The event is stored; if it is lost now, the report tells. */
	if (unlikely(is_transaction_full(sink))) {
		r = commit(sink, clock_now_ns());
		if (r < 0)
			failed(sink, r);
	}
	return 0;
}

static int flush(struct sink *sink, uint64_t now_ns)
{
	int r;

	if (!sink->file.db) {
		/* Beginning anew had failed; perhaps there is room now. */
		r = open_in_any_case(sink, NULL);
		if (r < 0)
			return sink->report.last_error = r;
	}
	if (!sink->is_open) {
		/* By a clock that was set back it is fresh for hours. */
		if ((now_ns >= sink->alive_ns && now_ns < sink->alive_ns + ALIVE_INTERVAL_NS) || upkeep_still_held(&sink->upkeep))
			return 0;
		r = sql_run(sink->begin);
		if (r < 0)
			return failed(sink, r);
		sink->is_open = true;
	}
	r = commit(sink, now_ns);
	return r < 0 ? failed(sink, r) : 0;
}

/* What was before is not in this file. */
static int tell_begun(struct sink *sink, uint64_t now_ns)
{
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(recorder, gap), now_ns);
	int r;

	if (!event)
		return -ENOMEM;
	values_set_text(&event->values, FIELD_source, SPAN("recorder"));
	values_set_text(&event->values, FIELD_code, SPAN("GAP"));
	values_set_number(&event->values, FIELD_gap_begin, 0);
	values_set_number(&event->values, FIELD_gap_end, now_ns);
	values_set_text(&event->values, FIELD_gap_class, SPAN("all"));
	values_set_text(&event->values, FIELD_gap_cause, span_of(sink->untold));
	if (event->values.failed)
		return -ENOMEM;
	r = database_write(sink, event);
	if (r < 0)
		return r;
	sink->report.made++;
	return flush(sink, now_ns);
}

static int database_flush(struct sink *sink, uint64_t now_ns)
{
	int r = flush(sink, now_ns);

	if (r < 0) {
		upkeep_put_off(&sink->upkeep);
		return r;
	}
	r = upkeep_due(&sink->upkeep);
	if (r < 0)
		return failed(sink, r);
	if (is_removed(sink, now_ns)) {
		detach(sink);
		sink->report.n_removed++;
		sink->untold = "database_removed";
		r = open_in_any_case(sink, NULL);
		if (r < 0)
			return sink->report.last_error = r;
	}
	if (!sink->untold)
		return 0;
	r = tell_begun(sink, now_ns);
	if (r == 0)
		sink->untold = NULL;
	return r;
}

static void database_report(const struct sink *sink, struct sink_report *ret)
{
	*ret = sink->report;
	if (sink->chain)
		chain_heads(sink->chain, &ret->head, &ret->closed_head);
	ret->held = sink->upkeep.is_held;
	ret->next_ns = sink->file.db ? upkeep_next_ns(&sink->upkeep) : 0;
}

static void database_set_limits(struct sink *sink, const struct sink_options *options)
{
	sink->limits = options->database;
	set_chapter_max(sink);
	if (sink->file.db && upkeep_set_limits(&sink->upkeep, &sink->limits) < 0)
		sink->report.last_error = -EIO;
}

static void database_set_whole(struct sink *sink, uint64_t whole_ns)
{
	sink->whole_ns = whole_ns;
}

static struct sink *database_free(struct sink *sink)
{
	if (!sink)
		return NULL;
	if (sink->file.db) {
		bool ok = database_flush(sink, clock_now_ns()) == 0 && sink->file.db;

		/* What an import wrote was not synced so far; copying the WAL back does. */
		if (ok && sink->bulk)
			sql_exec(sink->file.db, "PRAGMA synchronous = NORMAL");
		if (ok && sql_run(sink->begin) == 0) {
			if (block_table_write(&sink->blocks, true) < 0 || meta_set_number(sink, "clean_stop", 1) < 0 ||
			    meta_set_number(sink, "last_alive", (int64_t)clock_now_ns()) < 0 ||
			    sql_run(sink->commit) < 0)
				sql_run(sink->rollback);
		}
		if (sink->file.db)
			upkeep_copy_back(&sink->upkeep);
		if (sink->file.db)
			sqlite3_wal_checkpoint_v2(sink->file.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
						  NULL);
	}
	detach(sink);
	block_table_release(&sink->blocks);
	free(sink->path);
	free(sink->host_id);
	free(sink->host_name);
	free(sink->boot_id);
	OPENSSL_cleanse(sink->chain_key, sizeof(sink->chain_key));
	free(sink);
	return NULL;
}

const struct sink_ops sink_database = {
	.name = "database",
	.open = database_open,
	.write = database_write,
	.flush = database_flush,
	.set_limits = database_set_limits,
	.set_whole = database_set_whole,
	.report = database_report,
	.free = database_free,
};
