/* Many subscriptions against events: which streams get what, what is wanted of the kernel, what it costs. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "filter/filter.h"

struct set {
	struct subscription *subscriptions[4];
	size_t n;
	struct filter *filter;
};

static void add(struct set *set, struct span text)
{
	struct filter_error error = { "" };

	if (subscription_parse(&set->subscriptions[set->n], text, &error) < 0)
		fail_msg("%s", error.message);
	set->n++;
}

static void make(struct set *set)
{
	const struct subscription *list[4] = { NULL };

	for (size_t i = 0; i < set->n; i++)
		list[i] = set->subscriptions[i];
	assert_int_equal(filter_new(&set->filter, list, set->n), 0);
}

static void release(struct set *set)
{
	filter_free(set->filter);
	for (size_t i = 0; i < set->n; i++)
		subscription_free(set->subscriptions[i]);
}

static struct event *new_event(uint16_t kind, const char *executable, const char *path)
{
	struct event *event = event_new(kind, 1);

	assert_non_null(event);
	event->context = context_new();
	values_set_text(&event->context->values, FIELD_executable, span_of(executable));
	values_set_text(&event->context->values, FIELD_user_name, SPAN("alice"));
	if (path)
		values_set_text(&event->values, FIELD_path, span_of(path));
	return event;
}

static uint64_t streams_of(struct set *set, uint16_t kind, const char *executable, const char *path)
{
	_cleanup_(event_freep) struct event *event = new_event(kind, executable, path);

	return filter_match(set->filter, event);
}

static void test_streams(void **state)
{
	struct set set = { 0 };

	add(&set,
	    SPAN("{\"name\":\"a\",\"streams\":["
		 "{\"type\":\"database\",\"event_filters\":[{\"terms\":[\"process\"]},"
		 "{\"terms\":[\"file\",\"file.operation is 'write'\",\"file.path starts with '/etc'\"]}]},"
		 "{\"type\":\"journal\",\"name\":\"j\",\"event_filters\":[{\"terms\":[\"process.path ends "
		 "with '/nc'\"]}]}]}"));
	add(&set, SPAN("{\"name\":\"b\",\"streams\":[{\"type\":\"database\",\"event_filters\":["
		       "{\"terms\":[\"file.path starts with '/etc'\"]}]}]}"));
	make(&set);
	assert_int_equal(streams_of(&set, KIND_ID(process, exec), "/bin/ls", NULL), 1);
	assert_int_equal(streams_of(&set, KIND_ID(process, exec), "/bin/nc", NULL), 3);
	assert_int_equal(streams_of(&set, KIND_ID(file, write), "/bin/ls", "/etc/passwd"), 1 | 4);
	assert_int_equal(streams_of(&set, KIND_ID(file, read), "/bin/ls", "/etc/passwd"), 4);
	assert_int_equal(streams_of(&set, KIND_ID(file, write), "/bin/ls", "/tmp/x"), 0);
	assert_int_equal(streams_of(&set, KIND_ID(file, write), "/bin/nc", "/tmp/x"), 2);
	assert_int_equal(streams_of(&set, KIND_ID(security, login), "/bin/ls", NULL), 0);
	/* The recorder's own events reach every stream. */
	assert_int_equal(streams_of(&set, KIND_ID(recorder, gap), "/bin/ls", NULL), 7);
	release(&set);
}

static void test_nobody(void **state)
{
	struct set set = { 0 };
	bool wanted[N_KINDS];

	make(&set);
	assert_int_equal(streams_of(&set, KIND_ID(process, exec), "/bin/ls", NULL), 0);
	assert_true(streams_of(&set, KIND_ID(recorder, gap), "/bin/ls", NULL) != 0);
	filter_wanted(set.filter, wanted);
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		assert_int_equal(wanted[kind], kinds[kind].category == CATEGORY_recorder);
	release(&set);
}

static void test_wanted(void **state)
{
	struct set set = { 0 };
	bool wanted[N_KINDS];

	add(&set, SPAN("{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":["
		       "{\"terms\":[\"process.exec\"]},"
		       "{\"terms\":[\"file\",\"file.operation in 'create','write'\",\"file.operation is not "
		       "'write'\"]},"
		       "{\"terms\":[\"dns.query ends with '.example'\"]},"
		       "{\"terms\":[\"network\",\"event.action is not 'send'\"]}]}]}"));
	make(&set);
	filter_wanted(set.filter, wanted);
	assert_true(wanted[KIND_ID(process, exec)]);
	assert_false(wanted[KIND_ID(process, fork)]);
	assert_true(wanted[KIND_ID(file, create)]);
	assert_false(wanted[KIND_ID(file, write)]);
	assert_false(wanted[KIND_ID(file, read)]);
	assert_true(wanted[KIND_ID(dns, query)]);
	assert_false(wanted[KIND_ID(security, login)]);
	assert_true(wanted[KIND_ID(network, connect)]);
	assert_false(wanted[KIND_ID(network, send)]);
	assert_true(wanted[KIND_ID(recorder, gap)]);
	assert_false(filter_may_signal(set.filter, KIND_ID(process, exec)));	/* there is no signal */
	assert_false(filter_has_signals(set.filter));
	release(&set);
}

static void test_looks_at_hashes(void **state)
{
	static const char *const terms[][2] = {
		{ "process.hash is 'aa'", "process.path is '/bin/ls'" },
		{ "process.script.hash is 'aa'", "process.exec" },
		{ "image.hash is 'aa'", "image.path is '/lib/x'" },
		{ "driver.hash is 'aa'", "file.path is '/etc'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(terms); i++)
		for (unsigned j = 0; j < 2; j++) {
			_cleanup_(buffer_release) struct buffer text = { 0 };
			struct set set = { 0 };

			buffer_printf(&text, "{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":[{\"terms\":[\"%s\"]},"
					     "{\"terms\":[\"process.exit\"]}]}]}", terms[i][j]);
			add(&set, buffer_span(&text));
			make(&set);
			assert_int_equal(filter_looks_at_hashes(set.filter), j == 0);
			release(&set);
		}
}

static void assert_wanted(const char *terms, unsigned n, const uint16_t *expected)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	bool wanted[N_KINDS], is_expected[N_KINDS] = { false };
	struct set set = { 0 };

	buffer_printf(&text, "{\"name\":\"a\",\"streams\":[{\"type\":\"signal\",\"id\":\"s\",\"event_filters\":[{\"terms\":[%s]}]}]}", terms);
	add(&set, buffer_span(&text));
	make(&set);
	filter_wanted(set.filter, wanted);
	for (unsigned i = 0; i < n; i++)
		is_expected[expected[i]] = true;
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		assert_int_equal(filter_may_signal(set.filter, (uint16_t)kind), is_expected[kind]);
	assert_int_equal(filter_has_signals(set.filter), n > 0);
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (wanted[kind] != (is_expected[kind] || kinds[kind].category == CATEGORY_recorder))
			fail_msg("%s: %s.%s", terms, categories[kinds[kind].category].name, kinds[kind].action);
	release(&set);
}

/* Without a type the fields say which kinds it can be. */
static void test_wanted_by_fields(void **state)
{
	assert_wanted("\"dns.query ends with '.example'\"", 2, (const uint16_t[]){ KIND_ID(dns, query), KIND_ID(dns, response) });
	assert_wanted("\"http.status_code greater than 399\"", 1, (const uint16_t[]){ KIND_ID(http, headers) });
	assert_wanted("\"process.exit_code is 1\"", 1, (const uint16_t[]){ KIND_ID(process, exit) });
	assert_wanted("\"file.target_path starts with '/etc/'\"", 4,
		      (const uint16_t[]){ KIND_ID(file, rename), KIND_ID(file, link), KIND_ID(file, symlink), KIND_ID(file, mount) });
	assert_wanted("\"file.writes.bytes greater than 1000\",\"process.path is '/bin/x'\"", 1,
		      (const uint16_t[]){ KIND_ID(file, write) });
	assert_wanted("\"file.operation not in 'read', 'write'\",\"file.xattr starts with 'security.'\"", 1,
		      (const uint16_t[]){ KIND_ID(file, xattr) });
	assert_wanted("\"driver.path contains 'x'\",\"event.action is 'load'\"", 1, (const uint16_t[]){ KIND_ID(driver, load) });
}

/* Terms of the command line agree with the same terms in a subscription. */
static void test_terms(void **state)
{
	static const char *const texts[] = { "file", "file.path starts with '/etc'",
					     "process.path is not '/bin/vi'" };
	static const char *const wrong[] = { "file", "file.pth is 'x'" };
	static const char *const never[] = { "file", "process.exec" };
	_cleanup_(event_freep) struct event *event =
		new_event(KIND_ID(file, write), "/bin/ls", "/etc/passwd");
	_cleanup_(event_freep) struct event *other =
		new_event(KIND_ID(file, write), "/bin/vi", "/etc/passwd");
	_cleanup_(terms_freep) struct terms *all = NULL, *terms = NULL;
	struct terms *none = NULL;
	struct filter_error error = { "" };
	bool wanted[N_KINDS];

	assert_int_equal(terms_parse(&all, NULL, 0, &error), 0);
	assert_true(terms_match(all, event));
	assert_int_equal(terms_categories(all), (1u << N_CATEGORIES) - 1);
	assert_int_equal(terms_parse(&terms, texts, 3, &error), 0);
	assert_true(terms_match(terms, event));
	assert_false(terms_match(terms, other));
	assert_int_equal(terms_categories(terms), CATEGORY_BIT_file);
	terms_kinds(terms, wanted);
	assert_true(wanted[KIND_ID(file, read)] && !wanted[KIND_ID(process, exec)]);
	assert_int_equal(terms_parse(&none, wrong, 2, &error), -EINVAL);
	assert_string_equal(
		error.message,
		"term 2 ('file.pth is 'x''): unknown field 'file.pth', did you mean 'file.path'?");
	assert_int_equal(terms_parse(&none, never, 2, &error), -EINVAL);
	assert_string_equal(error.message, "no event can match: the terms exclude each other");
}

/* A term in many filters is one; its answer belongs to one event only. */
static void test_shared(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct set set = { 0 };

	buffer_append_text(&text, "{\"name\":\"a\",\"streams\":[");
	for (unsigned i = 0; i < 40; i++)
		buffer_printf(
			&text,
			"%s{\"type\":\"journal\",\"name\":\"j%u\",\"event_filters\":[{\"terms\":[\"file\","
			"\"process.path not in '/bin/a','/bin/b'\",\"file.path ends with '/%u'\"]}]}",
			i ? "," : "", i, i);
	buffer_append_text(&text, "]}");
	add(&set, buffer_span(&text));
	make(&set);
	for (unsigned i = 0; i < 40; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/x/%u", i);
		assert_true(streams_of(&set, KIND_ID(file, write), "/bin/ls", path) == UINT64_C(1) << i);
		assert_int_equal(streams_of(&set, KIND_ID(file, write), "/bin/a", path), 0);
	}
	release(&set);
}

static double cost_ns(struct set *set, const struct event *event, unsigned n, uint64_t expected)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	for (unsigned i = 0; i < n; i++)
		if (filter_match(set->filter, event) != expected)
			fail();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / n;
}

/* 20 filters of three terms each, none of which matches, all of the event's own type. The figure is printed;
 * the bound is loose, since sanitizers and busy machines count too. */
static void test_cost(void **state)
{
	_cleanup_(event_freep) struct event *event =
		new_event(KIND_ID(file, write), "/usr/bin/python3.11", "/home/alice/project/src/main.c");
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct set set = { 0 };
	double ns;

	buffer_append_text(&text, "{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":[");
	for (unsigned i = 0; i < 20; i++)
		buffer_printf(&text,
			      "%s{\"terms\":[\"file\",\"process.user_name is 'alice'\",\"process.path starts "
			      "with '/usr'\","
			      "\"file.path starts with '/home/alice/project/%u'\"]}",
			      i ? "," : "", i);
	buffer_append_text(&text, "]}]}");
	add(&set, buffer_span(&text));
	make(&set);
	ns = cost_ns(&set, event, 20000, 0);
	print_message("20 filters: %.0f ns an event\n", ns);
	assert_true(ns < 20000);
	release(&set);
}

/* Random filters of terms that share fields, against events of processes that come and go: searched, kept and shared, the
 * answers are those of the terms one by one. */

static uint32_t random_number(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

static const char *random_text(uint32_t *seed)
{
	static const char *const texts[] = { "/", "/a", "/b", "a", "b", "ab", "/a/b", "/a/bb", "/a/b/ab", "aab", "ba", "/b/a", "A", "aB", "abab" };

	return texts[random_number(seed, ARRAY_SIZE(texts))];
}

enum { ABOUT_PROCESS, ABOUT_FILE, ABOUT_NETWORK, ABOUT_DNS, N_ABOUT };

static void append_random_term(struct buffer *to, unsigned about, uint32_t *seed)
{
	static const char *const process_fields[] = { "process.path", "process.cmd", "process.parent_path", "process.ancestry_path",
						      "process.args", "process.cwd", "process.hash" };
	static const char *const operators[] = { "is", "contains", "starts with", "ends with", "in", "matches" };
	const char *not = random_number(seed, 4) ? "" : "not ", *fold = random_number(seed, 5) ? "" : " case insensitive";
	const char *field = process_fields[random_number(seed, ARRAY_SIZE(process_fields))];

	if (random_number(seed, 8) == 0) {
		buffer_printf(to, "\"process.pid %sin %u, %u\"", not, random_number(seed, 9), random_number(seed, 9));
		return;
	}
	if (about == ABOUT_NETWORK && random_number(seed, 2)) {
		if (random_number(seed, 3) == 0)
			buffer_printf(to, "\"network.port %sis %u\"", not, random_number(seed, 9));
		else if (random_number(seed, 2))
			buffer_printf(to, "\"network.addr %sis '10.0.0.%u'\"", not, random_number(seed, 9));
		else
			buffer_printf(to, "\"network.addr %sin '10.0.0.0/%u', '::ffff:10.0.0.7', '%s'\"", not, 8 + random_number(seed, 25),
				      random_number(seed, 2) ? "::/0" : "fe80::/10");
		return;
	}
	if (about == ABOUT_FILE && random_number(seed, 2))
		field = random_number(seed, 2) ? "file.path" : "file.any_path";
	if (about == ABOUT_DNS && random_number(seed, 2))
		field = "dns.query";
	buffer_printf(to, "\"%s %s%s '%s', ", field, not, operators[random_number(seed, ARRAY_SIZE(operators))], random_text(seed));
	buffer_printf(to, "'%s'%s\"", random_text(seed), fold);
}

static void append_random_stream(struct buffer *to, uint32_t *seed, unsigned number)
{
	if (number % 3)
		buffer_printf(to, "{\"type\":\"signal\",\"id\":\"s%u\",\"event_filters\":[", number);
	else
		buffer_printf(to, "{\"type\":\"journal\",\"name\":\"j%u\",\"event_filters\":[", number);
	for (unsigned i = 0; i <= number % 4; i++) {
		buffer_append_text(to, i ? ",{\"terms\":[" : "{\"terms\":[");
		for (unsigned k = 0, about = random_number(seed, N_ABOUT); k < 1 + number % 3; k++) {
			buffer_append_text(to, k ? "," : "");
			append_random_term(to, about, seed);
		}
		buffer_append_text(to, "]}");
	}
	buffer_append_text(to, "]}");
}

static struct context *random_process(struct context *parent, uint32_t *seed)
{
	struct context *context = context_new();

	assert_non_null(context);
	if (random_number(seed, 5))
		values_set_text(&context->values, FIELD_executable, span_of(random_text(seed)));
	values_set_text(&context->values, FIELD_command_line, span_of(random_text(seed)));
	values_set_text(&context->values, FIELD_cwd, span_of(random_text(seed)));
	if (random_number(seed, 2))
		values_set_text(&context->values, FIELD_hash_md5, span_of(random_text(seed)));
	values_set_text(&context->values, FIELD_hash_sha256, span_of(random_text(seed)));
	values_set_text(&context->values, FIELD_args, (struct span){ "a\0/b", 5 });
	values_append_list(&context->values, FIELD_args, span_of(random_text(seed)));
	values_set_number(&context->values, FIELD_pid, random_number(seed, 9));
	context_set_parent(context, parent);
	return context;
}

static struct event *random_event(struct context *context, uint32_t *seed)
{
	static const uint16_t kinds_of[] = { KIND_ID(process, exec), KIND_ID(file, rename), KIND_ID(network, connect),
					     KIND_ID(network, accept), KIND_ID(dns, query) };
	static const char mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff', 10, 0, 0, 7 };
	struct event *event = event_new(kinds_of[random_number(seed, ARRAY_SIZE(kinds_of))], 1);
	char address[4] = { 10, 0, 0, (char)random_number(seed, 9) };

	assert_non_null(event);
	event->context = random_number(seed, 20) ? context_ref(context) : NULL;
	switch (event_category(event)) {
	case CATEGORY_file:
		values_set_text(&event->values, FIELD_path, span_of(random_text(seed)));
		values_set_text(&event->values, FIELD_target_path, span_of(random_text(seed)));
		break;
	case CATEGORY_network:
		values_set_text(&event->values, FIELD_source_ip, (struct span){ address, sizeof(address) });
		values_set_text(&event->values, FIELD_destination_ip, (struct span){ mapped, random_number(seed, 9) ? sizeof(mapped) : 3 });
		values_set_number(&event->values, FIELD_source_port, random_number(seed, 9));
		values_set_number(&event->values, FIELD_destination_port, random_number(seed, 9));
		break;
	case CATEGORY_dns:
		values_set_text(&event->values, FIELD_dns_question_name, span_of(random_text(seed)));
		values_set_text(&event->values, FIELD_event_cwd, span_of(random_text(seed)));
		break;
	default:
		break;
	}
	return event;
}

static void assert_same(struct set *set, const struct event *event)
{
	const struct stream *const *hits, *expected_hits[64];
	uint64_t expected = filter_match_plainly(set->filter, event);
	size_t n_expected = filter_hits(set->filter, &hits), n;

	memcpy(expected_hits, hits, n_expected * sizeof(const struct stream *));
	assert_true(filter_match(set->filter, event) == expected);
	n = filter_hits(set->filter, &hits);
	assert_int_equal(n, n_expected);
	assert_int_equal(n > 0, (expected & FILTER_SIGNALED) != 0);
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < n; k++)
			found = found || hits[i] == expected_hits[k];
		assert_true(found);
		assert_int_equal(hits[i]->type, STREAM_SIGNAL);
	}
}

static void test_same(void **state)
{
	uint32_t seed = 7;

	for (unsigned round = 0; round < 30; round++) {
		_cleanup_(buffer_release) struct buffer text = { 0 };
		struct context *chain[8] = { NULL };
		struct set set = { 0 };

		buffer_append_text(&text, "{\"name\":\"r\",\"streams\":[");
		for (unsigned i = 0; i < 1 + round * 2 && i < 60; i++) {
			buffer_append_text(&text, i ? "," : "");
			append_random_stream(&text, &seed, i);
		}
		buffer_append_text(&text, "]}");
		add(&set, buffer_span(&text));
		make(&set);
		for (unsigned i = 0; i < 3000; i++) {
			unsigned place = random_number(&seed, ARRAY_SIZE(chain));
			_cleanup_(event_freep) struct event *event = NULL;

			if (!chain[place] || random_number(&seed, 8) == 0) {
				struct context *next = random_process(chain[random_number(&seed, ARRAY_SIZE(chain))], &seed);

				context_unref(chain[place]);
				chain[place] = next;
			}
			event = random_event(chain[place], &seed);
			assert_same(&set, event);
		}
		for (size_t i = 0; i < ARRAY_SIZE(chain); i++)
			context_unref(chain[i]);
		release(&set);
	}
}

/* Ancestors that all want the same place in the table of contexts, asked for again and again. */
static void test_displaced(void **state)
{
	enum { N_CHAIN = 60, TABLE = 1024 };
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct context *chain[N_CHAIN];
	struct set set = { 0 };

	buffer_append_text(&text, "{\"name\":\"a\",\"streams\":[");
	for (unsigned i = 0; i < N_CHAIN; i++)
		buffer_printf(&text,
			      "%s{\"type\":\"signal\",\"id\":\"s%u\",\"event_filters\":[{\"terms\":[\"process.ancestry_path is '/%u'\","
			      "\"process.parent_path not is '/%u'\",\"process.ancestry_cmd matches 'c%u$'\"]}]}",
			      i ? "," : "", i, i, i, i);
	buffer_append_text(&text, "]}");
	add(&set, buffer_span(&text));
	make(&set);
	for (unsigned i = 0; i < N_CHAIN; i++) {
		char path[16], command[16];

		snprintf(path, sizeof(path), "/%u", i);
		snprintf(command, sizeof(command), "c%u", i);
		chain[i] = context_new();
		values_set_text(&chain[i]->values, FIELD_executable, span_of(path));
		values_set_text(&chain[i]->values, FIELD_command_line, span_of(command));
		context_set_parent(chain[i], i ? chain[i - 1] : NULL);
		for (unsigned k = 1; k < TABLE; k++)
			context_unref(context_new());
		assert_int_equal(chain[i]->serial % TABLE, chain[0]->serial % TABLE);
	}
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < N_CHAIN; i++) {
			_cleanup_(event_freep) struct event *event = event_new(KIND_ID(process, exec), 1);
			const struct stream *const *hits;

			event->context = context_ref(chain[round == 1 ? N_CHAIN - 1 - i : i]);
			assert_same(&set, event);
			assert_int_equal(filter_hits(set.filter, &hits), MAX(event->context->depth, 1u) - 1);
		}
	for (unsigned i = 0; i < N_CHAIN; i++)
		context_unref(chain[i]);
	release(&set);
}

/* What is not known because it took too long is counted. */
static void test_given_up(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(process, exec), "/bin/ls", NULL);
	char text[4096];
	struct set set = { 0 };

	memset(text, 'a', sizeof(text));
	values_set_text(&event->context->values, FIELD_command_line, (struct span){ text, sizeof(text) });
	add(&set, SPAN("{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":["
		       "{\"terms\":[\"process.cmd matches '^(a|aa)+$(?<=b)'\"]},{\"terms\":[\"process.path matches '^/x'\"]}]}]}"));
	make(&set);
	assert_int_equal(filter_given_up(set.filter), 0);
	assert_int_equal(filter_match(set.filter, event), 0);
	assert_int_equal(filter_given_up(set.filter), 1);
	/* Once a context, not once an event. */
	assert_int_equal(filter_match(set.filter, event), 0);
	assert_int_equal(filter_given_up(set.filter), 1);
	release(&set);
}

static int append_excluded(void *user, struct span text, bool by_prefix)
{
	struct buffer *to = user;

	buffer_append_span(to, text);
	buffer_append_text(to, by_prefix ? "* " : " ");
	return 0;
}

static void assert_excluded(struct set *set, enum field field, const char *expected)
{
	_cleanup_(buffer_release) struct buffer found = { 0 };
	const bool opened[N_KINDS] = { [KIND_ID(file, create)] = true, [KIND_ID(file, write)] = true };

	assert_int_equal(filter_excluded(set->filter, opened, field, append_excluded, &found), 0);
	assert_string_equal(buffer_text(&found), expected);
}

/* Left out by one filter is left out by nobody if another wants it; by all of them it never gets here. */
static void test_excluded(void **state)
{
	struct set set = { 0 };

	add(&set, SPAN("{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":["
		       "{\"terms\":[\"file\",\"file.path not starts with '/proc/', '/run/x/'\",\"file.path not in '/dev/null', '/a'\","
		       "\"process.name is not 'noise'\"]},"
		       "{\"terms\":[\"file.delete\"]},"
		       "{\"terms\":[\"process\"]}]}]}"));
	make(&set);
	assert_excluded(&set, FIELD_path, "/dev/null /a /proc/* /run/x/* ");
	assert_excluded(&set, FIELD_name, "noise ");
	filter_free(set.filter);
	/* A second one asks for a part of it, and for what the first does not name. */
	add(&set, SPAN("{\"name\":\"b\",\"streams\":[{\"type\":\"journal\",\"event_filters\":["
		       "{\"terms\":[\"file\",\"file.path starts with '/run/x/y/', '/etc/'\"]}]}]}"));
	make(&set);
	assert_excluded(&set, FIELD_path, "/dev/null /a /proc/* ");
	assert_excluded(&set, FIELD_name, "");
	filter_free(set.filter);
	/* A third one wants every write. */
	add(&set, SPAN("{\"name\":\"c\",\"streams\":[{\"type\":\"database\",\"event_filters\":[{\"terms\":[\"file.write\"]}]}]}"));
	make(&set);
	assert_excluded(&set, FIELD_path, "");
	release(&set);
}

static void assert_required(const char *filters, const enum field *list, size_t n, int result, const char *expected)
{
	_cleanup_(buffer_release) struct buffer found = { 0 }, text = { 0 };
	bool of_files[N_KINDS] = { false };
	struct set set = { 0 };

	for (unsigned i = 0; i < N_KINDS; i++)
		of_files[i] = kinds[i].category == CATEGORY_file;
	buffer_printf(&text, "{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":[%s]}]}", filters);
	add(&set, buffer_span(&text));
	make(&set);
	assert_int_equal(filter_required(set.filter, of_files, list, n, append_excluded, &found), result);
	assert_string_equal(buffer_text(&found), expected);
	release(&set);
}

/* Folders and users that are all that anybody can want. */
static void test_required(void **state)
{
	static const enum field paths[] = { FIELD_path, FIELD_target_path }, users[] = { FIELD_user_name }, ids[] = { FIELD_uid };

	assert_required("{\"terms\":[\"file.any_path starts with '/etc/', '/boot/'\"]},{\"terms\":[\"process\"]},"
			"{\"terms\":[\"file.write\",\"file.path is '/x'\",\"file.path not is '/y'\"]}",
			paths, 2, 1, "/etc/* /boot/* /x ");
	assert_required("{\"terms\":[\"file.any_path starts with '/etc/'\"]}", paths, 1, 0, "");
	assert_required("{\"terms\":[\"file.path is '/x'\"]},{\"terms\":[\"file\",\"file.path not is '/y'\"]}", paths, 2, 0, "");
	assert_required("{\"terms\":[\"file.path ends with '/x'\"]}", paths, 2, 0, "");
	assert_required("{\"terms\":[\"file.path is '/x' case insensitive\"]}", paths, 2, 0, "");
	assert_required("{\"terms\":[\"process\"]}", paths, 2, 1, "");
	assert_required("{\"terms\":[\"file\",\"process.user_name in 'alice','bob'\"]}", users, 1, 1, "alice bob ");
	assert_required("{\"terms\":[\"file\",\"process.parent_user_name is 'alice'\"]}", users, 1, 0, "");
	assert_required("{\"terms\":[\"file\",\"user.id in 0, 1000\"]}", ids, 1, 1, "0 1000 ");
	assert_required("{\"terms\":[\"file\",\"user.id greater than 999\"]}", ids, 1, 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_excluded), cmocka_unit_test(test_required), cmocka_unit_test(test_same), cmocka_unit_test(test_displaced), cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_streams), cmocka_unit_test(test_nobody), cmocka_unit_test(test_wanted), cmocka_unit_test(test_wanted_by_fields),
		cmocka_unit_test(test_looks_at_hashes),
		cmocka_unit_test(test_terms),	cmocka_unit_test(test_shared), cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
