#include "sink/test_sink.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "sink/schema_sql.h"

static struct sink_report report_of(struct sink *sink)
{
	struct sink_report report;

	sink_database.report(sink, &report);
	return report;
}

static int write_event(struct sink *sink, uint16_t kind, uint64_t time_ns, struct context *context)
{
	struct event *event = event_new(kind, time_ns);
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/var/folder%u/name%u", (unsigned)(time_ns % 100), (unsigned)time_ns);
	if (kinds[kind].category == CATEGORY_file)
		values_set_text(&event->values, FIELD_path, span_of(path));
	event->context = context_ref(context);
	r = sink_database.write(sink, event);
	event_free(event);
	return r;
}

/* What is written to a file without a name nobody will ever read: a new one is begun, and the report tells. */
static void removed_while_open(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	uint64_t now_ns = NS_PER_SEC;
	char elsewhere[128];

	snprintf(elsewhere, sizeof(elsewhere), "%s.elsewhere", place->file);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), 0);
	assert_int_equal(sink_database.flush(sink, now_ns), 0);
	assert_int_equal(unlink(place->file), 0);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 2, NULL), 0);
	assert_int_equal(sink_database.flush(sink, now_ns + 1), 0);
	assert_int_equal(report_of(sink).n_removed, 0);	/* looked a moment ago */
	assert_int_equal(sink_database.flush(sink, now_ns += 2 * NS_PER_SEC), 0);
	assert_int_equal(report_of(sink).n_removed, 1);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 3, NULL), 0);
	assert_int_equal(sink_database.flush(sink, now_ns), 0);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM file_events"), 1);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM gaps WHERE cause = 'database_removed'"), 1);
	/* Another file in its place is not ours either. */
	assert_int_equal(rename(place->file, elsewhere), 0);
	assert_int_equal(sink_database.flush(sink, now_ns += 2 * NS_PER_SEC), 0);
	assert_int_equal(report_of(sink).n_removed, 2);
	assert_int_equal(unlink(elsewhere), 0);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM file_events"), 0);
}

/* Contexts are held until the commit: long arguments bring it forward, in memory that is bounded. */
static void long_arguments_commit(void **state)
{
	enum { ARGUMENTS = 4 << 20, N = 20 };
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);

	for (uint64_t i = 1; i <= N; i++) {
		struct context *context = context_new();
		char *args;

		assert_non_null(context);
		values_set_number(&context->values, FIELD_entity_id, i);
		args = values_new_text(&context->values, FIELD_command_line, ARGUMENTS);
		assert_non_null(args);
		memset(args, 'a', ARGUMENTS);
		assert_int_equal(write_event(sink, KIND_ID(process, exec), i, context), 0);
		context_unref(context);
	}
	assert_in_range(ask_number(place->file, "SELECT count(*) FROM process_events"), 10, N - 1);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM process_events"), N);
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static char *read_all(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "r");
	char *data = malloc(64 << 20);

	assert_non_null(file);
	*ret_size = fread(data, 1, 64 << 20, file);
	fclose(file);
	return data;
}

static void overwrite(const char *path, long offset, size_t size)
{
	FILE *file = fopen(path, "r+");

	assert_non_null(file);
	fseek(file, offset, SEEK_SET);
	while (size-- > 0)
		fputc(0xa5, file);
	fclose(file);
}

static void new_and_again(void **state)
{
	struct place *place = *state;
	struct sink *sink;
	struct sink_report report;
	struct stat st;

	umask(0);
	sink = database_must_open(place->file);
	assert_int_equal(stat(place->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	report = report_of(sink);
	assert_false(report.existed);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 5, NULL), 0);
	assert_int_equal(write_event(sink, KIND_ID(security, login), 6, NULL), 0);
	assert_int_equal(report_of(sink).events, 2);
	sink_database.free(sink);
	assert_text(place->file, "PRAGMA journal_mode", "wal");
	assert_int_equal(ask_number(place->file, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(ask_number(place->file, "PRAGMA application_id"), SQL_APPLICATION_ID);
	assert_text(place->file, "SELECT value FROM meta WHERE key = 'host_name'", "box");

	sink = database_must_open(place->file);
	report = report_of(sink);
	assert_true(report.existed);
	assert_true(report.clean_stop);
	assert_string_equal(report.boot_id, "boot-1");
	assert_in_range(report.last_alive_ns, (uint64_t)(time(NULL) - 60) * NS_PER_SEC,
			(uint64_t)(time(NULL) + 60) * NS_PER_SEC);
	assert_int_equal(report.n_damaged, 0);
	assert_int_equal(ask_number(place->file, "SELECT value FROM meta WHERE key = 'clean_stop'"), 0);
	assert_int_equal(write_event(sink, KIND_ID(network, connect), 7, NULL), 0);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT sequence FROM network_events"), BLOCK_EVENTS);
}

static void alive_is_kept_fresh(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	uint64_t now = (uint64_t)time(NULL) * NS_PER_SEC;

	assert_int_equal(sink_database.flush(sink, now + 30 * NS_PER_SEC), 0);
	assert_true((uint64_t)ask_number(place->file, "SELECT value FROM meta WHERE key = 'last_alive'") <
		    now + 5 * NS_PER_SEC);
	assert_int_equal(sink_database.flush(sink, now + 62 * NS_PER_SEC), 0);
	assert_int_equal(ask_number(place->file, "SELECT value FROM meta WHERE key = 'last_alive'"),
			 now + 62 * NS_PER_SEC);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), 0);
	assert_int_equal(sink_database.flush(sink, now + 63 * NS_PER_SEC), 0);
	assert_int_equal(ask_number(place->file, "SELECT value FROM meta WHERE key = 'last_alive'"),
			 now + 63 * NS_PER_SEC);
	sink_database.free(sink);
}

static int try_open(const char *path, bool bulk, struct sink_error *error)
{
	struct sink_options options = { .path = path, .bulk = bulk, .error = error };
	struct sink *sink;
	int r;

	error->message[0] = 0;
	r = sink_database.open(&sink, &options);
	if (r == 0)
		sink_database.free(sink);
	return r;
}

static void one_writer(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct sink_error error;
	pid_t child;
	int status;

	assert_int_equal(try_open(place->file, false, &error), -EBUSY);
	assert_non_null(strstr(error.message, "another recorder"));
	child = fork();
	if (child == 0)
		_exit(try_open(place->file, true, &error) == -EBUSY ? 0 : 1);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	/* The refused did no harm. */
	assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), 0);
	sink_database.free(sink);
	assert_int_equal(try_open(place->file, false, &error), 0);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM events"), 1);
}

/* tests/system/test_import.py migrates real ones of each version. */
static void older_that_cannot_be_migrated(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct sink_report report;

	assert_int_equal(write_event(sink, KIND_ID(file, write), 5, NULL), 0);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 6, NULL), 0);
	sink_database.free(sink);
	/* It is not changed by half: it is set aside as it was. */
	change(place->file, "PRAGMA user_version = 1; DROP VIEW signals");
	sink = database_must_open(place->file);
	report = report_of(sink);
	assert_int_equal(report.n_damaged, 1);
	assert_int_equal(ask_number(report.damaged_path, "SELECT count(*) FROM events"), 2);
	assert_int_equal(ask_number(report.damaged_path, "SELECT count(*) FROM sqlite_schema WHERE name = 'signals'"), 0);
	assert_int_equal(ask_number(report.damaged_path, "PRAGMA user_version"), 1);
	sink_database.free(sink);
}

static void refused_and_left_alone(void **state)
{
	static const char *const made_by[] = {
		"PRAGMA user_version = 99",
		"PRAGMA application_id = 77",
		"PRAGMA user_version = -3; PRAGMA application_id = 0",
	};
	struct place *place = *state;
	struct sink_error error;

	for (unsigned i = 0; i < ARRAY_SIZE(made_by); i++) {
		char *before, *after;
		size_t size_before, size_after;

		unlink(place->file);
		sink_database.free(database_must_open(place->file));
		change(place->file, made_by[i]);
		before = read_all(place->file, &size_before);
		for (unsigned bulk = 0; bulk < 2; bulk++) {
			assert_int_equal(try_open(place->file, bulk, &error), -EBADMSG);
			assert_non_null(
				strstr(error.message, i == 0 ? "schema version 99" : "another program"));
		}
		after = read_all(place->file, &size_after);
		assert_int_equal(size_before, size_after);
		assert_memory_equal(before, after, size_before);
		free(before);
		free(after);
	}
	/* Not a file; no folder. */
	assert_int_equal(try_open(place->folder, false, &error), -EISDIR);
	assert_int_equal(try_open("/nonexistent/recorder.db", false, &error), -ENOENT);
	assert_non_null(strstr(error.message, "/nonexistent/recorder.db"));
	/* An import is told a wrong file by a person: that is not moved. */
	unlink(place->file);
	FILE *file = fopen(place->file, "w");
	for (unsigned i = 0; i < 500; i++)
		fprintf(file, "line %u of something a person would miss\n", i);
	fclose(file);
	assert_int_equal(try_open(place->file, true, &error), -EBADMSG);
	assert_int_equal(access(place->file, F_OK), 0);
}

static void damage_header(const char *path)
{
	overwrite(path, 0, 64);
}

static void damage_schema(const char *path)
{
	overwrite(path, 100, 3000);
}

static void damage_length(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
}

static void damage_page(const char *path)
{
	char sql[] = "SELECT rootpage FROM sqlite_schema WHERE name = 'event_file'";

	overwrite(path, (ask_number(path, sql) - 1) * 4096, 4096);
}

static void damage_tables(const char *path)
{
	change(path, "DROP TABLE process");
}

static void damaged_is_set_aside(void **state)
{
	static void (*const damages[])(const char *path) = { damage_header, damage_schema, damage_length,
							     damage_page, damage_tables };
	struct place *place = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(damages); i++) {
		struct sink *sink = database_must_open(place->file);
		struct sink_report report;
		char *before, *after;
		size_t size_before, size_after;

		for (unsigned n = 0; n < 5000; n++)
			assert_int_equal(write_event(sink, KIND_ID(file, write), n, NULL), 0);
		sink_database.free(sink);
		damages[i](place->file);
		before = read_all(place->file, &size_before);

		sink = database_must_open(place->file);
		report = report_of(sink);
		assert_int_equal(report.n_damaged, 1);
		assert_true(report.existed);
		assert_false(report.clean_stop);
		assert_in_range(report.last_alive_ns, (uint64_t)(time(NULL) - 60) * NS_PER_SEC,
				(uint64_t)(time(NULL) + 60) * NS_PER_SEC);
		assert_non_null(strstr(report.damaged_path, "recorder.db.damaged-2"));
		after = read_all(report.damaged_path, &size_after);
		assert_int_equal(size_before, size_after);
		assert_memory_equal(before, after, size_before);
		free(before);
		free(after);
		assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), 0);
		sink_database.free(sink);
		assert_int_equal(ask_number(place->file, "SELECT count(*) FROM events"), 1);
		unlink(place->file);
	}
}

/* The file goes bad under the writer: it goes on in a new one. */
static void damaged_while_open(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *context = context_new();
	struct sink_report report;
	sqlite3 *db;
	int r = 0;

	values_set_text(&context->values, FIELD_name, SPAN("before"));
	for (unsigned n = 0; n < 3000; n++)
		assert_int_equal(write_event(sink, KIND_ID(file, write), n, context), 0);
	assert_int_equal(sink_database.flush(sink, 1), 0);
	assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
	/* Only a connection that has read knows of the WAL. */
	assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM meta; PRAGMA wal_checkpoint(TRUNCATE)", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	overwrite(place->file, 4096, 100 * 4096);
	sqlite3_close(db);
	for (unsigned n = 0; n < 100; n++) {
		r = write_event(sink, KIND_ID(file, write), n, context);
		if (r == 0)
			r = sink_database.flush(sink, 1);
		if (r < 0)
			break;
	}
	assert_int_equal(r, -EBADMSG);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 7, context), 0);
	assert_int_equal(sink_database.flush(sink, 1), 0);
	report = report_of(sink);
	assert_int_equal(report.n_damaged, 1);
	assert_int_equal(report.last_error, -EBADMSG);
	sink_database.free(sink);
	/* The context's row was in the other file: it was written again. */
	assert_text(place->file, "SELECT process_name FROM file_events", "before");
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	context_unref(context);
}

static void killed(void **state)
{
	struct place *place = *state;
	int pipes[2], status;
	uint64_t last = 0, n;
	struct sink *sink;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		sink = database_must_open(place->file);
		for (uint64_t i = 1;; i++) {
			struct context *context = fill_context((unsigned)(i % 256), FILL_PLAIN, (unsigned)(i % 3));

			if (write_event(sink, (uint16_t)(i % N_KINDS), i, context) < 0)
				_exit(1);
			context_unref(context);
			/* Tells what is committed. */
			if (i % 500 == 0 &&
			    (sink_database.flush(sink, 1) < 0 || write(pipes[1], &i, sizeof(i)) != sizeof(i)))
				_exit(1);
		}
	}
	close(pipes[1]);
	while (last < 10000 && read(pipes[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	close(pipes[0]);
	assert_true(last >= 10000);
	assert_true(WIFSIGNALED(status));

	sink = database_must_open(place->file);
	assert_true(report_of(sink).existed);
	assert_false(report_of(sink).clean_stop);
	assert_int_equal(report_of(sink).n_damaged, 0);
	n = (uint64_t)ask_number(place->file, "SELECT count(*) FROM events");
	assert_true(n >= last);
	assert_int_equal(n, ask_number(place->file, "SELECT sum(events) FROM content"));
	assert_int_equal(n, ask_number(place->file, "SELECT max(sequence) FROM events"));
	assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), 0);
	sink_database.free(sink);
	/* What the dead had begun of a block is left as it is. */
	assert_int_equal(ask_number(place->file, "SELECT max(sequence) FROM events"), (n + BLOCK_EVENTS) & ~(BLOCK_EVENTS - 1));
	assert_text(place->file, "PRAGMA integrity_check", "ok");
}

/* Writes until it fails, goes on for a while, then there is room again. Every event that was accepted is
 * stored or told as lost, and what is stored is whole. */
static void out_of(struct sink *sink, const char *file, int error_a, int error_b, void (*more)(void *),
		   void *user)
{
	struct context *context = NULL;
	struct sink_report report;
	uint64_t accepted = 0;
	unsigned failed = 0;
	int r = 0;

	for (unsigned i = 0; failed < 40 && i < 2000000; i++) {
		if (i % 50 == 0) {
			context_unref(context);
			context = fill_context(i, FILL_PLAIN, 1);
		}
		r = write_event(sink, KIND_ID(file, create), i, context);
		accepted += r == 0;
		if (r == 0 && i % 1000 == 999)
			r = sink_database.flush(sink, 1);
		if (r < 0) {
			assert_true(r == error_a || r == error_b);
			failed++;
		}
	}
	assert_int_equal(failed, 40);
	report = report_of(sink);
	assert_true(report.last_error == error_a || report.last_error == error_b);
	more(user);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(write_event(sink, KIND_ID(file, write), i, context), 0);
		accepted++;
	}
	assert_int_equal(sink_database.flush(sink, 1), 0);
	report = report_of(sink);
	assert_int_equal(report.events + report.lost, accepted);
	assert_int_equal(report.n_damaged, 0);
	context_unref(context);
	sink_database.free(sink);
	assert_int_equal(ask_number(file, "SELECT count(*) FROM events"), report.events);
	assert_int_equal(
		ask_number(file, "SELECT count(*) FROM file_events WHERE process_executable IS NULL"), 0);
	assert_int_equal(
		ask_number(file,
			   "SELECT count(*) FROM file_events WHERE file_path NOT LIKE '/var/folder%/name%'"),
		0);
	assert_int_equal(ask_number(file, "SELECT sum(events) FROM content"), report.events);
	assert_text(file, "PRAGMA integrity_check", "ok");
}

static void lift_limit(void *user)
{
	setrlimit(RLIMIT_FSIZE, user);
}

static void file_too_large(void **state)
{
	struct place *place = *state;
	struct rlimit before, small;
	struct sink *sink;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	sink = database_must_open(place->file);
	small = (struct rlimit){ 2 << 20, before.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	out_of(sink, place->file, -EIO, -ENOSPC, lift_limit, &before);
}

static void make_room(void *user)
{
	unlink(user);
}

static void disk_full(void **state)
{
	struct place *place = *state;
	char filler[128];
	int fd, status;
	pid_t child = fork();

	if (child == 0) {
		char block[4096] = { 1 };

		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", place->folder, "tmpfs", 0, "size=32m") < 0)
			_exit(77);
		snprintf(filler, sizeof(filler), "%s/filler", place->folder);
		fd = open(filler, O_CREAT | O_WRONLY, 0600);
		for (unsigned i = 0; i < (30 << 20) / sizeof(block); i++)
			if (write(fd, block, sizeof(block)) < 0)
				_exit(1);
		close(fd);
		out_of(database_must_open(place->file), place->file, -ENOSPC, -EIO, make_room, filler);
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no file system of its own without root\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void lift_heap_limit(void *user)
{
	sqlite3_hard_heap_limit64(0);
}

static void out_of_memory(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);

	sqlite3_hard_heap_limit64(sqlite3_memory_used() + 400000);
	out_of(sink, place->file, -ENOMEM, -EIO, lift_heap_limit, NULL);
}

/* Another process holds the write lock, as a person in the sqlite3 shell may. */
static void busy(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), -EBUSY);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), 0);
	sqlite3_close(db);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM events"), 1);
}

static void what_is_in_the_file_is_not_run(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);

	sink_database.free(sink);
	change(place->file, "CREATE TABLE loot (n); CREATE TRIGGER thief AFTER INSERT ON event_file BEGIN INSERT INTO loot VALUES (1); END; "
			    "CREATE TRIGGER fire AFTER INSERT ON event_file BEGIN DELETE FROM event_file; END");
	sink = database_must_open(place->file);
	assert_int_equal(write_event(sink, KIND_ID(file, write), 1, NULL), 0);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM file_events"), 1);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM loot"), 0);
}

static void import_in_bulk(void **state)
{
	struct place *place = *state;
	struct sink_error error = { "" };
	struct sink_options options = { .path = place->file, .bulk = true, .error = &error };
	struct sink *sink;

	for (unsigned run = 0; run < 2; run++) {
		assert_int_equal(sink_database.open(&sink, &options), 0);
		for (unsigned i = 0; i < 30000; i++)
			assert_int_equal(write_event(sink, KIND_ID(file, write), i, NULL), 0);
		sink_database.free(sink);
	}
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM events"), 60000);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	/* 40 bytes and less an event, beside an empty file: what repeats is stored once. */
	assert_true(ask_number(place->file,
			       "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") <
		    60000 * 40 + (320 << 10));
	/* What table content says that they take is most of the file, an empty one apart: the rest is of blocks and pages. */
	assert_in_range(ask_number(place->file, "SELECT sum(bytes) * 100 / (SELECT page_count * page_size - 294912 FROM "
						"pragma_page_count, pragma_page_size) FROM content"), 85, 105);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM shape_file"), 2);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM text"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_and_again, place_make, place_remove),
		cmocka_unit_test_setup_teardown(alive_is_kept_fresh, place_make, place_remove),
		cmocka_unit_test_setup_teardown(one_writer, place_make, place_remove),
		cmocka_unit_test_setup_teardown(older_that_cannot_be_migrated, place_make, place_remove),
		cmocka_unit_test_setup_teardown(refused_and_left_alone, place_make, place_remove),
		cmocka_unit_test_setup_teardown(damaged_is_set_aside, place_make, place_remove),
		cmocka_unit_test_setup_teardown(damaged_while_open, place_make, place_remove),
		cmocka_unit_test_setup_teardown(removed_while_open, place_make, place_remove),
		cmocka_unit_test_setup_teardown(killed, place_make, place_remove),
		cmocka_unit_test_setup_teardown(file_too_large, place_make, place_remove),
		cmocka_unit_test_setup_teardown(disk_full, place_make, place_remove),
		cmocka_unit_test_setup_teardown(out_of_memory, place_make, place_remove),
		cmocka_unit_test_setup_teardown(busy, place_make, place_remove),
		cmocka_unit_test_setup_teardown(what_is_in_the_file_is_not_run, place_make, place_remove),
		cmocka_unit_test_setup_teardown(import_in_bulk, place_make, place_remove),
		cmocka_unit_test_setup_teardown(long_arguments_commit, place_make, place_remove),
	};

	sqlite3_initialize(); /* before the sink: so it counts its memory, and the limit of out_of_memory() holds */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
