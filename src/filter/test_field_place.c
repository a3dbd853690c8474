/* What an event has under a name: the same that a term finds there. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter/field_name.h"
#include "filter/filter.h"
#include "filter/term.h"

static struct context *new_context(const char *executable, struct context *parent)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_text(&context->values, FIELD_executable, span_of(executable));
	values_set_text(&context->values, FIELD_hash_md5, SPAN("aa"));
	values_set_text(&context->values, FIELD_hash_sha256, SPAN("bb"));
	context_set_parent(context, parent);
	context_unref(parent);
	return context;
}

/* /sbin/init > /bin/sh > /bin/mv */
static struct event *new_event(uint16_t kind)
{
	struct event *event = event_new(kind, 1);

	assert_non_null(event);
	event->context = new_context("/bin/mv", new_context("/bin/sh", new_context("/sbin/init", NULL)));
	return event;
}

static size_t find(const struct event *event, const char *text, struct field_place ret[static FIELD_PLACES_MAX])
{
	struct field_name name;

	assert_true(field_name_lookup(span_of(text), &name));
	return field_name_places(&name, event, ret);
}

/* The texts that are found, each of which a term finds too. */
static void assert_texts(const struct event *event, const char *name, size_t n, const char *const *expected)
{
	struct field_place places[FIELD_PLACES_MAX];

	assert_int_equal(find(event, name, places), n);
	for (size_t i = 0; i < n; i++) {
		struct span text = values_text(places[i].values, places[i].field);
		_cleanup_(term_freep) struct term *term = NULL;
		struct filter_error error = { "" };
		char written[128];

		assert_int_equal(text.size, strlen(expected[i]));
		assert_memory_equal(text.data, expected[i], text.size);
		snprintf(written, sizeof(written), "%s is '%s'", name, expected[i]);
		assert_int_equal(term_parse(&term, span_of(written), &error), 0);
		assert_true(term_match(term, event));
	}
}
#define assert_found(event, name, ...) \
	assert_texts(event, name, ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })), (const char *const[]){ __VA_ARGS__ })

static void test_places(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(file, rename));
	struct field_place places[FIELD_PLACES_MAX];

	values_set_text(&event->values, FIELD_path, SPAN("/a"));
	assert_found(event, "file.path", "/a");
	assert_found(event, "file.any_path", "/a");
	values_set_text(&event->values, FIELD_target_path, SPAN("/b"));
	assert_found(event, "file.any_path", "/a", "/b");
	assert_found(event, "process.executable", "/bin/mv");
	assert_found(event, "process.hash", "aa", "bb");
	assert_found(event, "process.parent_path", "/bin/sh");
	assert_found(event, "process.parent.executable", "/bin/sh");
	assert_found(event, "process.ancestry_path", "/bin/sh", "/sbin/init");
	assert_int_equal(find(event, "process.cwd", places), 0);
	values_set_text(&event->context->values, FIELD_cwd, SPAN("/begun"));
	assert_found(event, "process.cwd", "/begun");
	values_set_text(&event->values, FIELD_event_cwd, SPAN("/now"));
	assert_found(event, "process.cwd", "/now");
}

static void test_nobody(void **state)
{
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(security, login), 1);
	struct field_place places[FIELD_PLACES_MAX];

	assert_non_null(event);
	assert_int_equal(find(event, "process.path", places), 0);
	assert_int_equal(find(event, "process.parent_path", places), 0);
	assert_int_equal(find(event, "process.ancestry_path", places), 0);
	assert_int_equal(find(event, "process.cwd", places), 0);
}

static void test_connections(void **state)
{
	_cleanup_(event_freep) struct event *out = new_event(KIND_ID(network, connect)), *in = new_event(KIND_ID(network, accept));
	_cleanup_(event_freep) struct event *response = new_event(KIND_ID(http, headers));
	struct field_place places[FIELD_PLACES_MAX];

	values_set_number(&out->values, FIELD_source_port, 40000);
	values_set_number(&out->values, FIELD_destination_port, 443);
	values_set_number(&in->values, FIELD_source_port, 40001);
	values_set_number(&in->values, FIELD_destination_port, 22);
	assert_int_equal(find(out, "network.port", places), 1);
	assert_int_equal(values_number(places[0].values, places[0].field), 443);
	assert_int_equal(find(out, "network.local_port", places), 1);
	assert_int_equal(values_number(places[0].values, places[0].field), 40000);
	assert_int_equal(find(in, "network.port", places), 1);
	assert_int_equal(values_number(places[0].values, places[0].field), 40001);
	assert_int_equal(find(in, "network.local_port", places), 1);
	assert_int_equal(values_number(places[0].values, places[0].field), 22);
	/* of what came by one, who sent it is the peer */
	values_set_text(&response->values, FIELD_direction, SPAN("ingress"));
	values_set_number(&response->values, FIELD_source_port, 80);
	values_set_number(&response->values, FIELD_destination_port, 40002);
	assert_int_equal(find(response, "network.port", places), 1);
	assert_int_equal(values_number(places[0].values, places[0].field), 80);
	values_set_number(&response->values, FIELD_http_status, 404);
	assert_int_equal(find(response, "http.status_code", places), 1);
	assert_int_equal(values_number(places[0].values, places[0].field), 404);
}

static void assert_of_kind(const char *text, unsigned kind, const char *expected)
{
	struct field_name name;
	struct span value;

	assert_true(field_name_lookup(span_of(text), &name));
	value = field_name_of_kind(&name, kind);
	assert_int_equal(value.size, strlen(expected));
	assert_memory_equal(value.data, expected, value.size);
}

static void test_names_of_kinds(void **state)
{
	struct field_name name;

	assert_of_kind("event.action", KIND_ID(file, rename), "rename");
	assert_of_kind("event.category", KIND_ID(dns, query), "dns");
	assert_of_kind("event.type", KIND_ID(process, exec), "start");
	assert_of_kind("process.path", KIND_ID(process, exec), "");
	assert_true(field_name_lookup(SPAN("file.target_path"), &name));
	assert_true(field_name_is_of(&name, KIND_ID(file, rename)));
	assert_false(field_name_is_of(&name, KIND_ID(file, write)));
	assert_false(field_name_is_of(&name, KIND_ID(process, exec)));
	/* Of its category one kind alone is about a file. */
	assert_true(field_name_lookup(SPAN("file.path"), &name));
	assert_true(field_name_is_of(&name, KIND_ID(security, raw_access)));
	assert_false(field_name_is_of(&name, KIND_ID(security, memory_exec)));
	assert_true(field_name_is_of(&name, KIND_ID(file, write)));
	assert_true(field_name_lookup(SPAN("process.accesses.count"), &name));
	assert_true(field_name_is_of(&name, KIND_ID(process, ptrace)));
	assert_false(field_name_is_of(&name, KIND_ID(process, signal)));
	assert_true(field_name_lookup(SPAN("file.operation"), &name));
	assert_true(field_name_is_of(&name, KIND_ID(file, write)));
	assert_false(field_name_is_of(&name, KIND_ID(process, exec)));
}

/* Where a value is found, its field was told of before. */
static void test_fields(void **state)
{
	static const struct {
		const char *name;
		enum field fields[3];
		unsigned n;
		bool of_ancestors;
	} expected[] = {
		{ "process.executable", { FIELD_executable }, 1, false },
		{ "process.hash", { FIELD_hash_md5, FIELD_hash_sha1, FIELD_hash_sha256 }, 3, false },
		{ "process.script.hash", { FIELD_script_md5, FIELD_script_sha1, FIELD_script_sha256 }, 3, false },
		{ "process.parent_path", { FIELD_executable }, 1, true },
		{ "process.ancestry_name", { FIELD_name }, 1, true },
		{ "process.cwd", { FIELD_event_cwd, FIELD_cwd }, 2, false },
		{ "network.addr", { FIELD_source_ip, FIELD_destination_ip, FIELD_direction }, 3, false },
		{ "event.action", { FIELD_NONE }, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		uint64_t set[FIELD_WORDS] = { 0 };
		struct field_name name;
		int n = 0;

		assert_true(field_name_lookup(span_of(expected[i].name), &name));
		assert_true(field_name_fields(&name, set) == expected[i].of_ancestors);
		for (unsigned k = 0; k < expected[i].n; k++)
			assert_true(set[expected[i].fields[k] / 64] >> (expected[i].fields[k] % 64) & 1);
		for (unsigned k = 0; k < FIELD_WORDS; k++)
			n += __builtin_popcountll(set[k]);
		assert_int_equal(n, expected[i].n);
	}
}

/* Of all terms but those of the kind, which look at nothing. */
static void test_fields_of_terms(void **state)
{
	const char *const texts[] = { "process.exec", "process.parent_path is '/bin/sh'", "process.pid greater than '5'" };
	struct filter_error error = { "" };
	uint64_t set[FIELD_WORDS] = { 0 };
	struct terms *terms;

	(void)state;
	assert_int_equal(terms_parse(&terms, texts, 3, &error), 0);
	assert_false(terms_are_of_kind(terms));
	assert_true(terms_fields(terms, set));
	assert_true(set[FIELD_executable / 64] >> (FIELD_executable % 64) & 1);
	assert_true(set[FIELD_pid / 64] >> (FIELD_pid % 64) & 1);
	terms_free(terms);
	memset(set, 0, sizeof(set));
	assert_int_equal(terms_parse(&terms, texts, 1, &error), 0);
	assert_true(terms_are_of_kind(terms));
	assert_false(terms_fields(terms, set));
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		assert_int_equal(set[i], 0);
	terms_free(terms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_names_of_kinds),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_fields_of_terms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
