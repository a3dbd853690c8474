#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "sink/history.h"
#include "sink/layout.h"

#include "sink/test_sink.h"

static const struct event_json_options json = { .host_name = { "box", 3 } };

/* An event of each kind in each style, with a context that other events share, alone in its own, or without
 * one. */
#define N_ALL (N_KINDS * N_FILL_STYLES)

static struct event *make(unsigned i)
{
	struct event *event = fill_event((uint16_t)(i % N_KINDS), i, (enum fill_style)(i / N_KINDS));

	if (i % 3)
		event->context = fill_context(i, (enum fill_style)(i / N_KINDS), i % 4);
	return event;
}

struct expected {
	struct buffer lines[N_ALL];
	unsigned n;
	bool newest_first;
};

static int compare(void *user, const struct event *event)
{
	struct expected *expected = user;
	unsigned i = expected->newest_first ? N_ALL - 1 - expected->n : expected->n;
	struct buffer line = { 0 };

	assert_int_equal(event->sequence, i + 1);
	event_json(&line, event, &json);
	if (!span_eq(buffer_span(&line), buffer_span(&expected->lines[i])))
		fail_msg("stored %.*s\nread   %.*s", (int)expected->lines[i].size, expected->lines[i].data,
			 (int)line.size, line.data);
	buffer_release(&line);
	expected->n++;
	return 0;
}

/* Of hashes that nobody told so much is known. */
static void set_pending(struct event *event)
{
	for (size_t i = 0; i < N_DIGEST_GROUPS; i++) {
		const struct digest_group *group = &digest_groups[i];
		struct values *values = fields[group->id].is_context ? event->context ? &event->context->values : NULL : &event->values;

		if (!values || !values_has(values, group->id))
			continue;
		values_set_text(values, group->fields[DIGEST_STATE], SPAN("pending"));
		if (values_is_inferred(values, group->id))
			values_set_inferred(values, group->fields[DIGEST_STATE]);
	}
}

static void what_is_written_is_read(void **state)
{
	struct place *place = *state;
	struct expected *expected = calloc(1, sizeof(*expected));
	struct sink *sink = database_must_open(place->file);
	struct history_query query = { 0 };
	struct history *history;

	for (unsigned i = 0; i < N_ALL; i++) {
		struct event *event = make(i);

		assert_int_equal(sink_database.write(sink, event), 0);
		set_pending(event);
		event_json(&expected->lines[i], event, &json);
		event_free(event);
	}
	/* With the writer still there, and after it. */
	assert_int_equal(sink_database.flush(sink, 1), 0);
	for (unsigned pass = 0; pass < 4; pass++) {
		if (pass == 2)
			sink = sink_database.free(sink);
		assert_int_equal(history_open(&history, place->file, NULL), 0);
		query.newest_first = expected->newest_first = pass & 1;
		expected->n = 0;
		assert_int_equal(history_events(history, &query, compare, expected), 0);
		assert_int_equal(expected->n, N_ALL);
		history_free(history);
	}
	for (unsigned i = 0; i < N_ALL; i++)
		buffer_release(&expected->lines[i]);
	free(expected);
	assert_text(place->file, "PRAGMA integrity_check", "ok");
}

/* Needs */

/* Whole blocks of everything, so that some are passed by for their sieve; a value of its own in few. */
#define N_ROUNDS 50

struct pick {
	enum field field;
	uint64_t keys[N_FIELDS];	/* 0: no event has the field; else that of the first that does */
	unsigned char *has;		/* by sequence: of the field, found by the need */
	unsigned char *all;		/* by field and sequence: has the key, as read */
	size_t n;
};

static const struct values *values_of(const struct event *event, enum field field)
{
	return !fields[field].is_context ? &event->values : event->context ? &event->context->values : NULL;
}

static bool key_of(const struct event *event, enum field field, uint64_t *ret)
{
	const struct values *values = values_of(event, field);
	struct span text, item;

	if (!values || !values_has(values, field))
		return false;
	if (!field_type_is_text(fields[field].type))
		return history_key_number(field, values_number(values, field), ret);
	text = values_text(values, field);
	if (fields[field].type == TYPE_LIST)
		return list_next(&text, &item) && history_key_text(field, item, false, ret);
	return history_key_text(field, text, false, ret);
}

static int mark_all(void *user, const struct event *event)
{
	struct pick *pick = user;

	assert_true(event->sequence < pick->n);
	for (unsigned field = 0; field < N_FIELDS; field++) {
		uint64_t key;

		if (!key_of(event, (enum field)field, &key))
			continue;
		if (!pick->keys[field])
			pick->keys[field] = key;
		pick->all[field * pick->n + event->sequence] = key == pick->keys[field];
	}
	return 0;
}

static int mark_found(void *user, const struct event *event)
{
	struct pick *pick = user;

	assert_true(event->sequence < pick->n && !pick->has[event->sequence]);
	pick->has[event->sequence] = 1;
	return 0;
}

/* A need finds every event that has the value, and others only if their text looks percent-escaped. */
static void needs_find_what_there_is(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct pick pick = { .n = N_ROUNDS * N_ALL + 2 };
	struct history_query query = { 0 };
	struct history *history;
	unsigned n_fields = 0, n_found = 0, n_others = 0;

	pick.has = calloc(1, pick.n);
	pick.all = calloc(N_FIELDS, pick.n);
	for (unsigned i = 0; i < N_ROUNDS * N_ALL; i++) {
		struct event *event = make(i % N_ALL);

		assert_int_equal(sink_database.write(sink, event), 0);
		event_free(event);
	}
	sink_database.free(sink);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_true(ask_number(place->file, "SELECT count(*) FROM block WHERE sieve IS NOT NULL") > 3);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM block WHERE sieve IS NULL"), 0);
	assert_int_equal(history_events(history, &query, mark_all, &pick), 0);
	for (unsigned field = 0; field < N_FIELDS; field++) {
		struct history_need need = { &pick.field, &pick.keys[field], 1, 1 };

		if (!pick.keys[field])
			continue;
		pick.field = (enum field)field;
		query = (struct history_query){ .newest_first = n_fields++ % 2, .needs = &need, .n_needs = 1 };
		memset(pick.has, 0, pick.n);
		assert_int_equal(history_events(history, &query, mark_found, &pick), 0);
		for (size_t i = 0; i < pick.n; i++) {
			if (pick.all[field * pick.n + i] && !pick.has[i])
				fail_msg("%s: event %zu is not found", fields[field].name, i);
			n_found += pick.all[field * pick.n + i];
			n_others += pick.has[i] && !pick.all[field * pick.n + i];
		}
	}
	assert_true(n_fields > 30);
	assert_true(n_found > 0 && n_others < n_fields * N_ROUNDS * N_ALL / 4);
	history_free(history);
	free(pick.has);
	free(pick.all);
}

struct found {
	uint64_t first, last, n;
	uint32_t categories;
	uint64_t stop_after;
};

static int note(void *user, const struct event *event)
{
	struct found *found = user;

	if (found->n++ == 0)
		found->first = event->sequence;
	found->last = event->sequence;
	found->categories |= 1u << event_category(event);
	return found->n == found->stop_after ? 1 : 0;
}

static struct found search(struct history *history, struct history_query query)
{
	struct found found = { 0 };

	assert_int_equal(history_events(history, &query, note, &found), 0);
	return found;
}

/* 30,000 events, a second apart, of three categories and 300 processes. */
static void queries_narrow(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *contexts[300];
	bool kinds_wanted[N_KINDS] = { [KIND_ID(file, rename)] = true };
	struct history *history;
	struct found found;

	for (unsigned i = 0; i < 300; i++) {
		contexts[i] = context_new();
		values_set_number(&contexts[i]->values, FIELD_pid, 1000 + i);
		values_set_number(&contexts[i]->values, FIELD_entity_id, UINT64_MAX - i);
	}
	for (unsigned i = 0; i < 30000; i++) {
		static const uint16_t of[] = { KIND_ID(file, write), KIND_ID(file, rename),
					       KIND_ID(network, connect) };
		struct event *event = event_new(i % 1000 == 999 ? KIND_ID(security, login) : of[i % 3],
						(1000 + i) * NS_PER_SEC);

		event->origin = i;
		event->context = context_ref(contexts[i / 100]);
		assert_int_equal(sink_database.write(sink, event), 0);
		event_free(event);
	}
	for (unsigned i = 0; i < 300; i++)
		context_unref(contexts[i]);
	sink_database.free(sink);

	assert_int_equal(history_open(&history, place->file, NULL), 0);
	found = search(history, (struct history_query){ 0 });
	assert_int_equal(found.n, 30000);
	assert_int_equal(found.last, 30000);
	/* before and after everything */
	for (unsigned down = 0; down < 2; down++) {
		assert_int_equal(search(history, (struct history_query){ .until_ns = 5, .newest_first = down }).n, 0);
		assert_int_equal(search(history, (struct history_query){ .since_ns = 99999 * NS_PER_SEC, .newest_first = down }).n,
				 0);
	}
	found = search(history, (struct history_query){ .since_ns = 11000 * NS_PER_SEC,
							.until_ns = 11500 * NS_PER_SEC });
	assert_int_equal(found.n, 500);
	assert_int_equal(found.first, 10001);
	found = search(history,
		       (struct history_query){ .since_ns = 30999 * NS_PER_SEC, .newest_first = true });
	assert_int_equal(found.n, 1);
	assert_int_equal(found.first, 30000);
	found = search(history, (struct history_query){ .until_ns = 1001 * NS_PER_SEC });
	assert_int_equal(found.n, 1);
	assert_int_equal(search(history, (struct history_query){ .since_ns = 31000 * NS_PER_SEC }).n, 0);
	assert_int_equal(search(history, (struct history_query){ .until_ns = 1000 * NS_PER_SEC }).n, 0);
	assert_int_equal(search(history, (struct history_query){ .since_ns = UINT64_MAX }).n, 0);
	assert_int_equal(search(history, (struct history_query){ .until_ns = UINT64_MAX }).n, 30000);
	found = search(history, (struct history_query){ .categories = CATEGORY_BIT_security });
	assert_int_equal(found.n, 30);
	assert_int_equal(found.categories, CATEGORY_BIT_security);
	found = search(history, (struct history_query){ .kinds = kinds_wanted });
	assert_int_equal(found.categories, CATEGORY_BIT_file);
	assert_in_range(found.n, 9900, 10000);
	assert_int_equal(search(history, (struct history_query){ .kinds = kinds_wanted,
								 .categories = CATEGORY_BIT_network })
				 .n,
			 0);
	found = search(history, (struct history_query){ .pid = 1250 });
	assert_int_equal(found.n, 100);
	assert_int_equal(found.first, 25001);
	found = search(history, (struct history_query){ .entity_id = UINT64_MAX - 7, .newest_first = true });
	assert_int_equal(found.n, 100);
	assert_int_equal(found.first, 800);
	assert_int_equal(search(history, (struct history_query){ .pid = 1 }).n, 0);
	found = search(history, (struct history_query){ .sequence = 12345 });
	assert_int_equal(found.n, 1);
	assert_int_equal(found.first, 12345);
	found = search(history,
		       (struct history_query){ .event_time_ns = 2000 * NS_PER_SEC, .event_origin = 1000 });
	assert_int_equal(found.n, 1);
	assert_int_equal(found.first, 1001);
	assert_int_equal(search(history, (struct history_query){ .event_time_ns = 2000 * NS_PER_SEC,
								 .event_origin = 1 })
				 .n,
			 0);
	assert_int_equal(search(history, (struct history_query){ .sequence = 30001 }).n, 0);

	/* The caller stops, or fails. */
	found = (struct found){ .stop_after = 3 };
	assert_int_equal(
		history_events(history, &(struct history_query){ .newest_first = true }, note, &found), 0);
	assert_int_equal(found.n, 3);
	history_free(history);
}

static int fail_at_once(void *user, const struct event *event)
{
	return -EPIPE;
}

static int count_gap(void *user, const struct history_gap *gap)
{
	unsigned *n = user;

	(*n)++;
	assert_string_equal(gap->cause, "kernel_lost");
	assert_string_equal(gap->class_name, "all");
	assert_string_equal(gap->unit, "records");
	assert_true(gap->count_known);
	assert_true(gap->exact);
	assert_int_equal(gap->count, 17);
	return 0;
}

static unsigned gaps_in(struct history *history, uint64_t since, uint64_t until)
{
	unsigned n = 0;

	assert_int_equal(history_gaps(history, since, until, count_gap, &n), 0);
	return n;
}

static void gaps_overlap(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct history *history;

	for (unsigned i = 0; i < 3; i++) {
		struct event *event = event_new(KIND_ID(recorder, gap), 5000);

		values_set_number(&event->values, FIELD_gap_begin, 1000 * (i + 1));
		if (i < 2)
			values_set_number(&event->values, FIELD_gap_end, 1000 * (i + 1) + 500);
		values_set_text(&event->values, FIELD_gap_class, SPAN("all"));
		values_set_text(&event->values, FIELD_gap_cause, SPAN("kernel_lost"));
		values_set_text(&event->values, FIELD_gap_unit, SPAN("records"));
		values_set_number(&event->values, FIELD_gap_count, 17);
		values_set_number(&event->values, FIELD_gap_exact, 1);
		assert_int_equal(sink_database.write(sink, event), 0);
		event_free(event);
	}
	sink_database.free(sink);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_int_equal(gaps_in(history, 0, 0), 3);
	assert_int_equal(gaps_in(history, 0, 1000), 0);
	assert_int_equal(gaps_in(history, 0, 1001), 1);
	assert_int_equal(gaps_in(history, 1500, 2000), 1);
	assert_int_equal(gaps_in(history, 1600, 1900), 0);
	assert_int_equal(gaps_in(history, 2400, 9000), 2);
	assert_int_equal(gaps_in(history, 4000, 4001), 1); /* the one without an end */
	assert_int_equal(history_events(history, &(struct history_query){ 0 }, fail_at_once, NULL), -EPIPE);
	history_free(history);
	assert_int_equal(
		ask_number(place->file,
			   "SELECT count(*) FROM gaps WHERE \"begin\" < \"end\" AND cause = 'kernel_lost'"),
		2);
}

struct images {
	unsigned n, ended, replaced;
	int32_t exit_code;
};

static int note_process(void *user, const struct history_process *process)
{
	struct images *images = user;

	images->n++;
	images->ended += process->end_ns != 0;
	images->replaced += process->replaced;
	if (process->exit_code >= 0)
		images->exit_code = process->exit_code;
	assert_int_equal(process->context->row, process->row);
	return 0;
}

static struct event *of_process(uint16_t kind, uint64_t time, struct context *context)
{
	struct event *event = event_new(kind, time);

	event->context = context_ref(context);
	return event;
}

/* fork, exec, setuid, exit: two images, the second with two identities. */
static void images_of_a_process(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *forked = context_new(), *executed, *changed;
	struct images images = { 0 };
	struct history *history;
	struct event *event;

	values_set_number(&forked->values, FIELD_entity_id, 0xabcdef);
	values_set_number(&forked->values, FIELD_exec_count, 0);
	values_set_text(&forked->values, FIELD_executable, SPAN("/bin/sh"));
	executed = context_copy(forked);
	values_set_number(&executed->values, FIELD_exec_count, 1);
	values_set_text(&executed->values, FIELD_executable, SPAN("/bin/su"));
	changed = context_copy(executed);
	values_set_number(&changed->values, FIELD_uid, 0);
	for (unsigned i = 0; i < 4; i++) {
		static const uint16_t of[] = { KIND_ID(process, fork), KIND_ID(process, exec),
					       KIND_ID(process, setuid), KIND_ID(process, exit) };
		struct context *context[] = { forked, executed, changed, changed };

		event = of_process(of[i], 100 + i, context[i]);
		if (i == 3)
			values_set_number(&event->values, FIELD_exit_code, 3);
		assert_int_equal(sink_database.write(sink, event), 0);
		event_free(event);
		/* Another run of the recorder sees the same images and writes them again. */
		if (i == 1) {
			struct context *again = context_copy(executed);

			sink_database.free(sink);
			sink = database_must_open(place->file);
			event = of_process(KIND_ID(process, snapshot), 102, again);
			assert_int_equal(sink_database.write(sink, event), 0);
			event_free(event);
			context_unref(again);
		}
	}
	context_unref(forked);
	context_unref(executed);
	context_unref(changed);
	sink_database.free(sink);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_int_equal(history_processes(history, NULL, note_process, &images), 0);
	history_free(history);
	assert_int_equal(images.n, 2);
	assert_int_equal(images.ended, 2);
	assert_int_equal(images.replaced, 1);
	assert_int_equal(images.exit_code, 3);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM process"), 4);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM processes"), 2);
	assert_text(place->file, "SELECT process_executable FROM processes WHERE process_exit_code = 3",
		    "/bin/su");
	assert_int_equal(
		ask_number(place->file, "SELECT process_end_ns FROM processes WHERE next_image IS NOT NULL"),
		101);
}

static void stats_and_hosts(void **state)
{
	struct place *place = *state;
	struct history_stats stats;
	struct event_json_options host;
	struct history *history;

	for (unsigned run = 0; run < 2; run++) {
		struct sink_options options = { .path = place->file,
						.host_id = "m1",
						.host_name = "box",
						.boot_id = run ? "boot-2" : "boot-1" };
		struct sink *sink;

		assert_int_equal(sink_database.open(&sink, &options), 0);
		for (unsigned i = 0; i < 10; i++) {
			struct event *event = event_new(KIND_ID(file, write), 5000 - i + run * 1000);

			assert_int_equal(sink_database.write(sink, event), 0);
			event_free(event);
		}
		sink_database.free(sink);
	}
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_int_equal(history_stats(history, &stats), 0);
	assert_int_equal(stats.events, 20);
	assert_int_equal(stats.oldest_ns, 4991);
	assert_int_equal(stats.newest_ns, 6000);
	assert_string_equal(stats.host_name, "box");
	assert_string_equal(stats.boot_id, "boot-2");
	assert_true(stats.size_bytes > 4096);
	/* An event tells of the boot it belongs to, not of the latest. */
	assert_int_equal(history_json_options(history, 10, &host), 0);
	assert_memory_equal(host.boot_id.data, "boot-1", 6);
	assert_int_equal(history_json_options(history, BLOCK_EVENTS, &host), 0);
	assert_memory_equal(host.boot_id.data, "boot-2", 6);
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

static int ignore(void *user, const struct event *event)
{
	struct buffer line = { 0 };

	event_json(&line, event, &json);
	assert_int_equal(buffer_error(&line), 0);
	buffer_release(&line);
	return 0;
}

/* Ids that lead nowhere or in circles, types and texts that do not belong. */
static void strange_content(void **state)
{
	static const char *const strange[] = {
		"UPDATE process SET parent = id + 1",
		"UPDATE process SET parent = 99999999999",
		"UPDATE process SET parent = id - 1 WHERE id > 1",
		"UPDATE process SET login = -1",
		"DELETE FROM text WHERE id % 2",
		"UPDATE text SET value = NULL",
		"UPDATE text SET value = x'ff00fe', owner = owner | 1",
		"UPDATE text SET value = '[\"' || value",
		"UPDATE shape_process SET kind = 33",
		"UPDATE shape_file SET kind = 'x'",
		"UPDATE shape_network SET kind = 40000000000",
		"UPDATE event_file SET process = 'abc', file_path_dir = -5, file_inode = 'many'",
		"UPDATE event_file SET time = -1",
		"DELETE FROM login",
		"UPDATE login SET recorder_inferred = 1, recorder_escaped = x'00', ancestry_cut = 'x'",
		"UPDATE program SET begins_as = id + 1, begins_size = 9223372036854775807",
		"UPDATE program SET begins_as = id, begins_size = -1",
		"UPDATE process SET process_parent_pid = -1",
		"UPDATE shape_security SET recorder_inferred = '{', recorder_escaped = '[1, null, \"nonsense\"]'",
		"DELETE FROM block",
		"DELETE FROM run",
		"UPDATE meta SET value = x'00'",
		"DELETE FROM shape_process",
		"UPDATE event_file SET file_path_name = 99999, file_target_path_name = -3",
		"UPDATE event_file SET file_path_name = 0",
		"UPDATE event_file SET file_path_name = 3, file_target_path_name = x'00ff'",
		"UPDATE process SET first = id, image = id + 1, program = 'x'",
		"UPDATE process SET first = id - 1, ended = 7",
		"UPDATE process SET first = 99999, ended = 9223372036854775807",
		"UPDATE program SET process_args = 12345",
		"UPDATE tick SET time = 'yesterday'",
		"DELETE FROM program",
		"DELETE FROM content",
		"DELETE FROM more_file",
		"DELETE FROM tick",
	};
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct history_stats stats;
	struct images images;
	struct history *history;

	for (unsigned i = 0; i < N_ALL; i++) {
		struct event *event = make(i);

		assert_int_equal(sink_database.write(sink, event), 0);
		event_free(event);
	}
	/* A chain that is longer than any. */
	for (unsigned i = 0; i < 200; i++) {
		struct event *event = of_process(KIND_ID(process, exec), i, NULL);

		event->context = context_new();
		assert_int_equal(sink_database.write(sink, event), 0);
		event_free(event);
	}
	sink_database.free(sink);
	for (unsigned i = 0; i < ARRAY_SIZE(strange); i++) {
		change(place->file, strange[i]);
		assert_int_equal(history_open(&history, place->file, NULL), 0);
		assert_int_equal(history_events(history, &(struct history_query){ .newest_first = i & 1 },
						ignore, NULL),
				 0);
		assert_int_equal(history_processes(history, NULL, note_process, &images), 0);
		assert_int_equal(history_stats(history, &stats), 0);
		history_free(history);
	}
}

static void refused(void **state)
{
	struct place *place = *state;
	struct history_error error = { "" };
	struct history *history;
	FILE *file;

	assert_int_equal(history_open(&history, place->file, &error), -ENOENT);
	assert_non_null(strstr(error.message, "recorder.db"));
	assert_int_equal(history_open(&history, place->folder, &error), -EINVAL);
	assert_int_equal(mkfifo(place->file, 0600), 0);
	assert_int_equal(history_open(&history, place->file, &error), -EINVAL);
	unlink(place->file);
	file = fopen(place->file, "w");
	fputs("root:x:0:0:root:/root:/bin/bash, and so on until it is long enough for a header of a database, or so",
	      file);
	fclose(file);
	assert_int_equal(history_open(&history, place->file, &error), -EBADMSG);
	unlink(place->file);
	change(place->file, "CREATE TABLE a(b)");
	assert_int_equal(history_open(&history, place->file, &error), -EBADMSG);
	assert_non_null(strstr(error.message, "not a recorder database"));
	unlink(place->file);
	sink_database.free(database_must_open(place->file));
	change(place->file, "PRAGMA user_version = 99");
	assert_int_equal(history_open(&history, place->file, &error), -EBADMSG);
	assert_non_null(strstr(error.message, "99"));
}

/* A folder one may only read, with and without a WAL; names that are special in URIs. */
static void read_only_folder(void **state)
{
	struct place *place = *state;
	char folder[128], file[256];
	struct history_stats stats;
	struct history *history;
	struct event *event = event_new(KIND_ID(file, write), 1);
	struct sink *sink;

	snprintf(folder, sizeof(folder), "%s/odd %%41?#", place->folder);
	snprintf(file, sizeof(file), "%s/recorder.db", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	sink = database_must_open(file);
	assert_int_equal(sink_database.write(sink, event), 0);
	sink_database.free(sink);
	event_free(event);
	assert_int_equal(chmod(folder, 0500), 0);
	/* Root passes the permission bits; an id of somebody else for the file system does not. */
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, 65534, 65534), 0);
		assert_int_equal(chown(file, 65534, 65534), 0);
		assert_int_equal(chmod(place->folder, 0755), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	assert_int_equal(history_open(&history, file, NULL), 0);
	assert_int_equal(history_stats(history, &stats), 0);
	assert_int_equal(stats.events, 1);
	history_free(history);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

static void make_one(const char *file)
{
	struct sink *sink = database_must_open(file);
	struct event *event = event_new(KIND_ID(file, write), 1);

	assert_int_equal(sink_database.write(sink, event), 0);
	sink_database.free(sink);
	event_free(event);
}

/* No room for a -shm: all is in the file as long as there is no -wal, or nothing in it. */
static void full_disk(void **state)
{
	struct place *place = *state;
	struct history_error error = { "" };
	struct history_stats stats;
	struct history *history;
	struct rlimit before, none;
	char wal[256];
	int fd;

	make_one(place->file);
	snprintf(wal, sizeof(wal), "%s-wal", place->file);
	fd = open(wal, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_int_equal(history_stats(history, &stats), 0);
	assert_int_equal(stats.events, 1);
	history_free(history);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_true(history_open(&history, place->file, &error) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_non_null(strstr(error.message, wal));
	assert_non_null(strstr(error.message, "copy both"));
}

/* SQLite follows no link to a -wal: what is behind it is not read, and that is said. */
static void wal_is_a_link(void **state)
{
	struct place *place = *state;
	struct history_error error = { "" };
	struct history *history;
	char wal[256];

	make_one(place->file);
	snprintf(wal, sizeof(wal), "%s-wal", place->file);
	assert_int_equal(symlink("elsewhere", wal), 0);
	assert_true(history_open(&history, place->file, &error) < 0);
	assert_non_null(strstr(error.message, wal));
}

/* A reader that waits in the middle keeps the writer from nothing, not even from cutting the WAL. */
struct slow {
	struct sink *sink;
	const char *file;
	unsigned n;
};

static int write_meanwhile(void *user, const struct event *event)
{
	struct slow *slow = user;

	if (slow->n++ % 100 == 0 && slow->n < 500) {
		for (unsigned i = 0; i < 1000; i++) {
			struct event *more = fill_event(KIND_ID(file, write), i, FILL_PLAIN);

			assert_int_equal(sink_database.write(slow->sink, more), 0);
			event_free(more);
		}
		assert_int_equal(sink_database.flush(slow->sink, 1), 0);
	}
	return slow->n >= 600;
}

static void readers_do_not_hold_the_writer(void **state)
{
	struct place *place = *state;
	struct slow slow = { .sink = database_must_open(place->file), .file = place->file };
	struct history *history;
	struct stat st;
	char wal[128];

	slow.n = 0;
	write_meanwhile(&slow, NULL);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	for (unsigned i = 0; i < 10; i++) {
		slow.n = 0;
		assert_int_equal(
			history_events(history, &(struct history_query){ 0 }, write_meanwhile, &slow), 0);
	}
	/* 50 transactions: some MiB went through it. */
	snprintf(wal, sizeof(wal), "%s-wal", place->file);
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size < 8 << 20);
	history_free(history);
	sink_database.free(slow.sink);
	assert_true(stat(wal, &st) < 0 || st.st_size == 0);
}

static bool stop_later(void *user)
{
	unsigned *n = user;

	return ++*n == 3;
}

static int none(void *user, const struct event *event)
{
	fail_msg("nothing is asked for that is there");
	return 0;
}

static void stopped_while_nothing_is_found(void **state)
{
	struct place *place = *state;
	bool kinds_wanted[N_KINDS] = { [KIND_ID(file, delete)] = true };
	const struct history_query query = { .kinds = kinds_wanted };	/* all are writes, and each is looked at */
	struct slow slow = { .sink = database_must_open(place->file), .file = place->file };
	struct history *history;
	unsigned n = 0;

	for (unsigned i = 0; i < 20; i++) {
		slow.n = 0;
		write_meanwhile(&slow, NULL);
	}
	sink_database.free(slow.sink);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	history_ask(history, stop_later, &n);
	assert_int_equal(history_events(history, &query, none, NULL), -EINTR);
	assert_int_equal(n, 3);
	history_ask(history, NULL, NULL);
	assert_int_equal(history_events(history, &query, none, NULL), 0);
	history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, place_make, place_remove),
		cmocka_unit_test_setup_teardown(needs_find_what_there_is, place_make, place_remove),
		cmocka_unit_test_setup_teardown(queries_narrow, place_make, place_remove),
		cmocka_unit_test_setup_teardown(gaps_overlap, place_make, place_remove),
		cmocka_unit_test_setup_teardown(images_of_a_process, place_make, place_remove),
		cmocka_unit_test_setup_teardown(stats_and_hosts, place_make, place_remove),
		cmocka_unit_test_setup_teardown(strange_content, place_make, place_remove),
		cmocka_unit_test_setup_teardown(refused, place_make, place_remove),
		cmocka_unit_test_setup_teardown(read_only_folder, place_make, place_remove),
		cmocka_unit_test_setup_teardown(full_disk, place_make, place_remove),
		cmocka_unit_test_setup_teardown(wal_is_a_link, place_make, place_remove),
		cmocka_unit_test_setup_teardown(readers_do_not_hold_the_writer, place_make, place_remove),
		cmocka_unit_test_setup_teardown(stopped_while_nothing_is_found, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
