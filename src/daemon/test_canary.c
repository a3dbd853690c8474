/* A canary comes back when all that is demanded has arrived, and is given up after a while. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/canary.h"

#define INTERVAL_NS (300 * NS_PER_SEC)

struct fixture {
	struct canary_watch watch;
	struct canary canary;
	bool demanded[N_CANARY_ACTS];
	int start_error;
	uint32_t started, ended;
	uint64_t now_ns;
};

static void demand(void *user, bool ret[static N_CANARY_ACTS])
{
	struct fixture *f = user;

	for (unsigned i = 0; i < N_CANARY_ACTS; i++)
		ret[i] = f->demanded[i];
}

static int start(void *user, uint32_t tag)
{
	struct fixture *f = user;

	f->started = tag;
	return f->start_error;
}

static void end(void *user, uint32_t tag)
{
	struct fixture *f = user;

	f->ended = tag;
}

static void set_up(struct fixture *f)
{
	static const struct canary_ops ops = { .demand = demand, .start = start, .end = end };

	*f = (struct fixture){ .demanded = { true, true, true }, .now_ns = NS_PER_SEC };
	canary_init(&f->canary, &ops, f, &f->watch, 0x1233);
}

static void tick_at(struct fixture *f, unsigned seconds, uint64_t interval_ns)
{
	f->now_ns = seconds * NS_PER_SEC;
	canary_tick(&f->canary, f->now_ns, 1000 * NS_PER_SEC + f->now_ns, interval_ns);
}

static enum canary_outcome outcome(const struct fixture *f)
{
	return f->canary.report.outcome;
}

/* An event that the pipeline saw, took_ms after it was. */
static void see(struct fixture *f, enum kind_id kind, const char *path, const char *tag, unsigned took_ms)
{
	struct event *event = event_new((uint16_t)kind, 5 * NS_PER_SEC);

	assert_non_null(event);
	event->context = context_new();
	assert_non_null(event->context);
	values_append_list(&event->context->values, FIELD_args, SPAN("recorder"));
	values_append_list(&event->context->values, FIELD_args, SPAN("canary"));
	values_append_list(&event->context->values, FIELD_args, span_of(tag));
	if (path)
		values_set_text(&event->values, FIELD_path, span_of(path));
	canary_seen(&f->watch, event, 5 * NS_PER_SEC + took_ms * NS_PER_MS);
	event_free(event);
}

static void test_comes_back(void **state)
{
	struct fixture f;

	set_up(&f);
	tick_at(&f, 1, INTERVAL_NS);
	tick_at(&f, 30, INTERVAL_NS);
	assert_int_equal(outcome(&f), CANARY_NONE);
	assert_int_equal(f.started, 0);
	tick_at(&f, 31, INTERVAL_NS);
	assert_int_equal(f.started, 0x1234);
	assert_int_equal(atomic_load(&f.watch.tag), 0x1234);
	see(&f, KIND_ID(process, exec), NULL, "00001234", 3);
	see(&f, KIND_ID(file, create), "/state/canary.00001234", "x", 7);
	see(&f, KIND_ID(file, delete), "/state/canary.00001234", "x", 90);	/* it has come already */
	tick_at(&f, 32, INTERVAL_NS);
	assert_int_equal(outcome(&f), CANARY_NONE);
	see(&f, KIND_ID(network, connect), NULL, "x", 5);
	tick_at(&f, 33, INTERVAL_NS);
	assert_int_equal(outcome(&f), CANARY_ARRIVED);
	assert_int_equal(f.canary.report.latency_ms, 7);
	assert_int_equal(f.canary.report.time_ns, 1031 * NS_PER_SEC);
	assert_int_equal(f.ended, 0x1234);
	assert_int_equal(atomic_load(&f.watch.tag), 0);
	tick_at(&f, 330, INTERVAL_NS);
	assert_int_equal(f.canary.report.n_sent, 1);
	tick_at(&f, 331, INTERVAL_NS);
	assert_int_equal(f.started, 0x1235);
	assert_int_equal(f.canary.report.n_sent, 2);
	assert_int_equal(f.canary.report.n_failed, 0);
}

static void test_of_others_is_not_ours(void **state)
{
	struct fixture f;

	set_up(&f);
	tick_at(&f, 1, NS_PER_SEC);
	tick_at(&f, 2, NS_PER_SEC);
	assert_int_equal(f.started, 0x1234);
	see(&f, KIND_ID(process, exec), NULL, "00001233", 1);
	see(&f, KIND_ID(process, fork), NULL, "00001234", 1);
	see(&f, KIND_ID(file, create), "/state/canary.00001233", "00001234", 1);
	see(&f, KIND_ID(file, read), "/state/canary.00001234", "00001234", 1);
	see(&f, KIND_ID(network, bind), NULL, "00001234", 1);
	tick_at(&f, 16, NS_PER_SEC);
	assert_int_equal(outcome(&f), CANARY_NONE);
	tick_at(&f, 17, NS_PER_SEC);
	assert_int_equal(f.canary.report.n_failed, 1);
	for (unsigned i = 0; i < N_CANARY_ACTS; i++)
		assert_false(f.canary.report.arrived[i]);
}

static void test_missing(void **state)
{
	struct fixture f;

	set_up(&f);
	f.demanded[CANARY_FILE] = false;
	tick_at(&f, 1, INTERVAL_NS);
	tick_at(&f, 31, INTERVAL_NS);
	see(&f, KIND_ID(process, exec), NULL, "00001234", 2);
	canary_child_ended(&f.canary, false);
	tick_at(&f, 46, INTERVAL_NS);
	assert_int_equal(outcome(&f), CANARY_MISSING);
	assert_true(f.canary.report.arrived[CANARY_EXEC]);
	assert_false(f.canary.report.demanded[CANARY_FILE]);
	assert_true(f.canary.report.demanded[CANARY_CONNECT]);
	assert_false(f.canary.report.arrived[CANARY_CONNECT]);
	assert_int_equal(f.canary.report.latency_ms, 2);
	assert_int_equal(f.ended, 0x1234);
	/* Late: it is not the next one's. */
	see(&f, KIND_ID(network, connect), NULL, "x", 1);
	tick_at(&f, 331, INTERVAL_NS);
	assert_int_equal(f.started, 0x1235);
	tick_at(&f, 332, INTERVAL_NS);
	assert_int_equal(outcome(&f), CANARY_MISSING);
	see(&f, KIND_ID(process, exec), NULL, "00001235", 2);
	see(&f, KIND_ID(network, connect), NULL, "x", 1);
	tick_at(&f, 333, INTERVAL_NS);
	assert_int_equal(outcome(&f), CANARY_ARRIVED);
}

static void test_unable(void **state)
{
	struct fixture f;

	set_up(&f);
	f.start_error = -EAGAIN;
	tick_at(&f, 1, NS_PER_SEC);
	tick_at(&f, 2, NS_PER_SEC);
	assert_int_equal(outcome(&f), CANARY_UNABLE);
	assert_int_equal(f.canary.report.error, -EAGAIN);
	assert_int_equal(atomic_load(&f.watch.tag), 0);
	f.start_error = 0;
	tick_at(&f, 3, NS_PER_SEC);
	canary_child_ended(&f.canary, true);
	tick_at(&f, 4, INTERVAL_NS);
	assert_int_equal(outcome(&f), CANARY_UNABLE);
	assert_int_equal(f.canary.report.error, 0);
	assert_int_equal(f.canary.report.n_failed, 2);
}

static void test_off_and_idle(void **state)
{
	struct fixture f;

	set_up(&f);
	for (unsigned i = 0; i < 100; i++)
		tick_at(&f, 1 + i, 0);
	assert_int_equal(outcome(&f), CANARY_OFF);
	f.demanded[CANARY_EXEC] = f.demanded[CANARY_FILE] = f.demanded[CANARY_CONNECT] = false;
	tick_at(&f, 101, NS_PER_SEC);
	assert_int_equal(outcome(&f), CANARY_NONE);
	tick_at(&f, 102, NS_PER_SEC);
	assert_int_equal(outcome(&f), CANARY_IDLE);
	assert_int_equal(f.started, 0);
	assert_int_equal(f.canary.report.n_sent, 0);
}

/* A shorter interval does not wait for the end of the longer one. */
static void test_interval_changed(void **state)
{
	struct fixture f;

	set_up(&f);
	f.start_error = -EAGAIN;	/* comes back at once */
	tick_at(&f, 1, INTERVAL_NS);
	tick_at(&f, 31, INTERVAL_NS);
	assert_int_equal(f.canary.report.n_sent, 1);
	tick_at(&f, 40, 2 * NS_PER_SEC);
	tick_at(&f, 42, 2 * NS_PER_SEC);
	assert_int_equal(f.canary.report.n_sent, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back),  cmocka_unit_test(test_of_others_is_not_ours),
		cmocka_unit_test(test_missing),	    cmocka_unit_test(test_unable),
		cmocka_unit_test(test_off_and_idle), cmocka_unit_test(test_interval_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
