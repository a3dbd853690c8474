/* Table login_session: a row a login session, whatever happens between its events. */

#include "sink/test_sink.h"

#include <signal.h>
#include <sys/resource.h>

#include "sink/history.h"
#include "sink/schema_sql.h"

#define NOON (UINT64_C(1732276800) * NS_PER_SEC)
#define LEADER 0x77

/* A process of a session; leader: the one that was given the login. */
static struct context *process_of(uint32_t ses, uint64_t login_ns, uint64_t entity_id, const char *user)
{
	struct context *context = context_new();
	struct values *values = &context->values;

	values_set_number(values, FIELD_entity_id, entity_id);
	values_set_number(values, FIELD_ses, ses);
	values_set_number(values, FIELD_auid, 1000);
	values_set_text(values, FIELD_auid_name, SPAN("alice"));
	values_set_text(values, FIELD_euser_name, span_of(user));
	if (login_ns) {
		values_set_number(values, FIELD_login_time, login_ns);
		values_set_number(values, FIELD_login_leader, LEADER);
		values_set_text(values, FIELD_login_service, SPAN("sshd"));
	}
	return context;
}

static void store(struct sink *sink, uint16_t kind, uint64_t time_ns, struct context *context)
{
	struct event *event = event_new(kind, time_ns);

	event->context = context_ref(context);
	assert_int_equal(sink_database.write(sink, event), 0);
	event_free(event);
}

static void one_after_the_other(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *sshd = process_of(7, NOON, LEADER, "root"), *bash = process_of(7, NOON, 0x78, "alice"),
		       *sudo = process_of(7, NOON, 0x79, "root"), *none = process_of(UINT32_MAX, 0, 0x80, "daemon"),
		       *other = process_of(8, NOON + 5, 0x81, "alice");

	store(sink, KIND_ID(security, session_start), NOON + 1, sshd);
	values_set_text(&bash->values, FIELD_login_ip, SPAN("\xcb\0\x71\x07"));
	values_set_text(&bash->values, FIELD_tty, SPAN("pts/3"));
	store(sink, KIND_ID(process, exec), NOON + 2, bash);
	store(sink, KIND_ID(process, exec), NOON + 3, none);
	store(sink, KIND_ID(process, exec), NOON + 4, sudo);
	store(sink, KIND_ID(process, exec), NOON + 6, other);
	/* su within it does not end it. */
	store(sink, KIND_ID(security, session_end), NOON + 7, sudo);
	assert_int_equal(sink_database.flush(sink, NOON + 7), 0);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM sessions"), 2);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM sessions WHERE end_time IS NULL"), 2);
	store(sink, KIND_ID(security, session_end), NOON + 8, sshd);
	store(sink, KIND_ID(process, exit), NOON + 9, sshd);
	sink_database.free(sink);
	assert_text(place->file,
		    "SELECT session_id || ' ' || user_audit_name || ' ' || session_login_source_ip || ' ' || session_login_service || ' ' || "
		    "session_leader_entity_id || ' ' || process_tty_name || ' ' || users FROM sessions WHERE session_id = 7",
		    "7 alice 203.0.113.7 sshd 0000000000000077 pts/3 root > alice");
	assert_text(place->file, "SELECT session_login_time || first_time || last_time || end_time FROM sessions WHERE session_id = 7",
		    "2024-11-22T12:00:00.000000000Z2024-11-22T12:00:00.000000001Z2024-11-22T12:00:00.000000009Z2024-11-22T12:00:00.000000008Z");
	context_unref(sshd);
	context_unref(bash);
	context_unref(sudo);
	context_unref(none);
	context_unref(other);
}

static struct sink *open_of_boot(const char *path, const char *boot_id)
{
	struct sink_error error = { "" };
	struct sink *sink;

	assert_int_equal(sink_database.open(&sink, &(struct sink_options){ .path = path, .boot_id = boot_id, .error = &error }), 0);
	return sink;
}

/* The recorder begins anew, the session goes on, though when it began is only concluded then; one of the same number of another boot
 * is another. */
static void over_a_restart(void **state)
{
	static const char *const boots[] = { "a", "a", "b" };
	struct place *place = *state;

	for (uint64_t run = 0; run < ARRAY_SIZE(boots); run++) {
		struct sink *sink = open_of_boot(place->file, boots[run]);
		struct context *bash = process_of(7, NOON + run, 0x78, run == 1 ? "root" : "alice");

		if (run > 0)
			values_set_inferred(&bash->values, FIELD_login_time);
		store(sink, KIND_ID(process, exec), NOON + 100 + run, bash);
		context_unref(bash);
		sink_database.free(sink);
	}
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM login_session"), 2);
	assert_int_equal(ask_number(place->file, "SELECT first FROM login_session WHERE boot_id = 'a'") - (int64_t)NOON, 100);
	assert_int_equal(ask_number(place->file, "SELECT last FROM login_session WHERE boot_id = 'a'") - (int64_t)NOON, 101);
	assert_int_equal(ask_number(place->file, "SELECT login_time FROM login_session WHERE boot_id = 'a'"), NOON);
	assert_int_equal(ask_number(place->file, "SELECT login_inferred FROM login_session WHERE boot_id = 'a'"), 0);
	assert_int_equal(ask_number(place->file, "SELECT login_inferred FROM login_session WHERE boot_id = 'b'"), 1);
	assert_text(place->file, "SELECT users FROM sessions WHERE host_boot_id = 'a'", "alice > root");
}

/* Where the boot is not known: the record of a login begins another, unless it is the one whose first events came before it. */
static void number_used_again(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_of_boot(place->file, NULL);

	for (uint64_t i = 0; i < 3; i++) {
		struct context *early = process_of(1, 0, 0x78, "alice"), *sshd = process_of(1, NOON + i * NS_PER_SEC * 60, LEADER, "root");
		struct event *login = event_new(KIND_ID(security, session_start), NOON + i * NS_PER_SEC * 60);

		if (i == 0)
			store(sink, KIND_ID(process, exec), NOON - NS_PER_SEC, early);
		values_set_number(&login->values, FIELD_session_old_ses, UINT32_MAX);
		login->context = context_ref(sshd);
		assert_int_equal(sink_database.write(sink, login), 0);
		event_free(login);
		context_unref(early);
		context_unref(sshd);
	}
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM login_session"), 3);
	assert_text(place->file, "SELECT users FROM sessions WHERE id = 1", "alice > root");
}

/* What is told first may be a guess; what audit says takes its place, and no guess that of it. */
static void what_is_sure(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *guess = process_of(7, NOON, 1, "alice"), *sure = process_of(7, NOON + 5, 2, "alice"),
		       *again = process_of(7, NOON + 9, 3, "alice");

	values_set_inferred(&guess->values, FIELD_login_time);
	values_set_text(&guess->values, FIELD_login_ip, SPAN("\x0a\0\0\1"));
	values_set_inferred(&guess->values, FIELD_login_ip);
	values_set_text(&sure->values, FIELD_login_ip, SPAN("\xcb\0\x71\x07"));
	values_set_inferred(&again->values, FIELD_login_time);
	values_set_text(&again->values, FIELD_login_ip, SPAN("\x0a\0\0\2"));
	values_set_inferred(&again->values, FIELD_login_ip);
	store(sink, KIND_ID(process, exec), NOON, guess);
	assert_int_equal(sink_database.flush(sink, NOON), 0);
	assert_text(place->file, "SELECT session_login_source_ip FROM sessions", "10.0.0.1");
	store(sink, KIND_ID(process, exec), NOON + 10, sure);
	store(sink, KIND_ID(process, exec), NOON + 20, again);
	sink_database.free(sink);
	assert_text(place->file, "SELECT session_login_source_ip FROM sessions", "203.0.113.7");
	assert_int_equal(ask_number(place->file, "SELECT login_time FROM login_session"), NOON + 5);
	context_unref(guess);
	context_unref(sure);
	context_unref(again);
}

/* More than are kept in memory, in turn. */
static void many(void **state)
{
	enum { SESSIONS = 700 };
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);

	for (uint64_t i = 0; i < 3 * SESSIONS; i++) {
		struct context *context = process_of((uint32_t)(i % SESSIONS), NOON, i + 1000, "alice");

		store(sink, KIND_ID(process, exec), NOON + i, context);
		context_unref(context);
	}
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM login_session"), SESSIONS);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM login_session WHERE last - first <> 1400"), 0);
}

/* What a transaction had that was rolled back is not there, and what comes next is. */
static void rolled_back(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *first = process_of(1, NOON, 0x78, "alice"), *second = process_of(2, NOON, 0x79, "alice");
	struct rlimit limit, small;

	store(sink, KIND_ID(process, exec), NOON + 1, first);
	assert_int_equal(sink_database.flush(sink, NOON), 0);
	/* No byte can be written any more (SIGXFSZ is ignored, so it is EFBIG). */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = (struct rlimit){ 1, limit.rlim_max };
	store(sink, KIND_ID(process, exec), NOON + 2, second);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(sink_database.flush(sink, NOON) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM login_session"), 1);
	store(sink, KIND_ID(process, exec), NOON + 3, second);
	store(sink, KIND_ID(process, exec), NOON + 4, first);
	assert_int_equal(sink_database.flush(sink, NOON), 0);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM login_session"), 2);
	assert_int_equal(ask_number(place->file, "SELECT last - first FROM login_session WHERE session_id = 1"), 3);
	context_unref(first);
	context_unref(second);
	sink_database.free(sink);
}

static int on_session(void *user, const struct history_session *session)
{
	struct history_session *last = user;

	*last = *session;
	return 0;
}

static void read_back(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *bash = process_of(7, NOON, 0x78, "alice");
	struct history_session last = { 0 };
	struct history *history;

	store(sink, KIND_ID(process, exec), NOON + 1, bash);
	context_unref(bash);
	sink_database.free(sink);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_int_equal(history_sessions(history, 0, 0, on_session, &last), 0);
	assert_int_equal(last.ses, 7);
	assert_int_equal(last.login_ns, NOON);
	assert_int_equal(last.leader, LEADER);
	assert_int_equal(last.first_ns, NOON + 1);
	assert_int_equal(last.ended_ns, 0);
	last.ses = 0;
	assert_int_equal(history_sessions(history, NOON + 2, 0, on_session, &last), 0);
	assert_int_equal(history_sessions(history, 0, NOON, on_session, &last), 0);
	assert_int_equal(last.ses, 0);
	history_free(history);
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* A file of version 4 knows no sessions: those of what it has stay unknown, and what comes has them. */
static void older_file(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *bash = process_of(7, 0, 0x78, "alice"), *later = process_of(8, NOON, 0x79, "alice");
	char *views;

	store(sink, KIND_ID(process, exec), NOON + 1, bash);
	sink_database.free(sink);
	views = ask_text(place->file, "SELECT group_concat('DROP VIEW ' || name, ';') FROM sqlite_schema WHERE type = 'view'");
	change(place->file, views);
	free(views);
	change(place->file, "DROP TABLE login_session; DROP TABLE digest; "
			    "ALTER TABLE login DROP COLUMN session_login_service; ALTER TABLE login DROP COLUMN session_leader_entity_id; "
			    "ALTER TABLE program DROP COLUMN process_hash_id; ALTER TABLE program ADD COLUMN process_hash_md5 INTEGER; "
			    "ALTER TABLE event_recorder DROP COLUMN file_path_dir; ALTER TABLE event_recorder DROP COLUMN file_path_name; "
			    "ALTER TABLE shape_process DROP COLUMN process_executable_file_ctime; "
			    BACK_TO_VERSION_4
			    "UPDATE process SET ancestry_cut = 1, recorder_inferred = 77; INSERT INTO text VALUES (77, 0, '[\"user.name\"]'); "
			    "UPDATE event_process SET event_duration = 5; "
			    "CREATE VIEW mine AS SELECT f.sequence, l.session_id FROM file_events f, login l; PRAGMA user_version = 4");
	sink = database_must_open(place->file);
	store(sink, KIND_ID(process, exec), NOON + 2, later);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM events"), 2);
	assert_int_equal(ask_number(place->file, "SELECT session_id FROM sessions"), 8);
	assert_text(place->file, "SELECT user_audit_name FROM process_events WHERE session_id = 7", "alice");
	assert_text(place->file, "SELECT event_duration || recorder_inferred FROM process_events WHERE session_id = 7", "5[\"user.name\"]");
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM processes WHERE process_end IS NULL"), 2);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM mine"), 0);
	context_unref(bash);
	context_unref(later);
}

/* One of version 5 had no files in events of the system; all else stays as it is. */
static void file_of_version_5(void **state)
{
	static const char what[] = "SELECT group_concat(sequence || ' ' || time || ' ' || action || ' ' || coalesce(process_start, '') || ' ' || "
				   "coalesce(event_duration, '')) FROM process_events";
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *bash = process_of(7, NOON, 0x78, "alice");
	char *before, *views;

	store(sink, KIND_ID(process, exec), NOON + 1, bash);
	store(sink, KIND_ID(process, exit), NOON + 5000000, bash);
	store(sink, KIND_ID(system, service_start), NOON + 6000000, bash);
	sink_database.free(sink);
	before = ask_text(place->file, what);
	views = ask_text(place->file, "SELECT group_concat('DROP VIEW ' || name, ';') FROM sqlite_schema WHERE type = 'view'");
	change(place->file, views);
	free(views);
	change(place->file, "ALTER TABLE event_system DROP COLUMN file_path_dir; ALTER TABLE event_system DROP COLUMN file_path_name; "
			    "ALTER TABLE event_system DROP COLUMN file_size; ALTER TABLE more_system DROP COLUMN file_mtime; "
			    "ALTER TABLE more_system DROP COLUMN file_content; ALTER TABLE shape_system DROP COLUMN file_hash_state; "
			    "ALTER TABLE shape_system DROP COLUMN file_hash_sha256; "
			    "ALTER TABLE shape_security DROP COLUMN security_changes; ALTER TABLE shape_signal DROP COLUMN security_changes; "
			    "PRAGMA user_version = 5");
	sink = database_must_open(place->file);
	store(sink, KIND_ID(system, service_stop), NOON + 7000000, bash);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM system_events WHERE file_content IS NULL AND user_audit_name = 'alice'"), 2);
	assert_text(place->file, what, before);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM sessions"), 1);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	free(before);
	context_unref(bash);
}

/* What version 7 was the first to have goes, as if it had never been. */
static void make_version_6(const char *file)
{
	static const char *const what[] = {
		"SELECT group_concat('DROP VIEW ' || name, ';') FROM sqlite_schema WHERE type = 'view'",
		"SELECT group_concat('ALTER TABLE ' || t.name || ' DROP COLUMN ' || c.name, ';') FROM sqlite_schema t JOIN "
		"pragma_table_info(t.name) c WHERE t.type = 'table' AND (c.name IN ('http_version', 'http_response_status_code', "
		"'security_changes', 'process_script_hash_id', 'driver_hash_id', 'file_hash_tlsh', 'file_device_number') OR "
		"c.name LIKE 'process_accesses_%' OR t.name = 'more_recorder' AND c.name = 'file_content' OR t.name LIKE '%_security' AND "
		"c.name LIKE 'file_%' OR t.name LIKE '%_http' AND (c.name LIKE 'network_%' OR c.name LIKE 'source_%' OR "
		"c.name LIKE 'destination_%'))",
	};

	for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
		char *changes = ask_text(file, what[i]);

		assert_non_null(changes);
		change(file, changes);
		free(changes);
	}
	change(file, "ALTER TABLE shape_driver ADD COLUMN driver_hash_md5 TEXT; PRAGMA user_version = 6");
}

/* One of version 6 had no hashes of scripts and drivers, columns for those of drivers that were empty, and not what changed of an account. */
static void file_of_version_6(void **state)
{
	static const char what[] = "SELECT group_concat(sequence || ' ' || time || ' ' || action || ' ' || process_executable || ' ' || "
				   "process_hash_id) FROM process_events";
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *bash = process_of(7, NOON, 0x78, "alice"), *later;
	struct event *event;
	char *before;

	values_set_text(&bash->values, FIELD_executable, SPAN("/bin/bash"));
	values_set_number(&bash->values, FIELD_hash_id, 4711);
	store(sink, KIND_ID(process, exec), NOON + 1, bash);
	store(sink, KIND_ID(driver, load), NOON + 2, bash);
	sink_database.free(sink);
	before = ask_text(place->file, what);
	make_version_6(place->file);
	sink = database_must_open(place->file);
	later = context_copy(bash);
	values_set_number(&later->values, FIELD_script_hash_id, 4712);
	event = event_new(KIND_ID(driver, load), NOON + 3);
	values_set_number(&event->values, FIELD_driver_hash_id, 4713);
	event->context = context_ref(later);
	assert_int_equal(sink_database.write(sink, event), 0);
	event_free(event);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_text(place->file, what, before);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM driver_events WHERE process_script_hash_id IS NULL AND "
						 "driver_hash_md5 IS NULL AND driver_hash_id IS NULL"), 1);
	assert_text(place->file, "SELECT process_script_hash_id || driver_hash_id FROM driver_events WHERE driver_hash_id IS NOT NULL",
		    "00000000000012680000000000001269");
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM pragma_table_info('shape_driver') WHERE name = 'driver_hash_md5'"), 0);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	free(before);
	context_unref(bash);
	context_unref(later);
}

/* One of version 6 had no addresses in events of HTTP, nor versions and statuses, also of what set off a signal. */
static void http_of_version_6(void **state)
{
	static const char what[] = "SELECT group_concat(sequence || ' ' || time || ' ' || category || ' ' || action || ' ' || user_audit_name) FROM "
				   "(SELECT sequence, time, category, action, user_audit_name FROM http_events UNION ALL "
				   "SELECT sequence, time, category, action, user_audit_name FROM signal_events)";
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *bash = process_of(7, NOON, 0x78, "alice");
	char *before;

	store(sink, KIND_ID(http, headers), NOON + 1, bash);
	store(sink, KIND_ID(signal, match), NOON + 2, bash);
	sink_database.free(sink);
	before = ask_text(place->file, what);
	make_version_6(place->file);
	sink = database_must_open(place->file);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_text(place->file, what, before);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM http_events WHERE network_direction IS NULL AND source_ip IS NULL AND "
						 "http_response_status_code IS NULL AND user_audit_name = 'alice'"), 1);
	sink = database_must_open(place->file);
	store(sink, KIND_ID(http, headers), NOON + 3, bash);
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM http_events"), 2);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
	free(before);
	context_unref(bash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_after_the_other, place_make, place_remove),
		cmocka_unit_test_setup_teardown(over_a_restart, place_make, place_remove),
		cmocka_unit_test_setup_teardown(number_used_again, place_make, place_remove),
		cmocka_unit_test_setup_teardown(what_is_sure, place_make, place_remove),
		cmocka_unit_test_setup_teardown(many, place_make, place_remove),
		cmocka_unit_test_setup_teardown(rolled_back, place_make, place_remove),
		cmocka_unit_test_setup_teardown(read_back, place_make, place_remove),
		cmocka_unit_test_setup_teardown(older_file, place_make, place_remove),
		cmocka_unit_test_setup_teardown(file_of_version_5, place_make, place_remove),
		cmocka_unit_test_setup_teardown(http_of_version_6, place_make, place_remove),
		cmocka_unit_test_setup_teardown(file_of_version_6, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
