/* The views of the database: the contract of who reads it with sqlite3. */

#include "sink/test_sink.h"

static void views_show(void **state)
{
	static const struct {
		const char *sql, *answer;
	} questions[] = {
		{ "SELECT time FROM file_events", "2024-11-22T10:28:58.000000007Z" },
		{ "SELECT time_ns FROM file_events", "1732271338000000007" },
		{ "SELECT event_id FROM file_events", "180a439a9c14a407-2501" },
		{ "SELECT category || '/' || action FROM file_events", "file/rename" },
		{ "SELECT file_path FROM file_events", "/" },
		{ "SELECT file_target_path FROM file_events", "relative" },
		{ "SELECT file_mode FROM file_events", "0644" },
		{ "SELECT file_device FROM file_events", "259:1048576" },
		{ "SELECT file_inode FROM file_events", "18446744073709551615" },
		{ "SELECT ifnull(file_size, 'unknown') FROM file_events", "unknown" },
		{ "SELECT file_uid FROM file_events", "0" },
		{ "SELECT recorder_completeness FROM file_events", "full" },
		{ "SELECT process_entity_id FROM file_events", "ffffffffffffff01" },
		{ "SELECT process_executable FROM file_events", "/usr/bin/mv" },
		{ "SELECT process_args FROM file_events", "[\"mv\",\"a\\\"b\",\"\",\"c\"]" },
		{ "SELECT process_parent_executable FROM file_events", "/bin/sh" },
		{ "SELECT process_working_directory FROM file_events", "/tmp/50%25%FF" },
		{ "SELECT process_args FROM processes WHERE process_name = 'sh'",
		  "[\"sh\",\"-c\",\"mv a b\"]" },
		{ "SELECT process_ancestry FROM processes WHERE process_name = 'mv'", "/bin/sh < init" },
		{ "SELECT user_audit_name || ifnull(user_audit_id, '') FROM file_events", "unset" },
		{ "SELECT session_login_source_ip FROM file_events", "192.168.1.2" },
		{ "SELECT recorder_inferred FROM file_events", "[\"process.executable\",\"file.path\"]" },
		{ "SELECT recorder_escaped FROM file_events",
		  "[\"process.working_directory\",\"file.xattr\"]" },
		{ "SELECT file_xattr FROM file_events", "user.%00" },
		{ "SELECT subject || ' -> ' || detail FROM events WHERE sequence = 1", "/ -> relative" },
		{ "SELECT login_user || ' ' || executable || ' ' || pid FROM events WHERE sequence = 1",
		  "unset /usr/bin/mv 4000000000" },
		{ "SELECT subject FROM events WHERE category = 'network'", "::1 443" },
		{ "SELECT group_concat(name) FROM pragma_table_info('events')",
		  "sequence,time,category,action,outcome,process_entity_id,pid,executable,command_line,user,login_user,subject,detail" },
	};
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *init = context_new(), *sh = context_new(), *mv = context_new();
	struct event *event = event_new(KIND_ID(file, rename), UINT64_C(1732271338000000007));

	values_set_text(&init->values, FIELD_name, SPAN("init"));
	values_set_text(&sh->values, FIELD_name, SPAN("sh"));
	values_set_text(&sh->values, FIELD_executable, SPAN("/bin/sh"));
	values_set_text(&sh->values, FIELD_args, SPAN("sh\0-c\0mv a b\0"));
	context_set_command_line(sh);
	context_set_parent(sh, init);
	values_set_text(&mv->values, FIELD_name, SPAN("mv"));
	values_set_number(&mv->values, FIELD_entity_id, UINT64_C(0xffffffffffffff01));
	values_set_number(&mv->values, FIELD_pid, 4000000000);
	values_set_text(&mv->values, FIELD_executable, SPAN("/usr/bin/mv"));
	values_set_inferred(&mv->values, FIELD_executable);
	values_set_text(&mv->values, FIELD_args, SPAN("mv\0a\"b\0\0c\0"));
	context_set_command_line(mv);
	values_set_text(&mv->values, FIELD_cwd, SPAN("/tmp/50%\xff"));
	values_set_number(&mv->values, FIELD_auid, UINT32_MAX);
	values_set_text(&mv->values, FIELD_login_ip, SPAN("\xc0\xa8\x01\x02"));
	context_set_parent(mv, sh);
	event->context = mv;
	event->origin = 0x25 << 8 | 1;
	values_set_text(&event->values, FIELD_path, SPAN("/"));
	values_set_inferred(&event->values, FIELD_path);
	values_set_text(&event->values, FIELD_target_path, SPAN("relative"));
	values_set_number(&event->values, FIELD_mode, 0644);
	values_set_number(&event->values, FIELD_device, UINT64_C(0x100010300));
	values_set_number(&event->values, FIELD_inode, UINT64_MAX);
	values_set_number(&event->values, FIELD_file_uid, 0);
	values_set_text(&event->values, FIELD_xattr, SPAN("user.\0"));
	assert_int_equal(sink_database.write(sink, event), 0);
	event_free(event);
	event = event_new(KIND_ID(network, connect), 1);
	values_set_text(&event->values, FIELD_destination_ip, SPAN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"));
	values_set_number(&event->values, FIELD_destination_port, 443);
	assert_int_equal(sink_database.write(sink, event), 0);
	event_free(event);
	context_unref(init);
	context_unref(sh);
	sink_database.free(sink);
	for (unsigned i = 0; i < ARRAY_SIZE(questions); i++)
		assert_text(place->file, questions[i].sql, questions[i].answer);
}

/* What was set off, by what, and who that was. */
static void signals_show(void **state)
{
	static const struct {
		const char *sql, *answer;
	} questions[] = {
		{ "SELECT rule_id || ' ' || rule_severity || ' ' || event_severity || ' ' || signal_count FROM signals", "nc high 4 7" },
		{ "SELECT signal_first || ' ' || signal_last FROM signals",
		  "1970-01-01T00:00:01.000000000Z 1970-01-01T00:00:02.000000000Z" },
		{ "SELECT signal_event_category || '.' || signal_event_action || ' ' || subject || ' ' || detail FROM signals",
		  "network.connect 10.0.0.1 443 tcp" },
		{ "SELECT process_executable || ' < ' || process_ancestry FROM signals", "/usr/bin/nc < /usr/sbin/sshd < init" },
		{ "SELECT c.event_id FROM signals s JOIN network_events c ON c.event_id = s.signal_event_id", "1-100" },
		{ "SELECT s.event_id FROM signals s JOIN signal_events e USING (event_id) WHERE destination_port = 443",
		  "2-8000000000000001" },
		{ "SELECT subject || ' ' || detail FROM events WHERE category = 'signal'", "Netcat network.connect" },
	};
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *init = context_new(), *sshd = context_new(), *nc = context_new();
	struct event *event = event_new(KIND_ID(network, connect), 1), *signal;

	values_set_text(&init->values, FIELD_name, SPAN("init"));
	values_set_text(&sshd->values, FIELD_executable, SPAN("/usr/sbin/sshd"));
	context_set_parent(sshd, init);
	values_set_text(&nc->values, FIELD_executable, SPAN("/usr/bin/nc"));
	context_set_parent(nc, sshd);
	event->origin = 0x100;
	event->context = nc;
	values_set_text(&event->values, FIELD_destination_ip, SPAN("\x0a\0\0\1"));
	values_set_number(&event->values, FIELD_destination_port, 443);
	values_set_text(&event->values, FIELD_transport, SPAN("tcp"));
	signal = event_copy(event);
	signal->kind = KIND_ID(signal, match);
	signal->time_ns = 2;
	signal->origin = UINT64_C(1) << 63 | 1;
	values_set_text(&signal->values, FIELD_rule_id, SPAN("nc"));
	values_set_text(&signal->values, FIELD_rule_name, SPAN("Netcat"));
	values_set_text(&signal->values, FIELD_rule_severity, SPAN("high"));
	values_set_number(&signal->values, FIELD_severity, 4);
	values_set_text(&signal->values, FIELD_signal_event_id, SPAN("1-100"));
	values_set_text(&signal->values, FIELD_signal_event_category, SPAN("network"));
	values_set_text(&signal->values, FIELD_signal_event_action, SPAN("connect"));
	values_set_number(&signal->values, FIELD_signal_count, 7);
	values_set_number(&signal->values, FIELD_signal_first, NS_PER_SEC);
	values_set_number(&signal->values, FIELD_signal_last, 2 * NS_PER_SEC);
	assert_int_equal(sink_database.write(sink, event), 0);
	assert_int_equal(sink_database.write(sink, signal), 0);
	event_free(event);
	event_free(signal);
	context_unref(sshd);
	context_unref(init);
	sink_database.free(sink);
	for (unsigned i = 0; i < ARRAY_SIZE(questions); i++)
		assert_text(place->file, questions[i].sql, questions[i].answer);
}

static struct context *child_of(struct context *parent, uint32_t pid, uint32_t ppid, const char *line)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_number(&context->values, FIELD_pid, pid);
	if (ppid > 0)
		values_set_number(&context->values, FIELD_ppid, ppid);
	values_set_number(&context->values, FIELD_entity_id, pid);
	values_set_number(&context->values, FIELD_start, 1000);
	values_set_text(&context->values, FIELD_executable, SPAN("/usr/bin/cc"));
	values_set_text(&context->values, FIELD_command_line, span_of(line));
	context_set_parent(context, parent);
	return context;
}

static void exits(struct sink *sink, struct context *context, uint64_t time_ns, int64_t duration_ns)
{
	struct event *event = event_new(KIND_ID(process, exit), time_ns);

	assert_non_null(event);
	event->context = context;
	if (duration_ns >= 0)
		values_set_number(&event->values, FIELD_duration, (uint64_t)duration_ns);
	assert_int_equal(sink_database.write(sink, event), 0);
	event_free(event);
}

/* What is not stored since it follows from the rest, and where it would follow but is not so. */
static void what_follows_shows(void **state)
{
	static const struct {
		const char *sql, *answer;
	} questions[] = {
		{ "SELECT group_concat(ifnull(event_duration, '-'), ' ') FROM (SELECT * FROM process_events ORDER BY sequence)", "4000 - 7 -" },
		{ "SELECT count(*) FROM more_process", "2" },
		{ "SELECT group_concat(ifnull(process_parent_pid, '-'), ' ') FROM (SELECT * FROM process_events ORDER BY sequence)", "10 10 11 -" },
		{ "SELECT count(*) FROM process WHERE process_parent_pid IS NULL", "2" },
		{ "SELECT group_concat(process_command_line, '|') FROM (SELECT * FROM process_events ORDER BY sequence)",
		  "cc -O2 -Wall -c one.c|cc -O2 -Wall -c two.c|cc -O2 -Wall -c one.c -o \303\266.o|cc" },
		{ "SELECT group_concat(process_command_line, '|') FROM (SELECT * FROM program ORDER BY id)",
		  "make|cc -O2 -Wall -c one.c|two.c| -o \303\266.o|cc" },
		{ "SELECT group_concat(process_pid || ' ' || process_end, '|') FROM (SELECT * FROM processes WHERE process_pid < 22 ORDER BY id)",
		  "20 1970-01-01T00:00:00.000005000Z|21 1970-01-01T00:00:00.000006000Z" },
	};
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *make = child_of(NULL, 10, 1, "make");

	exits(sink, child_of(make, 20, 10, "cc -O2 -Wall -c one.c"), 5000, 4000);
	exits(sink, child_of(make, 21, 10, "cc -O2 -Wall -c two.c"), 6000, -1);
	exits(sink, child_of(make, 22, 11, "cc -O2 -Wall -c one.c -o \303\266.o"), 7000, 7);
	exits(sink, child_of(make, 23, 0, "cc"), 500, -1);
	context_unref(make);
	sink_database.free(sink);
	for (unsigned i = 0; i < ARRAY_SIZE(questions); i++)
		assert_text(place->file, questions[i].sql, questions[i].answer);
}

/* The newest events come from the ends of the tables: nothing is sorted, whatever their number. */
static void newest_without_sorting(void **state)
{
	static const char *const questions[] = {
		"EXPLAIN QUERY PLAN SELECT * FROM events ORDER BY sequence DESC LIMIT 5",
		"EXPLAIN QUERY PLAN SELECT * FROM events ORDER BY sequence LIMIT 5",
		"EXPLAIN QUERY PLAN SELECT * FROM events WHERE sequence > 1000 ORDER BY sequence DESC",
		"EXPLAIN QUERY PLAN SELECT * FROM file_events ORDER BY sequence DESC LIMIT 5",
		"EXPLAIN QUERY PLAN SELECT * FROM signals ORDER BY sequence DESC LIMIT 5",
		"EXPLAIN QUERY PLAN SELECT * FROM processes WHERE id = 5",
	};
	struct place *place = *state;
	sqlite3_stmt *statement;
	sqlite3 *db;

	sink_database.free(database_must_open(place->file));
	assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
	for (unsigned i = 0; i < ARRAY_SIZE(questions); i++) {
		assert_int_equal(sqlite3_prepare_v2(db, questions[i], -1, &statement, NULL), SQLITE_OK);
		while (sqlite3_step(statement) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(statement, 3);

			if (strstr(step, "TEMP B-TREE") || strstr(step, "AUTOMATIC"))
				fail_msg("%s: %s", questions[i], step);
		}
		sqlite3_finalize(statement);
	}
	sqlite3_close(db);
}

static void every_view_answers(void **state)
{
	struct place *place = *state;
	sqlite3_stmt *views, *statement;
	unsigned n_views = 0;
	sqlite3 *db;
	struct sink *sink = database_must_open(place->file);

	for (uint16_t kind = 0; kind < N_KINDS; kind++)
		for (unsigned style = 0; style < N_FILL_STYLES; style++) {
			struct event *event = fill_event(kind, style + kind, style);

			event->context = fill_context(kind, style, 2);
			assert_int_equal(sink_database.write(sink, event), 0);
			event_free(event);
		}
	sink_database.free(sink);
	assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'view'", -1,
					    &views, NULL),
			 SQLITE_OK);
	while (sqlite3_step(views) == SQLITE_ROW) {
		char sql[128];
		int r;

		snprintf(sql, sizeof(sql), "SELECT * FROM %s", (const char *)sqlite3_column_text(views, 0));
		if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
			fail_msg("%s: %s", sql, sqlite3_errmsg(db));
		while ((r = sqlite3_step(statement)) == SQLITE_ROW)
			for (int i = 0; i < sqlite3_column_count(statement); i++) {
				const char *text = (const char *)sqlite3_column_text(statement, i);
				struct span span = { text, (size_t)sqlite3_column_bytes(statement, i) };

				if (text && span_utf8_prefix(span) < span.size)
					fail_msg("%s: column %d is no UTF-8", sql, i);
			}
		if (r != SQLITE_DONE)
			fail_msg("%s: %s", sql, sqlite3_errmsg(db));
		sqlite3_finalize(statement);
		n_views++;
	}
	sqlite3_finalize(views);
	sqlite3_close(db);
	assert_int_equal(n_views, N_CATEGORIES + 5);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM events"), N_KINDS * N_FILL_STYLES);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM events WHERE action IS NULL"), 0);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM gaps"), N_FILL_STYLES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(views_show, place_make, place_remove),
		cmocka_unit_test_setup_teardown(signals_show, place_make, place_remove),
		cmocka_unit_test_setup_teardown(what_follows_shows, place_make, place_remove),
		cmocka_unit_test_setup_teardown(newest_without_sorting, place_make, place_remove),
		cmocka_unit_test_setup_teardown(every_view_answers, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
