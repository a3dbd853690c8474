/* A recorder that is made up: what it is offered, what that costs, and what the orders make of it. */

#include "daemon/throttle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/leisure.h"
#include "base/macro.h"

#define US (NS_PER_SEC / 1000000)

struct plant {
	struct throttle throttle;
	struct throttle_sample sample;
	double events[THROTTLE_CLASSES];	/* offered, a second */
	double cost_ns;			/* of one that is kept */
	double unread_ns;		/* of one that is let go of */
	double batch_part;		/* of the cost that larger batches save */
	double leisure_percent;		/* of a processor, that what can wait would take */
	double noise;			/* by which a sample is off at most, up and down in turn */
	unsigned n_looks;
	double least, most;		/* use of the last run, per cent of all processors */
	double mean;
};

static void set_up(struct plant *p, unsigned target)
{
	*p = (struct plant){ .cost_ns = 3 * US, .unread_ns = 0.1 * US, .sample = { .now_ns = NS_PER_SEC, .n_processors = 2 } };
	throttle_init(&p->throttle, &(struct throttle_wish){ .target_percent = target, .of_machine = true, .min_ns = 250 * NS_PER_MS,
							     .max_ns = 5 * NS_PER_SEC });
	throttle_look(&p->throttle, &p->sample);
}

/* What a second costs under the orders, ns. */
static double cost_of(struct plant *p)
{
	const struct throttle_orders *orders = &p->throttle.orders;
	double batch = p->cost_ns * (1 - p->batch_part * (orders->stretch_percent - 100) / 300), ns = 0;

	ns += fmin(p->leisure_percent, orders->leisure_percent) / 100 * NS_PER_SEC;
	for (unsigned i = 0; i < THROTTLE_CLASSES; i++) {
		double kept = (double)orders->keep[i] / THROTTLE_ALL;

		ns += p->events[i] * (kept * batch + (1 - kept) * p->unread_ns);
	}
	return ns;
}

static void run(struct plant *p, double seconds)
{
	uint64_t end_ns = p->sample.now_ns + (uint64_t)(seconds * NS_PER_SEC), cpu_ns = p->sample.cpu_ns, begin_ns = p->sample.now_ns;

	p->least = INFINITY;
	p->most = 0;
	while (p->sample.now_ns < end_ns) {
		uint64_t dt_ns = throttle_next_ns(&p->throttle) - p->sample.now_ns;
		double s = (double)dt_ns / NS_PER_SEC, ns = cost_of(p) * (p->n_looks++ % 2 ? 1 + p->noise : 1 - p->noise);

		assert_true(dt_ns >= p->throttle.wish.min_ns && dt_ns <= p->throttle.wish.max_ns);
		p->sample.now_ns += dt_ns;
		p->sample.cpu_ns += (uint64_t)(ns * s);
		for (unsigned i = 0; i < THROTTLE_CLASSES; i++)
			p->sample.seen[i] += (uint64_t)(p->events[i] * s);
		throttle_look(&p->throttle, &p->sample);
		p->least = fmin(p->least, ns / 2 / NS_PER_SEC * 100);
		p->most = fmax(p->most, ns / 2 / NS_PER_SEC * 100);
	}
	p->mean = 100 * (double)(p->sample.cpu_ns - cpu_ns) / (double)(p->sample.now_ns - begin_ns) / 2;
}

static void test_calm(void **state)
{
	struct plant p;

	set_up(&p, 5);
	p.events[2] = 10000;			/* 1.5 % */
	run(&p, 60);
	assert_int_equal(p.throttle.orders.step, THROTTLE_CALM);
	assert_int_equal(p.throttle.orders.leisure_percent, LEISURE_PERCENT);
	assert_int_equal(p.throttle.orders.stretch_percent, 100);
	for (unsigned i = 0; i < THROTTLE_CLASSES; i++)
		assert_int_equal(p.throttle.orders.keep[i], THROTTLE_ALL);
	assert_true(fabs(p.throttle.use_percent - 1.5) < 0.1);
}

/* Samples: close together when something is to be held down, seldom else. */
static void test_samples(void **state)
{
	struct plant p;
	unsigned before;

	set_up(&p, 5);
	run(&p, 60);
	before = p.n_looks;
	run(&p, 100);
	assert_in_range(p.n_looks - before, 20, 21);
	p.events[2] = 100000;
	run(&p, 10);
	before = p.n_looks;
	run(&p, 10);
	assert_in_range(p.n_looks - before, 40, 41);
	/* A sample of no time says nothing. */
	throttle_look(&p.throttle, &p.sample);
	assert_int_equal(throttle_next_ns(&p.throttle), p.sample.now_ns + 250 * NS_PER_MS);
}

/* Of 2, 5 and 10 times what the target allows, of any class, with events that cost more or less and with noise: within the target
 * after 30 s, and no swinging from then on. */
static void test_it_comes_to_the_target(void **state)
{
	static const double times[] = { 1.1, 2, 5, 10, 30 }, costs_us[] = { 1, 3, 10, 50 };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		for (size_t k = 0; k < ARRAY_SIZE(costs_us); k++)
			for (unsigned class = 1; class < THROTTLE_CLASSES; class++) {
				struct plant p;

				set_up(&p, 5);
				p.cost_ns = costs_us[k] * US;
				p.unread_ns = p.cost_ns / 50;
				p.batch_part = 0.2;
				p.noise = 0.2;
				p.events[class] = times[i] * 0.05 * 2 * NS_PER_SEC / p.cost_ns;
				run(&p, times[i] < 2 ? 120 : 30);
				run(&p, 60);
				assert_true(p.mean < 5 * 1.05 && p.mean > 5 * 0.7);
				assert_true(p.most < 5 * 1.3);
				assert_true(p.least > 5 * 0.6);
			}
}

static void test_what_can_wait_goes_first(void **state)
{
	struct plant p;

	set_up(&p, 5);
	p.events[2] = 20000;			/* 3 % */
	p.leisure_percent = 100;		/* takes all it may: 25 % of one are 12.5 % of two */
	run(&p, 60);
	assert_int_equal(p.throttle.orders.step, THROTTLE_DEFER);
	assert_in_range(p.throttle.orders.leisure_percent, 2, 5);
	run(&p, 60);
	assert_true(p.mean < 5.3);
	assert_int_equal(p.throttle.orders.keep[2], THROTTLE_ALL);
	p.leisure_percent = 0;
	run(&p, 30);
	assert_int_equal(p.throttle.orders.step, THROTTLE_CALM);
}

static void test_then_larger_batches(void **state)
{
	struct plant p;

	set_up(&p, 5);
	p.events[2] = 38000;			/* 5.7 % */
	p.batch_part = 0.4;
	run(&p, 200);
	assert_int_equal(p.throttle.orders.step, THROTTLE_BATCH);
	assert_int_equal(p.throttle.orders.leisure_percent, 1);
	assert_in_range(p.throttle.orders.stretch_percent, 150, 399);
	assert_int_equal(p.throttle.orders.keep[2], THROTTLE_ALL);
}

static void test_classes_in_their_order(void **state)
{
	struct plant p;

	set_up(&p, 5);
	for (unsigned i = 0; i < THROTTLE_CLASSES; i++)
		p.events[i] = 10000;		/* 12 %: eight of them */
	run(&p, 60);
	assert_int_equal(p.throttle.orders.step, THROTTLE_SHED);
	assert_int_equal(p.throttle.orders.keep[0], THROTTLE_ALL);
	for (unsigned i = 2; i < THROTTLE_CLASSES; i++) {
		assert_true(p.throttle.orders.keep[i] >= p.throttle.orders.keep[i - 1]);
		/* One that is kept in part: all below it go, all above it stay. */
		if (p.throttle.orders.keep[i] < THROTTLE_ALL)
			assert_int_equal(p.throttle.orders.keep[i - 1], 0);
	}
	assert_int_equal(p.throttle.orders.keep[1], 0);
	assert_int_equal(p.throttle.orders.keep[7], THROTTLE_ALL);
}

/* What may never be let go of stays whatever it costs. */
static void test_never(void **state)
{
	struct plant p;

	set_up(&p, 1);
	p.events[0] = 100000;			/* 15 % */
	p.events[7] = 1000;
	run(&p, 60);
	assert_int_equal(p.throttle.orders.step, THROTTLE_SHED);
	assert_int_equal(p.throttle.orders.keep[0], THROTTLE_ALL);
	assert_true(p.throttle.orders.keep[7] <= THROTTLE_ALL / 1000);
	assert_true(p.throttle.pressure <= 16);
	p.events[0] = 0;
	run(&p, 60);
	assert_int_equal(p.throttle.orders.step, THROTTLE_CALM);
}

/* A credit is for bursts: nothing is let go of before it is spent. */
static void test_bursts(void **state)
{
	struct plant p;

	set_up(&p, 5);
	run(&p, 60);
	p.events[2] = 10 * 33333;		/* ten times the target: lasts for 15 / 9 s, and a sample is five seconds apart */
	run(&p, 1);
	assert_int_not_equal(p.throttle.orders.step, THROTTLE_SHED);
	p.events[2] = 2 * 33333;
	set_up(&p, 5);
	p.events[2] = 2 * 33333;
	run(&p, 14);
	assert_int_equal(p.throttle.orders.step, THROTTLE_BATCH);
	assert_int_equal(p.throttle.orders.keep[2], THROTTLE_ALL);
	run(&p, 6);
	assert_int_equal(p.throttle.orders.step, THROTTLE_SHED);
}

static void test_it_lets_go(void **state)
{
	struct plant p;

	set_up(&p, 5);
	p.events[1] = 400000;
	run(&p, 60);
	assert_int_equal(p.throttle.orders.step, THROTTLE_SHED);
	p.events[1] = 100;
	run(&p, 15);
	assert_int_equal(p.throttle.orders.step, THROTTLE_CALM);
	assert_int_equal(p.throttle.orders.keep[1], THROTTLE_ALL);
}

static void test_of_one_processor(void **state)
{
	struct plant p;

	set_up(&p, 5);
	throttle_set(&p.throttle, &(struct throttle_wish){ .target_percent = 5, .min_ns = 250 * NS_PER_MS, .max_ns = 5 * NS_PER_SEC });
	p.events[2] = 100000;
	run(&p, 60);
	run(&p, 60);
	assert_true(fabs(p.mean - 2.5) < 0.2);	/* of two: half of it */
}

/* A target that is changed is followed. */
static void test_another_target(void **state)
{
	struct plant p;

	set_up(&p, 5);
	p.events[2] = 200000;
	run(&p, 60);
	throttle_set(&p.throttle, &(struct throttle_wish){ .target_percent = 20, .of_machine = true, .min_ns = 100 * NS_PER_MS,
							   .max_ns = 50 * NS_PER_MS });
	run(&p, 30);
	run(&p, 30);
	assert_true(p.mean > 17 && p.mean < 21);
	assert_int_equal(p.throttle.wish.max_ns, 100 * NS_PER_MS);	/* the shortest is the longest at least */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_it_comes_to_the_target),
		cmocka_unit_test(test_what_can_wait_goes_first),
		cmocka_unit_test(test_then_larger_batches),
		cmocka_unit_test(test_classes_in_their_order),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_it_lets_go),
		cmocka_unit_test(test_of_one_processor),
		cmocka_unit_test(test_another_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
