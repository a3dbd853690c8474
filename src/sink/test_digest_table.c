/* Table digest: what is told of a version of a file is there for all that name it, those of before too. */

#include "sink/test_sink.h"

#include "sink/history.h"

#define NOON (UINT64_C(1732276800) * NS_PER_SEC)
#define OF_LS UINT64_C(0xfedcba9876543210)
#define OF_LIBC UINT64_C(0x123)
#define OF_SCRIPT UINT64_C(0x456)
#define OF_DRIVER UINT64_C(0x789)

static struct context *runs(uint32_t pid, uint64_t hash_id)
{
	struct context *context = context_new();

	values_set_number(&context->values, FIELD_entity_id, pid);
	values_set_number(&context->values, FIELD_pid, pid);
	values_set_text(&context->values, FIELD_executable, SPAN("/bin/ls"));
	values_set_number(&context->values, FIELD_hash_id, hash_id);
	return context;
}

static void store(struct sink *sink, struct event *event)
{
	assert_int_equal(sink_database.write(sink, event), 0);
	event_free(event);
}

static void store_exec(struct sink *sink, uint64_t time_ns, struct context *context)
{
	struct event *event = event_new(KIND_ID(process, exec), time_ns);

	event->context = context_ref(context);
	store(sink, event);
}

static void store_load(struct sink *sink, uint64_t time_ns, struct context *context)
{
	struct event *event = event_new(KIND_ID(image, load), time_ns);

	event->context = context_ref(context);
	values_set_text(&event->values, FIELD_dll_path, SPAN("/lib/libc.so"));
	values_set_number(&event->values, FIELD_dll_hash_id, OF_LIBC);
	store(sink, event);
}

static void store_hash(struct sink *sink, uint64_t time_ns, uint64_t id, const char *state, const char *sha256)
{
	struct event *event = event_new(KIND_ID(recorder, hash), time_ns);

	values_set_text(&event->values, FIELD_path, SPAN("/bin/ls"));
	values_set_number(&event->values, FIELD_file_hash_id, id);
	values_set_text(&event->values, FIELD_file_hash_state, span_of(state));
	if (sha256)
		values_set_text(&event->values, FIELD_file_sha256, span_of(sha256));
	store(sink, event);
}

static void flush(struct sink *sink)
{
	assert_int_equal(sink_database.flush(sink, NOON), 0);
}

static void told_later(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *first = runs(100, OF_LS), *second = runs(101, OF_LS), *known;

	store_exec(sink, NOON, first);
	store_load(sink, NOON + 1, first);
	flush(sink);
	assert_text(place->file, "SELECT process_hash_id || ' ' || process_hash_state FROM process_events",
		    "fedcba9876543210 pending");
	assert_text(place->file, "SELECT dll_hash_id FROM image_events", "0000000000000123");
	store_hash(sink, NOON + 2, OF_LS, "ok", "abc");
	store_hash(sink, NOON + 3, OF_LIBC, "too_big", NULL);
	store_exec(sink, NOON + 4, second);
	/* The process follows: that is no other program. */
	known = context_copy(first);
	values_set_text(&known->values, FIELD_hash_state, SPAN("ok"));
	values_set_text(&known->values, FIELD_hash_sha256, SPAN("abc"));
	store_load(sink, NOON + 5, known);
	flush(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM digest"), 2);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM program"), 1);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM process_events WHERE process_hash_sha256 = 'abc'"), 2);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM image_events WHERE process_hash_state = 'ok' AND dll_hash_state = 'too_big' "
						 "AND dll_hash_sha256 IS NULL"), 2);
	assert_text(place->file, "SELECT process_hash_sha256 FROM processes WHERE process_pid = 100", "abc");
	assert_text(place->file, "SELECT subject || ' ' || detail FROM events WHERE category = 'recorder' ORDER BY sequence", "/bin/ls abc");
	context_unref(first);
	context_unref(second);
	context_unref(known);
	sink_database.free(sink);
}

static void over_a_restart(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *context = runs(100, OF_LS);

	store_exec(sink, NOON, context);
	sink_database.free(sink);
	sink = database_must_open(place->file);
	store_hash(sink, NOON + 1, OF_LS, "gone", NULL);
	store_hash(sink, NOON + 2, OF_LS, "ok", "abc");
	sink_database.free(sink);
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM digest"), 1);
	assert_text(place->file, "SELECT process_hash_state || process_hash_sha256 FROM process_events", "okabc");
	context_unref(context);
}

/* A driver by its event, a script by the program that reads it: the hashes of each are its own. */
static void of_each_kind(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *context = runs(100, OF_LS);
	struct event *event = event_new(KIND_ID(driver, load), NOON);

	values_set_text(&context->values, FIELD_interpreter, SPAN("/run.sh"));
	values_set_number(&context->values, FIELD_script_hash_id, OF_SCRIPT);
	values_set_inferred(&context->values, FIELD_script_hash_id);
	event->context = context_ref(context);
	values_set_text(&event->values, FIELD_driver_path, SPAN("/lib/x.ko"));
	values_set_number(&event->values, FIELD_driver_hash_id, OF_DRIVER);
	store(sink, event);
	store_hash(sink, NOON + 1, OF_LS, "ok", "of ls");
	store_hash(sink, NOON + 2, OF_SCRIPT, "ok", "of script");
	store_hash(sink, NOON + 3, OF_DRIVER, "ok", "of driver");
	event = event_new(KIND_ID(recorder, hash), NOON + 4);
	values_set_number(&event->values, FIELD_file_hash_id, OF_SCRIPT);
	values_set_text(&event->values, FIELD_file_hash_state, SPAN("ok"));
	values_set_text(&event->values, FIELD_file_sha256, SPAN("of script"));
	values_set_text(&event->values, FIELD_file_tlsh, SPAN("T1"));
	values_set_text(&event->values, FIELD_content, SPAN("#!/bin/sh\n"));
	store(sink, event);
	flush(sink);
	assert_text(place->file, "SELECT process_hash_sha256 || ', ' || process_script_hash_sha256 || ', ' || driver_hash_sha256 || ', ' || "
		    "driver_hash_state || ', ' || driver_path FROM driver_events", "of ls, of script, of driver, ok, /lib/x.ko");
	assert_text(place->file, "SELECT process_script_hash_id || ' ' || process_script_hash_state FROM processes", "0000000000000456 ok");
	assert_text(place->file, "SELECT file_content || file_hash_tlsh FROM recorder_events WHERE file_content IS NOT NULL", "#!/bin/sh\nT1");
	assert_int_equal(ask_number(place->file, "SELECT count(*) FROM driver_events WHERE recorder_inferred LIKE '%process.script.hash.id%'"), 1);
	context_unref(context);
	sink_database.free(sink);
}

struct found {
	unsigned n;
	char state[16], sha256[16];
};

static int on_event(void *user, const struct event *event)
{
	struct found *found = user;
	struct span state = values_text(&event->context->values, FIELD_hash_state);
	struct span sha256 = values_text(&event->context->values, FIELD_hash_sha256);

	found->n++;
	snprintf(found->state, sizeof(found->state), "%.*s", (int)state.size, state.data ? state.data : "");
	snprintf(found->sha256, sizeof(found->sha256), "%.*s", (int)sha256.size, sha256.data ? sha256.data : "");
	return 0;
}

static struct found ask(struct history *history, const enum field *list, size_t n, const char *text, bool any_case)
{
	uint64_t keys[4];
	struct history_need need = { list, keys, n, n };
	struct history_query query = { .needs = &need, .n_needs = 1, .categories = 1u << CATEGORY_process | 1u << CATEGORY_image };
	struct found found = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_true(history_key_text(list[i], span_of(text), any_case, &keys[i]));
	assert_int_equal(history_events(history, &query, on_event, &found), 0);
	return found;
}

/* What is known of a file is found by what was told of it later. */
static void looked_for(void **state)
{
	static const enum field of_program[] = { FIELD_hash_md5, FIELD_hash_sha1, FIELD_hash_sha256 }, of_library[] = { FIELD_dll_sha256 };
	static const enum field of_script[] = { FIELD_script_sha256 };
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct context *context = runs(100, OF_LS), *other = runs(101, 7);
	struct history *history;
	struct found found;

	values_set_number(&context->values, FIELD_script_hash_id, OF_SCRIPT);
	store_exec(sink, NOON, context);
	store_exec(sink, NOON + 1, other);
	store_load(sink, NOON + 2, other);
	/* The block ends, and has its sieve, before anything is told. */
	for (unsigned i = 0; i < 9000; i++)
		store_exec(sink, NOON + 3, other);
	store_hash(sink, NOON + 4, OF_LS, "ok", "abc");
	store_hash(sink, NOON + 5, OF_LIBC, "ok", "def");
	store_hash(sink, NOON + 6, OF_SCRIPT, "ok", "ghi");
	sink_database.free(sink);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	found = ask(history, of_program, 3, "ABC", true);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.state, "ok");
	assert_string_equal(found.sha256, "abc");
	assert_int_equal(ask(history, of_program, 3, "abcd", true).n, 0);
	assert_int_equal(ask(history, of_library, 1, "def", false).n, 1);
	assert_int_equal(ask(history, of_script, 1, "GHI", true).n, 1);
	assert_int_equal(ask(history, of_script, 1, "abc", false).n, 0);
	history_free(history);
	context_unref(context);
	context_unref(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told_later, place_make, place_remove),
		cmocka_unit_test_setup_teardown(of_each_kind, place_make, place_remove),
		cmocka_unit_test_setup_teardown(over_a_restart, place_make, place_remove),
		cmocka_unit_test_setup_teardown(looked_for, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
