/* Hashes on their way: wished for, told by a record, waited for by a filter that asks for them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/event_json.h"
#include "event/test_made.h"
#include "pipeline/pipeline.h"

#define BOOT "b0a1c2d3-0000-4000-8000-123456789abc"
#define TIMEOUT_NS (2 * NS_PER_SEC)
#define ASKS "{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":["                    \
	     "{\"terms\":[\"process.exec\",\"process.hash is 'abc'\"]},{\"terms\":[\"file\"]}]}]}"
#define ASKS_NOT "{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":[{\"terms\":[\"process.exec\"]},{\"terms\":[\"file\"]}]}]}"

struct fixture {
	struct pipeline *pipeline;
	struct subscription *subscription;
	struct filter *filter;
	struct buffer out;		/* events as JSON lines */
	struct file_version wished;
	unsigned n_events, n_wished;
	uint64_t now_ns;
	uint32_t number;
};

static int collect(void *user, struct event *event)
{
	static const struct event_json_options options = { .boot_id = SPAN(BOOT) };
	struct fixture *f = user;

	f->n_events++;
	event_json(&f->out, event, &options);
	buffer_append_byte(&f->out, '\n');
	event_free(event);
	return 0;
}

static void on_wish(void *user, const struct hash_wish *wish)
{
	struct fixture *f = user;

	f->n_wished++;
	f->wished = wish->version;
	assert_true(wish->is_program || span_eq(wish->path, SPAN("/lib/modules/x.ko")));
	assert_true(!wish->is_program || span_eq(wish->path, SPAN("/bin/x")));
}

static void begin(struct fixture *f, const char *subscription)
{
	struct filter_error error = { "" };
	struct pipeline_options options = {
		.assembler = ASSEMBLER_DEFAULTS,
		.tracker = { .boot_id = SPAN(BOOT), .boot_time_ns = MADE_REAL_NS - MADE_BOOT_NS, .ticks_per_second = 100 },
		.hash = on_wish,
		.lookup_user = f,
	};

	*f = (struct fixture){ .now_ns = MADE_REAL_NS };
	options.assembler.timeout_ns = TIMEOUT_NS;
	if (subscription_parse(&f->subscription, span_of(subscription), &error) < 0)
		fail_msg("%s", error.message);
	assert_int_equal(filter_new(&f->filter, (const struct subscription *const[]){ f->subscription }, 1), 0);
	options.filter = f->filter;
	assert_int_equal(pipeline_new(&f->pipeline, &options, collect, f), 0);
}

static void end(struct fixture *f)
{
	pipeline_free(f->pipeline);
	filter_free(f->filter);
	subscription_free(f->subscription);
	buffer_release(&f->out);
}

static void push(struct fixture *f, struct made *made)
{
	struct span copy;

	made->record->head.time_ns = MADE_BOOT_NS + f->number * NS_PER_MS;
	made->record->head.number = f->number++;
	f->now_ns = MADE_REAL_NS + f->number * NS_PER_MS;
	copy = made_copy(made);
	assert_int_equal(pipeline_push(f->pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = f->now_ns, .text = copy }), 0);
	free((void *)(uintptr_t)copy.data);
}

static void push_exec(struct fixture *f, uint64_t inode)
{
	static struct made made;

	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	made.record->body.exec.inode = inode;
	made.record->body.exec.changed_ns = 5;
	add_path(&made, EXEC_PATH, "/bin/x");
	push(f, &made);
}

static void push_unlink(struct fixture *f)
{
	static struct made made;

	make(&made, PROBE_NAME, PROBE_CALL_unlink);
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("gone"));
	push(f, &made);
}

static void tell(struct fixture *f, const char *state, const char *sha256)
{
	char text[256];

	snprintf(text, sizeof(text), "recorder(1700000000.000000001:0): device=%llu inode=%llu ctime=%llu state=%s sha256=\"%s\" path=\"/bin/x\"",
		 (unsigned long long)f->wished.device, (unsigned long long)f->wished.inode, (unsigned long long)f->wished.changed_ns, state,
		 sha256);
	assert_int_equal(pipeline_push(f->pipeline, &(struct record){ .type = RECORD_DIGEST, .time_ns = f->now_ns, .text = span_of(text) }), 0);
}

static void expect_order(const struct fixture *f, const char *const *parts, size_t n)
{
	const char *at = f->n_events ? buffer_text((struct buffer *)(uintptr_t)&f->out) : "";

	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(at, parts[i]);

		if (!found)
			fail_msg("%s is not behind: %s", parts[i], at);
		at = found;
	}
}

static void test_told_in_time(void **state)
{
	static const char *const parts[] = { "\"action\":\"exec\"", "\"state\":\"ok\"", "\"sha256\":\"abc\"", "\"action\":\"delete\"",
					     "\"action\":\"hash\"" };
	struct fixture f;

	begin(&f, ASKS);
	push_exec(&f, 7);
	push_unlink(&f);
	assert_int_equal(f.n_wished, 1);
	assert_int_equal(f.wished.inode, 7);
	assert_int_equal(f.n_events, 0);
	assert_in_range(pipeline_next_ns(f.pipeline), f.now_ns, f.now_ns + TIMEOUT_NS);
	tell(&f, "ok", "abc");
	assert_int_equal(f.n_events, 3);
	expect_order(&f, parts, ARRAY_SIZE(parts));
	/* Known by now: nobody waits, nobody is asked. */
	push_exec(&f, 7);
	assert_int_equal(f.n_events, 4);
	assert_int_equal(f.n_wished, 1);
	end(&f);
}

static void test_told_too_late(void **state)
{
	struct fixture f;

	begin(&f, ASKS);
	push_exec(&f, 7);
	push_unlink(&f);
	pipeline_advance(f.pipeline, f.now_ns + TIMEOUT_NS / 2);
	assert_int_equal(f.n_events, 0);
	pipeline_advance(f.pipeline, f.now_ns + 2 * TIMEOUT_NS);
	assert_int_equal(f.n_events, 1);	/* it was not known to be that */
	f.now_ns += 2 * TIMEOUT_NS;
	tell(&f, "ok", "abc");
	assert_int_equal(f.n_events, 2);
	/* At the end nothing waits. */
	push_exec(&f, 8);
	push_unlink(&f);
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	assert_int_equal(f.n_events, 3);
	end(&f);
}

/* What the filters do not look at is not waited for, and said as far as it is known. */
static void test_nobody_asks(void **state)
{
	static const char *const parts[] = { "\"action\":\"exec\"", "\"state\":\"pending\"", "\"action\":\"hash\"", "\"action\":\"delete\"",
					     "\"state\":\"ok\"", "\"sha256\":\"abc\"" };
	struct fixture f;

	begin(&f, ASKS_NOT);
	push_exec(&f, 7);
	assert_int_equal(f.n_events, 1);
	tell(&f, "ok", "abc");
	push_unlink(&f);
	assert_int_equal(f.n_events, 3);
	expect_order(&f, parts, ARRAY_SIZE(parts));
	end(&f);
}

/* However many events wait: the oldest go first. */
static void test_many(void **state)
{
	struct fixture f;

	begin(&f, ASKS);
	push_exec(&f, 7);
	for (unsigned i = 0; i < 10000; i++)
		push_unlink(&f);
	assert_in_range(f.n_events, 1, 10000);
	tell(&f, "gone", "");
	assert_int_equal(f.n_events, 10001);
	end(&f);
}

/* A driver is waited for like a program. */
static void test_driver(void **state)
{
	static const char *const parts[] = { "\"action\":\"load\"", "\"path\":\"/lib/modules/x.ko\"", "\"state\":\"ok\"",
					     "\"sha256\":\"abc\"", "\"action\":\"hash\"" };
	static struct made made;
	struct fixture f;

	begin(&f, "{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":[{\"terms\":[\"driver.hash is 'abc'\"]}]}]}");
	make(&made, PROBE_FILE, PROBE_CALL_finit_module);
	made.record->body.file.inode = 9;
	made.record->body.file.changed_ns = 5;
	add_path(&made, FILE_PATH, "/lib/modules/x.ko");
	push(&f, &made);
	assert_int_equal(f.n_events, 0);
	assert_int_equal(f.n_wished, 1);
	assert_int_equal(f.wished.inode, 9);
	tell(&f, "ok", "abc");
	assert_int_equal(f.n_events, 2);
	expect_order(&f, parts, ARRAY_SIZE(parts));
	/* Another one is not wanted. */
	made.record->body.file.inode = 10;
	push(&f, &made);
	tell(&f, "ok", "abd");
	assert_int_equal(f.n_events, 3);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_in_time),
		cmocka_unit_test(test_told_too_late),
		cmocka_unit_test(test_nobody_asks),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_driver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
