/* A database within its bound: what goes, what stays, and that what stays is whole. The events are numbered; each tells its number
 * by its time and origin, and what it says follows from that. */

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "sink/chain_verify.h"
#include "sink/database_file.h"
#include "sink/history.h"
#include "sink/test_sink.h"
#include "sink/upkeep.h"

#define MiB ((uint64_t)1 << 20)
#define TIME UINT64_C(1732271338000000000)
#define MAX_NUMBERS 2000000
#define N_DAEMONS 5			/* processes that live as long as the test */
#define PER_JOB 40			/* events of a short process */

static const struct database_limits tight = {
	.max_bytes = 8 * MiB, .chunk_bytes = MiB, .min_clean_percent = 5, .max_clean_percent = 50,
	.shares = { [CATEGORY_process] = 30, [CATEGORY_system] = 10, [CATEGORY_file] = 10, [CATEGORY_recorder] = 5 },
};

static const unsigned char key[CHAIN_KEY_BYTES] = "key";

static struct sink *open_within(const char *path, const struct database_limits *limits)
{
	struct sink_error error = { "" };
	struct sink_options options = { .path = path, .host_id = "m1", .host_name = "box", .boot_id = "boot-1", .error = &error,
					.database = *limits, .chain_key = key };
	struct sink *sink;
	int r = sink_database.open(&sink, &options);

	if (r < 0)
		fail_msg("open: %s: %s", strerror(-r), error.message);
	return sink;
}

/* The process with this number: daemons first, then one job after another. */
static struct context *make_context(unsigned job, struct context *parent)
{
	struct context *context = context_new();
	char text[160];

	assert_non_null(context);
	values_set_number(&context->values, FIELD_pid, 1000 + job);
	values_set_number(&context->values, FIELD_entity_id, UINT64_C(0x100000000) + job);
	values_set_number(&context->values, FIELD_exec_count, 1);
	values_set_number(&context->values, FIELD_uid, job % 7);
	values_set_text(&context->values, FIELD_executable, SPAN("/usr/bin/job"));
	snprintf(text, sizeof(text), "job --number %u --and-some-more %u", job, job * 7919);
	values_set_text(&context->values, FIELD_command_line, span_of(text));
	context_set_parent(context, parent);
	return context;
}

static uint16_t kind_of(uint64_t number)
{
	if (number % PER_JOB == 0)
		return KIND_ID(process, exec);
	if (number % 10007 == 5)
		return KIND_ID(system, user_login);
	return KIND_ID(file, write);
}

static void path_of(uint64_t number, char ret[static 96])
{
	snprintf(ret, 96, "/var/lib/folder-with-a-name-%u/file-%llu", (unsigned)(number / 97), (unsigned long long)number);
}

/* Events of jobs, now and then one of a daemon. */
static unsigned job_of(uint64_t number)
{
	return number % PER_JOB == 7 ? (unsigned)(number / PER_JOB % N_DAEMONS) : N_DAEMONS + (unsigned)(number / PER_JOB);
}

struct storm {
	struct context *daemons[N_DAEMONS], *job;
	unsigned job_number;
	uint64_t n, refused;
};

static void storm_release(struct storm *storm)
{
	for (unsigned i = 0; i < N_DAEMONS; i++)
		context_unref(storm->daemons[i]);
	context_unref(storm->job);
}

static struct context *context_for(struct storm *storm, unsigned job)
{
	if (job < N_DAEMONS) {
		if (!storm->daemons[job])
			storm->daemons[job] = make_context(job, job > 0 ? context_for(storm, 0) : NULL);
		return storm->daemons[job];
	}
	if (!storm->job || storm->job_number != job) {
		context_unref(storm->job);
		storm->job = make_context(job, context_for(storm, job % N_DAEMONS));
		storm->job_number = job;
	}
	return storm->job;
}

static int storm_write(struct storm *storm, struct sink *sink)
{
	uint64_t number = storm->n++;
	struct event *event = event_new(kind_of(number), TIME + number);
	char path[96];
	int r;

	assert_non_null(event);
	event->origin = number << 8;
	event->context = context_ref(context_for(storm, job_of(number)));
	if (event->kind == KIND_ID(file, write)) {
		path_of(number, path);
		values_set_text(&event->values, FIELD_path, span_of(path));
		values_set_number(&event->values, FIELD_inode, number * 31);
	}
	r = sink_database.write(sink, event);
	storm->refused += r < 0;
	event_free(event);
	return r;
}

static uint64_t size_of_all(const char *path)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	uint64_t all = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		char name[160];
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		if (stat(name, &st) == 0)
			all += (uint64_t)st.st_size;
	}
	return all;
}

static uint64_t storm_for(struct storm *storm, struct sink *sink, const char *path, uint64_t n)
{
	uint64_t largest = 0;

	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(storm_write(storm, sink), 0);
		if (i % 2000 == 0)
			assert_int_equal(sink_database.flush(sink, TIME), 0);
		if (i % 100 == 0)
			largest = MAX(largest, size_of_all(path));
	}
	return MAX(largest, size_of_all(path));
}

/* Reading it back. */

struct found {
	uint64_t n[N_CATEGORIES], first[N_CATEGORIES];
	uint8_t *seen;
};

static void assert_text_is(struct span text, const char *expected)
{
	if (text.size != strlen(expected) || memcmp(text.data, expected, text.size) != 0)
		fail_msg("'%.*s', not '%s'", (int)text.size, text.data, expected);
}

static int on_found(void *user, const struct event *event)
{
	struct found *found = user;
	uint64_t number = event->time_ns - TIME;
	unsigned category = event_category(event), job = job_of(number);
	char text[160];

	assert_true(number < MAX_NUMBERS);
	assert_int_equal(event->kind, kind_of(number));
	assert_int_equal(event->origin, number << 8);
	assert_int_equal(found->seen[number]++, 0);
	if (found->n[category]++ == 0)
		found->first[category] = number;
	if (category == CATEGORY_file) {
		path_of(number, text);
		assert_text_is(values_text(&event->values, FIELD_path), text);
	}
	assert_non_null(event->context);
	for (const struct context *c = event->context; c; c = c->parent) {
		snprintf(text, sizeof(text), "job --number %u --and-some-more %u", job, job * 7919);
		assert_text_is(values_text(&c->values, FIELD_command_line), text);
		assert_int_equal(c->pid, 1000 + job);
		if (job == 0) {
			assert_null(c->parent);
			break;
		}
		assert_non_null(c->parent);
		job = job < N_DAEMONS ? 0 : job % N_DAEMONS;
	}
	return 0;
}

static struct found read_all(const char *path)
{
	struct found found = { .seen = calloc(1, MAX_NUMBERS) };
	struct history *history;

	assert_int_equal(history_open(&history, path, NULL), 0);
	assert_int_equal(history_events(history, &(struct history_query){ 0 }, on_found, &found), 0);
	history_free(history);
	free(found.seen);
	found.seen = NULL;
	return found;
}

static uint64_t n_written(uint64_t n, unsigned category, uint64_t from)
{
	uint64_t count = 0;

	for (uint64_t i = from; i < n; i++)
		count += kinds[kind_of(i)].category == category;
	return count;
}

/* What is there of a category is all from its first on, and what is not there is counted as cleaned. */
static void assert_oldest_went(const char *path, const struct found *found, uint64_t n, unsigned category)
{
	char sql[128];
	int64_t cleaned;

	assert_int_equal(found->n[category], n_written(n, category, found->first[category]));
	snprintf(sql, sizeof(sql), "SELECT coalesce(sum(events), 0) FROM cleaned WHERE category = %u", category);
	cleaned = ask_number(path, sql);
	assert_int_equal((uint64_t)cleaned + found->n[category], n_written(n, category, 0));
}

/* Rows of shared tables that nothing refers to, in chapters that are not written to any more. */
static void assert_no_orphans(const char *path)
{
	static const char *const orphans[] = {
		"SELECT count(*) FROM process p WHERE id < (SELECT max(process) FROM chapter) AND NOT EXISTS (SELECT 1 FROM process q "
		"WHERE q.parent = p.id OR q.first = p.id OR q.image = p.id) AND id NOT IN (SELECT process FROM event_process "
		"UNION ALL SELECT process FROM event_file UNION ALL SELECT process FROM event_system)",
		"SELECT count(*) FROM program WHERE id NOT IN (SELECT program FROM process UNION SELECT begins_as FROM program WHERE begins_as > 0)",
		"SELECT count(*) FROM login WHERE id NOT IN (SELECT login FROM process)",
		"SELECT count(*) FROM content c WHERE NOT EXISTS (SELECT 1 FROM block b WHERE b.id = c.block)",
		"SELECT count(*) FROM block b WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.block = b.id)",
		"SELECT count(*) FROM process p WHERE image IS NOT NULL AND NOT EXISTS (SELECT 1 FROM process i WHERE i.id = p.image)",
		"SELECT count(*) FROM process p WHERE NOT EXISTS (SELECT 1 FROM tick t WHERE t.id = p.sequence >> 8)",
		"SELECT count(*) FROM carried c WHERE NOT EXISTS (SELECT 1 FROM process p WHERE p.id = c.process AND p.image = c.image)",
	};
	/* A category's blocks go one by one, what they alone referred to with the last of the chapter. */
	static const uint64_t most[ARRAY_SIZE(orphans)] = { 20000 };

	for (unsigned i = 0; i < ARRAY_SIZE(orphans); i++)
		if ((uint64_t)ask_number(path, orphans[i]) > most[i])
			fail_msg("%lld: %s", (long long)ask_number(path, orphans[i]), orphans[i]);
}

static void on_finding(void *user, const struct chain_finding *finding)
{
	fail_msg("block %llu, category %u: finding %d", (unsigned long long)finding->block, finding->category, (int)finding->kind);
}

static struct chain_report assert_whole(const char *path)
{
	struct chain_report report;
	struct history *history;

	assert_int_equal(history_open(&history, path, NULL), 0);
	assert_int_equal(chain_verify(history, key, on_finding, NULL, NULL, &report), 0);
	history_free(history);
	assert_true(report.has_chain);
	return report;
}

static void storm_within_bound(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_within(place->file, &tight);
	struct storm storm = { 0 };
	struct found found;
	uint64_t largest = storm_for(&storm, sink, place->file, 400000);

	assert_int_equal(sink_database.flush(sink, TIME), 0);
	assert_int_equal(storm.refused, 0);
	if (largest > tight.max_bytes + tight.chunk_bytes)
		fail_msg("%llu bytes", (unsigned long long)largest);
	/* It is not kept small by throwing away more than it must. */
	assert_true(largest > tight.max_bytes * 3 / 4);
	found = read_all(place->file);
	assert_int_equal(found.n[CATEGORY_system], n_written(storm.n, CATEGORY_system, 0));
	assert_oldest_went(place->file, &found, storm.n, CATEGORY_file);
	assert_oldest_went(place->file, &found, storm.n, CATEGORY_process);
	/* Executions outlive writes. */
	assert_true(found.first[CATEGORY_process] < found.first[CATEGORY_file]);
	assert_true(found.n[CATEGORY_file] > 25000);
	assert_no_orphans(place->file);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM (SELECT 1 FROM processes GROUP BY process_entity_id, "
						 "process_exec_count HAVING count(*) > 1)"), 0);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	sink_database.free(sink);
	assert_whole(place->file);
	storm_release(&storm);
}

/* Opened again and again, and with contexts of the one before. */
static void storm_over_restarts(void **state)
{
	struct place *place = *state;
	struct storm storm = { 0 };
	struct found found;

	for (unsigned run = 0; run < 12; run++) {
		struct sink *sink = open_within(place->file, &tight);

		assert_true(storm_for(&storm, sink, place->file, 30000) <= tight.max_bytes + tight.chunk_bytes);
		sink_database.free(sink);
	}
	assert_true(size_of_all(place->file) <= tight.max_bytes + tight.chunk_bytes);
	found = read_all(place->file);
	assert_oldest_went(place->file, &found, storm.n, CATEGORY_file);
	assert_oldest_went(place->file, &found, storm.n, CATEGORY_process);
	assert_int_equal(found.n[CATEGORY_system], n_written(storm.n, CATEGORY_system, 0));
	assert_no_orphans(place->file);
	assert_whole(place->file);
	storm_release(&storm);
}

/* Somebody reads an old state: first what room there is is used, then nothing is written until the reader has gone. */
static void reader_holds(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_within(place->file, &tight);
	struct sink_report report;
	struct storm storm = { 0 };
	uint64_t most = tight.max_bytes + tight.chunk_bytes, n;
	sqlite3 *db;
	int r = 0;

	storm_for(&storm, sink, place->file, 150000);
	assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM event_file", NULL, NULL, NULL), SQLITE_OK);
	for (n = 0; n < 400000 && r == 0; n++) {
		r = storm_write(&storm, sink);
		if (n % 1000 == 0)
			assert_true(size_of_all(place->file) <= most);
	}
	assert_int_equal(r, SINK_HELD);
	for (n = 0; n < 1000; n++) {
		assert_int_equal(storm_write(&storm, sink), SINK_HELD);
		assert_int_equal(sink_database.flush(sink, TIME), 0);
		/* A cleaning that cannot go on now is no reason to be woken at once. */
		sink_database.report(sink, &report);
		assert_true(report.next_ns == 0 || report.next_ns > clock_ns(CLOCK_MONOTONIC));
	}
	sink_database.report(sink, &report);
	assert_true(report.held);
	assert_true(size_of_all(place->file) <= most);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_true(storm_for(&storm, sink, place->file, 100000) <= most);
	sink_database.report(sink, &report);
	assert_false(report.held);
	assert_int_equal(report.lost, 0);
	sink_database.free(sink);
	read_all(place->file);
	assert_no_orphans(place->file);
	assert_whole(place->file);
	storm_release(&storm);
}

/* It grows by large steps: the room of the next one is never taken by the -wal that a reader keeps. */
static void reader_holds_while_it_grows(void **state)
{
	struct place *place = *state;
	uint64_t most = tight.max_bytes + tight.chunk_bytes;

	for (unsigned n_before = 10000; n_before <= 60000; n_before += 10000) {
		struct storm storm = { 0 };
		struct sink *sink;
		char path[160];
		sqlite3 *db;
		int r = 0;

		snprintf(path, sizeof(path), "%s.%u", place->file, n_before);
		sink = open_within(path, &tight);
		storm_for(&storm, sink, path, n_before);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM event_file", NULL, NULL, NULL), SQLITE_OK);
		while (r == 0)
			r = storm_write(&storm, sink);
		assert_int_equal(r, SINK_HELD);
		if (size_of_all(path) > most)
			fail_msg("%llu bytes, held", (unsigned long long)size_of_all(path));
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		assert_int_equal(storm_write(&storm, sink), 0);
		if (size_of_all(path) > most)
			fail_msg("%llu bytes, copied back", (unsigned long long)size_of_all(path));
		sink_database.free(sink);
		storm_release(&storm);
	}
}

/* Many short readers, as of a person who asks again and again, one of them always there: nothing is refused. */
struct reader {
	pthread_t thread;
	const char *path;
	atomic_bool stop;
	unsigned pause_us;
};

static void *read_again_and_again(void *user)
{
	struct reader *reader = user;
	sqlite3 *db;

	if (sqlite3_open(reader->path, &db) != SQLITE_OK)
		return NULL;
	while (!reader->stop) {
		sqlite3_exec(db, "BEGIN; SELECT count(*) FROM block", NULL, NULL, NULL);
		usleep(reader->pause_us);
		sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	sqlite3_close(db);
	return NULL;
}

static void readers_in_a_loop(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_within(place->file, &tight);
	struct reader readers[3];
	struct storm storm = { 0 };
	uint64_t largest;

	for (unsigned i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i] = (struct reader){ .path = place->file, .pause_us = 3000 + 2000 * i };
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_again_and_again, &readers[i]), 0);
	}
	largest = storm_for(&storm, sink, place->file, 250000);
	for (unsigned i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i].stop = true;
		pthread_join(readers[i].thread, NULL);
	}
	sink_database.free(sink);
	if (largest > tight.max_bytes + tight.chunk_bytes)
		fail_msg("%llu bytes", (unsigned long long)largest);
	read_all(place->file);
	storm_release(&storm);
}

/* A lower bound is kept at once; room that is not used any more goes back to the disk when it is time for that. */
static uint64_t long_up(void)
{
	return 7200 * NS_PER_SEC;
}

static uint64_t just_booted(void)
{
	return 60 * NS_PER_SEC;
}

static void vacuum(void **state)
{
	struct place *place = *state;
	struct database_limits limits = { .max_bytes = 20 * MiB, .chunk_bytes = MiB, .min_clean_percent = 5, .max_clean_percent = 100,
					  .vacuum_interval_ns = 24 * 3600 * NS_PER_SEC };
	struct sink *sink = open_within(place->file, &limits);
	struct database_file file;
	struct store store;
	struct upkeep upkeep;
	struct storm storm = { 0 };
	int64_t free_pages;
	uint64_t before;

	storm_for(&storm, sink, place->file, 250000);
	before = size_of_all(place->file);
	limits.max_bytes = 8 * MiB;
	sink_database.set_limits(sink, &(struct sink_options){ .database = limits });
	storm_for(&storm, sink, place->file, 25000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(sink_database.flush(sink, TIME), 0);
	sink_database.free(sink);
	assert_true(ask_number(place->file, "PRAGMA page_count") - ask_number(place->file, "PRAGMA freelist_count") < 8 * 256);
	assert_true(ask_number(place->file, "PRAGMA freelist_count") > 1000);

	assert_int_equal(database_file_open(&file, place->file, false, NULL), 0);
	assert_int_equal(sql_exec(file.db, "INSERT OR REPLACE INTO meta VALUES ('vacuumed', 1)"), 0);
	assert_int_equal(store_open(&store, file.db, NULL), 0);
	assert_int_equal(upkeep_open(&upkeep, file.db, &store, place->file, file.lock_fd, &limits), 0);
	for (unsigned i = 0; i < 2; i++) {
		upkeep.uptime_ns = i == 0 ? just_booted : long_up;
		for (unsigned k = 0; k < 1000; k++)
			assert_int_equal(upkeep_due(&upkeep), 0);
		assert_int_equal(sql_number(file.db, "PRAGMA freelist_count", &free_pages), 0);
		assert_in_range(free_pages, i == 0 ? 1000 : 0, i == 0 ? 1000000 : 0);
	}
	assert_int_equal(upkeep_next_ns(&upkeep), 0);
	upkeep_close(&upkeep);
	store_close(&store);
	sqlite3_wal_checkpoint_v2(file.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	database_file_close(&file);
	assert_true(size_of_all(place->file) + 1000 * 4096 < before);
	assert_true(ask_number(place->file, "SELECT value FROM meta WHERE key = 'vacuumed'") > 1);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	read_all(place->file);
	storm_release(&storm);
}

/* Each event is of a new process with that much text. */
static int write_large(struct sink *sink, unsigned number, size_t size)
{
	struct context *context = make_context(number, NULL);
	struct event *event = event_new(KIND_ID(process, exec), TIME + number);
	char *text = values_new_text(&context->values, FIELD_cwd, size);
	int r;

	assert_non_null(text);
	memset(text, 'a', size);
	memcpy(text, &number, sizeof(number));
	event->context = context;
	r = sink_database.write(sink, event);
	event_free(event);
	return r;
}

static void large_events(void **state)
{
	static const size_t sizes[] = { 128 << 10, 1 << 20, 400 << 10 };
	struct place *place = *state;
	struct sink *sink = open_within(place->file, &tight);
	uint64_t most = tight.max_bytes + tight.chunk_bytes, largest = 0;
	struct sink_report report;
	unsigned refused = 0;

	for (unsigned i = 0; i < 300; i++) {
		refused += write_large(sink, i, sizes[i / 7 % ARRAY_SIZE(sizes)]) < 0;
		largest = MAX(largest, size_of_all(place->file));
		if (i % 20 == 0)
			assert_int_equal(sink_database.flush(sink, TIME), 0);
	}
	assert_int_equal(refused, 0);
	/* What can never have room is refused, and is no harm to what comes. */
	for (unsigned i = 300; i < 303; i++)
		assert_true(write_large(sink, i, 64 << 20) < 0);
	largest = MAX(largest, size_of_all(place->file));
	for (unsigned i = 303; i < 320; i++)
		assert_int_equal(write_large(sink, i, sizes[i % ARRAY_SIZE(sizes)]), 0);
	assert_int_equal(sink_database.flush(sink, TIME), 0);
	largest = MAX(largest, size_of_all(place->file));
	sink_database.report(sink, &report);
	assert_int_equal(report.lost, 0);
	assert_int_equal(report.n_damaged, 0);
	assert_int_equal(report.events, 317);
	sink_database.free(sink);
	if (largest > most)
		fail_msg("%llu bytes", (unsigned long long)largest);
	assert_whole(place->file);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
}

/* As the version before had it: without what keeps it within its bound, and without some columns. */
static void make_version_3(const char *path)
{
	static const char *const changes[] = {
		BACK_TO_VERSION_4, "DROP TABLE chapter", "DROP TABLE carried", "DROP TABLE cleaned", "DROP TABLE chain", "DROP TABLE login_session", "DROP TABLE digest",
		"ALTER TABLE login DROP COLUMN session_login_service", "ALTER TABLE login DROP COLUMN session_leader_entity_id",
		"ALTER TABLE more_file DROP COLUMN file_reads_count", "ALTER TABLE more_file DROP COLUMN file_reads_first",
		"ALTER TABLE more_file DROP COLUMN file_reads_last", "ALTER TABLE more_signal DROP COLUMN file_reads_count",
		"ALTER TABLE more_signal DROP COLUMN file_reads_first", "ALTER TABLE more_signal DROP COLUMN file_reads_last", "PRAGMA user_version = 3",
	};
	char *views = ask_text(path, "SELECT group_concat('DROP VIEW ' || name, ';') FROM sqlite_schema WHERE type = 'view'");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, views, NULL, NULL, NULL), SQLITE_OK);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++)
		if (sqlite3_exec(db, changes[i], NULL, NULL, NULL) != SQLITE_OK)
			fail_msg("%s: %s", changes[i], sqlite3_errmsg(db));
	sqlite3_close(db);
	free(views);
}

/* A file of the version before has no chapters: it becomes one. */
static void older_file(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_within(place->file, &(struct database_limits){ 0 });
	struct storm storm = { 0 };
	struct found found;

	storm_for(&storm, sink, place->file, 250000);
	sink_database.free(sink);
	make_version_3(place->file);
	sink = open_within(place->file, &tight);
	storm_for(&storm, sink, place->file, 100000);
	sink_database.free(sink);
	found = read_all(place->file);
	assert_oldest_went(place->file, &found, storm.n, CATEGORY_file);
	assert_true(ask_number(place->file, "PRAGMA page_count") - ask_number(place->file, "PRAGMA freelist_count") < 9 * 256);
	storm_release(&storm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(storm_within_bound, place_make, place_remove),
		cmocka_unit_test_setup_teardown(storm_over_restarts, place_make, place_remove),
		cmocka_unit_test_setup_teardown(reader_holds, place_make, place_remove),
		cmocka_unit_test_setup_teardown(reader_holds_while_it_grows, place_make, place_remove),
		cmocka_unit_test_setup_teardown(readers_in_a_loop, place_make, place_remove),
		cmocka_unit_test_setup_teardown(vacuum, place_make, place_remove),
		cmocka_unit_test_setup_teardown(large_events, place_make, place_remove),
		cmocka_unit_test_setup_teardown(older_file, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
