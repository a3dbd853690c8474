/* Made-up samples: what suspends, for how long, and what makes it stick. */

#include "daemon/resource_monitor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/macro.h"

#define START (UINT64_C(1795343338) * NS_PER_SEC)
#define MINUTE (60 * NS_PER_SEC)

struct fixture {
	struct resource_monitor monitor;
	struct resource_sample sample;
	unsigned n_changes;
};

static void set_up(struct fixture *f, unsigned attempts)
{
	const struct resource_wish wish = { .percent = 50, .attempts = attempts, .sustained_ns = MINUTE, .backoff_ns = 10 * MINUTE,
					    .window_ns = 24 * 60 * MINUTE };

	*f = (struct fixture){ .sample = { .now_ns = START, .steady_ns = NS_PER_SEC, .n_processors = 2 } };
	resource_monitor_init(&f->monitor, &wish);
}

/* So many seconds, of each that percentage of both processors.  The state behind them. */
static enum resource_state run(struct fixture *f, unsigned seconds, unsigned percent)
{
	for (unsigned i = 0; i < seconds; i++) {
		f->sample.now_ns += NS_PER_SEC;
		f->sample.steady_ns += NS_PER_SEC;
		if (f->monitor.state == RESOURCE_OK)
			f->sample.cpu_ns += NS_PER_SEC / 100 * percent * f->sample.n_processors;
		f->n_changes += resource_monitor_look(&f->monitor, &f->sample);
	}
	return f->monitor.state;
}

/* All that there is, until it is suspended. */
static enum resource_state provoke(struct fixture *f)
{
	for (unsigned i = 0; i < 70 && f->monitor.state == RESOURCE_OK; i++)
		run(f, 1, 80);
	return f->monitor.state;
}

static void test_sustained_use_suspends(void **state)
{
	struct fixture f;

	set_up(&f, 3);
	assert_int_equal(run(&f, 3600, 49), RESOURCE_OK);
	assert_int_equal(run(&f, 25, 51), RESOURCE_OK);	/* the mean of a minute */
	assert_int_equal(run(&f, 15, 51), RESOURCE_SUSPENDED);
	assert_int_equal(f.n_changes, 1);
	assert_true(f.monitor.percent >= 50 && f.monitor.percent < 51);
	assert_int_equal(resource_monitor_until_ns(&f.monitor), resource_monitor_since_ns(&f.monitor) + 10 * MINUTE);
}

static void test_a_peak_does_not(void **state)
{
	struct fixture f;

	set_up(&f, 0);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(run(&f, 20, 100), RESOURCE_OK);
		assert_int_equal(run(&f, 50, 5), RESOURCE_OK);
	}
	assert_int_equal(f.n_changes, 0);
}

static void test_a_start_has_the_whole_time(void **state)
{
	struct fixture f;

	set_up(&f, 0);
	assert_int_equal(run(&f, 60, 100), RESOURCE_OK);	/* the first of them only began */
	assert_int_equal(run(&f, 1, 100), RESOURCE_STICKY);
}

static void test_it_ends_by_itself_until_it_sticks(void **state)
{
	struct fixture f;

	set_up(&f, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(provoke(&f), RESOURCE_SUSPENDED);
		assert_int_equal(run(&f, 599, 0), RESOURCE_SUSPENDED);
		assert_int_equal(run(&f, 1, 0), RESOURCE_OK);
	}
	assert_int_equal(provoke(&f), RESOURCE_STICKY);
	assert_int_equal(run(&f, 48 * 3600, 0), RESOURCE_STICKY);
	assert_int_equal(resource_monitor_until_ns(&f.monitor), 0);
	assert_int_equal(f.n_changes, 5);
	assert_true(resource_monitor_resume(&f.monitor));
	assert_false(resource_monitor_resume(&f.monitor));
	assert_int_equal(provoke(&f), RESOURCE_SUSPENDED);	/* what was before counts no more */
}

static void test_what_is_older_than_the_window_does_not_count(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	assert_int_equal(provoke(&f), RESOURCE_SUSPENDED);
	assert_int_equal(run(&f, 600, 0), RESOURCE_OK);
	assert_int_equal(run(&f, 24 * 3600 - 600, 1), RESOURCE_OK);
	assert_int_equal(provoke(&f), RESOURCE_SUSPENDED);
	assert_int_equal(run(&f, 600, 0), RESOURCE_OK);
	assert_int_equal(provoke(&f), RESOURCE_STICKY);
}

static void test_settings_act_at_once(void **state)
{
	struct resource_wish wish;
	struct fixture f;

	set_up(&f, 1);
	assert_int_equal(provoke(&f), RESOURCE_SUSPENDED);
	wish = f.monitor.wish;
	wish.backoff_ns = 30 * NS_PER_SEC;
	resource_monitor_set(&f.monitor, &wish);
	assert_int_equal(run(&f, 30, 0), RESOURCE_OK);
	assert_int_equal(provoke(&f), RESOURCE_STICKY);
	wish.disabled = true;
	resource_monitor_set(&f.monitor, &wish);
	assert_int_equal(run(&f, 1, 0), RESOURCE_OK);
	assert_int_equal(run(&f, 3600, 100), RESOURCE_OK);
	wish.disabled = false;
	resource_monitor_set(&f.monitor, &wish);
	assert_int_equal(run(&f, 61, 100), RESOURCE_SUSPENDED);
}

static void test_processors(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	f.sample.n_processors = 8;
	for (unsigned i = 0; i < 120; i++) {	/* one of eight */
		f.sample.now_ns += NS_PER_SEC;
		f.sample.steady_ns += NS_PER_SEC;
		f.sample.cpu_ns += NS_PER_SEC;
		assert_false(resource_monitor_look(&f.monitor, &f.sample));
	}
}

static void test_it_outlives_the_process(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct fixture f, next;

	set_up(&f, 0);
	assert_int_equal(provoke(&f), RESOURCE_STICKY);
	resource_monitor_write(&f.monitor, &text);
	set_up(&next, 0);
	assert_int_equal(resource_monitor_read(&next.monitor, buffer_span(&text)), 0);
	assert_int_equal(next.monitor.state, RESOURCE_STICKY);
	assert_int_equal(resource_monitor_since_ns(&next.monitor), resource_monitor_since_ns(&f.monitor));
	assert_int_equal(run(&next, 3600, 0), RESOURCE_STICKY);
}

static void test_a_clock_that_is_set(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	assert_int_equal(provoke(&f), RESOURCE_SUSPENDED);
	f.sample.now_ns -= 3600 * NS_PER_SEC;		/* back: no longer than it would have been from now on */
	assert_int_equal(run(&f, 601, 0), RESOURCE_OK);
	assert_int_equal(provoke(&f), RESOURCE_STICKY);
	f.sample.now_ns += 3600 * 24 * 365 * NS_PER_SEC;	/* forward: what sticks stays */
	assert_int_equal(run(&f, 1, 0), RESOURCE_STICKY);
}

static void test_texts_that_are_none(void **state)
{
	static const char *const texts[] = {
		"", "suspensions", "suspensions 1", "suspensions 1 \n", "suspensions 1 0", "suspensions 1 2\n", "suspensions 1 3 1\n",
		"suspensions 2 0\n", "suspensions 1 1 17", "suspensions 1 1 17 \n", "suspensions 1 1 1x\n", "suspensions 1 1 17\nx",
		"suspensions 1 1 111111111111111111111111111111111\n",
	};
	struct fixture f;

	set_up(&f, 0);
	assert_int_equal(provoke(&f), RESOURCE_STICKY);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(resource_monitor_read(&f.monitor, span_of(texts[i])), -EINVAL);
	assert_int_equal(f.monitor.state, RESOURCE_STICKY);
	assert_int_equal(resource_monitor_read(&f.monitor, span_of("suspensions 1 0\n")), 0);
	assert_int_equal(f.monitor.state, RESOURCE_OK);
}

static void test_many(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct fixture f;

	set_up(&f, 2000);
	f.monitor.wish.backoff_ns = NS_PER_SEC;
	f.monitor.wish.window_ns = UINT64_MAX;
	for (unsigned i = 0; i < RESOURCE_SUSPENSIONS + 10; i++) {
		assert_int_equal(provoke(&f), RESOURCE_SUSPENDED);
		assert_int_equal(run(&f, 1, 0), RESOURCE_OK);
	}
	assert_int_equal(f.monitor.n, RESOURCE_SUSPENSIONS);
	resource_monitor_write(&f.monitor, &text);
	assert_int_equal(resource_monitor_read(&f.monitor, buffer_span(&text)), 0);
	assert_int_equal(f.monitor.n, RESOURCE_SUSPENSIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sustained_use_suspends),
		cmocka_unit_test(test_a_peak_does_not),
		cmocka_unit_test(test_a_start_has_the_whole_time),
		cmocka_unit_test(test_it_ends_by_itself_until_it_sticks),
		cmocka_unit_test(test_what_is_older_than_the_window_does_not_count),
		cmocka_unit_test(test_settings_act_at_once),
		cmocka_unit_test(test_processors),
		cmocka_unit_test(test_it_outlives_the_process),
		cmocka_unit_test(test_a_clock_that_is_set),
		cmocka_unit_test(test_texts_that_are_none),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
