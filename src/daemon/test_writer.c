/* The writer's sinks change at a mark among the events: what came before goes to the old ones, what comes after to the new ones. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "daemon/writer.h"

struct sink {
	uint64_t times[16];		/* of its events */
	size_t n;
	uint64_t max_size_bytes;
	bool is_flushed, is_closed;
	atomic_uint n_flushes;
	int error;			/* it takes nothing */
	bool is_endless;		/* it remembers nothing of them */
	uint64_t lost, made;		/* of category process; of its own */
};

static int write_to(struct sink *sink, struct event *event)
{
	assert_false(sink->is_closed);
	if (sink->error < 0)
		return sink->error;
	if (!sink->is_endless)
		sink->times[sink->n++] = event->time_ns;
	sink->is_flushed = false;
	return 0;
}

static int flush(struct sink *sink, uint64_t now_ns)
{
	sink->is_flushed = true;
	atomic_fetch_add(&sink->n_flushes, 1);
	return 0;
}

static void set_limits(struct sink *sink, const struct sink_options *options)
{
	sink->max_size_bytes = options->max_size_bytes;
}

static void report(const struct sink *sink, struct sink_report *ret)
{
	*ret = (struct sink_report){ .events = sink->n, .lost = sink->lost, .made = sink->made,
				     .lost_of = { [CATEGORY_process] = sink->lost }, .path = "/log/fake.jsonl" };
}

static struct sink *close_it(struct sink *sink)
{
	assert_true(sink->is_flushed);
	sink->is_closed = true;
	return NULL;
}

static const struct sink_ops ops = { .name = "fake", .write = write_to, .flush = flush, .set_limits = set_limits,
				     .report = report, .free = close_it };

static void push(struct event_queue *queue, uint64_t time_ns, uint64_t streams)
{
	struct event *event = event_new(KIND_ID(process, exec), time_ns);

	assert_non_null(event);
	event->streams = streams;
	event_queue_push(queue, event);
}

static void nobody(void *user)
{
}

static struct writer *begin(struct writer_options *options)
{
	struct writer *writer;

	options->drain_ns = NS_PER_MS;
	options->alive_ns = NS_PER_SEC;
	assert_int_equal(event_queue_new(&options->queue, 64, 1 << 20), 0);
	assert_int_equal(taps_new(&options->taps, nobody, NULL), 0);
	assert_int_equal(writer_start(&writer, options), 0);
	return writer;
}

static void end(const struct writer_options *options)
{
	taps_free(options->taps);
	event_queue_free(options->queue);
}

static void test_routes(void **state)
{
	struct sink database = { 0 }, goes = { 0 }, stays = { 0 }, comes = { 0 };
	struct writer_options options = {
		.sinks = { { &ops, &database, 1, false }, { &ops, &goes, 2, true }, { &ops, &stays, 4, true } },
		.n_sinks = 3,
	};
	struct writer_routes routes = {
		.sinks = { { &ops, &database, 4, false }, { &ops, &stays, 1, true }, { &ops, &comes, 2, true } },
		.limits = { [1] = { .max_size_bytes = 7 } }, .n_sinks = 3,
	};
	struct writer_stats stats;
	struct writer *writer;

	writer = begin(&options);
	push(options.queue, 1, 1);
	push(options.queue, 2, 2);
	push(options.queue, 3, 4);
	routes.mark = event_new(KIND_ID(recorder, config), 4);
	assert_non_null(routes.mark);
	assert_false(writer_is_expecting(writer));
	writer_expect(writer, &routes);
	assert_true(writer_is_expecting(writer));
	event_queue_push(options.queue, routes.mark);
	push(options.queue, 5, 1);
	push(options.queue, 6, 2);
	push(options.queue, 7, 4);
	event_queue_hurry(options.queue);
	event_queue_close(options.queue);
	writer = writer_stop(writer, &stats);

	assert_int_equal(database.n, 2);
	assert_int_equal(database.times[0], 1);
	assert_int_equal(database.times[1], 7);
	assert_int_equal(goes.n, 1);
	assert_int_equal(goes.times[0], 2);
	assert_int_equal(stays.n, 2);
	assert_int_equal(stays.times[0], 3);
	assert_int_equal(stays.times[1], 5);
	assert_int_equal(stays.max_size_bytes, 7);
	assert_int_equal(comes.n, 1);
	assert_int_equal(comes.times[0], 6);
	assert_true(goes.is_closed && stays.is_closed && comes.is_closed && database.is_closed);
	/* Those of the closed one count on. */
	assert_int_equal(stats.stored, 2);
	assert_int_equal(stats.journaled, 4);
	end(&options);
}

/* The stop came first. */
static void test_untaken_routes(void **state)
{
	struct sink database = { 0 }, comes = { .is_flushed = true };
	struct writer_options options = { .sinks = { { &ops, &database, 1, false } }, .n_sinks = 1 };
	struct writer_routes routes = { .sinks = { { &ops, &database, 1, false }, { &ops, &comes, 2, true } }, .n_sinks = 2 };
	struct writer *writer;

	writer = begin(&options);
	routes.mark = event_new(KIND_ID(recorder, config), 4);
	writer_expect(writer, &routes);
	event_queue_close(options.queue);
	writer_stop(writer, NULL);
	assert_true(database.is_closed && comes.is_closed);
	event_free(routes.mark);
	end(&options);
}

/* Each fails by itself, and what it lacks is counted for it alone, also when it has gone by then. */
static void test_failures(void **state)
{
	struct sink database = { 0 }, fails = { .error = -EIO }, goes = { .error = -ENOSPC };
	struct writer_options options = {
		.sinks = { { &ops, &database, 1, false }, { &ops, &fails, 1, true }, { &ops, &goes, 2, true } },
		.n_sinks = 3,
	};
	struct writer_routes routes = { .sinks = { { &ops, &database, 1, false }, { &ops, &fails, 1, true } }, .n_sinks = 2 };
	struct writer_stats stats;
	struct writer *writer;

	writer = begin(&options);
	push(options.queue, 1, 1);
	push(options.queue, 2, 2);
	push(options.queue, 3, 1);
	routes.mark = event_new(KIND_ID(recorder, config), 4);
	writer_expect(writer, &routes);
	event_queue_push(options.queue, routes.mark);
	push(options.queue, 5, 1);
	event_queue_close(options.queue);
	writer = writer_stop(writer, &stats);
	assert_int_equal(stats.stored, 3);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(stats.last_error, 0);
	assert_int_equal(stats.journaled, 0);
	assert_int_equal(stats.journal_lost, 4);
	assert_int_equal(stats.journal_error, -EIO);
	assert_string_equal(stats.journal_path, "/log/fake.jsonl");
	end(&options);
}

/* A database that fails loses an event once, whatever the journals do. */
static void test_failing_database(void **state)
{
	struct sink database = { .error = SINK_HELD }, works = { 0 };
	struct writer_options options = {
		.sinks = { { &ops, &database, 1, false }, { &ops, &works, 1, true } }, .n_sinks = 2,
	};
	struct writer_stats stats;
	struct writer *writer;

	writer = begin(&options);
	push(options.queue, 1, 1);
	push(options.queue, 2, 1);
	event_queue_close(options.queue);
	writer = writer_stop(writer, &stats);
	assert_int_equal(stats.lost, 2);
	assert_int_equal(stats.held, 2);
	assert_int_equal(stats.last_error, SINK_HELD);
	assert_int_equal(stats.journaled, 2);
	assert_int_equal(stats.journal_lost, 0);
	assert_int_equal(stats.journal_error, 0);
	assert_int_equal(stats.events[CATEGORY_process][EVENTS_HELD], 2);
	end(&options);
}

static void expect_closed(struct writer *writer, uint64_t n_pushed)
{
	struct balance balance = { .events = { [CATEGORY_process] = { [EVENTS_MADE] = n_pushed, [EVENTS_EMITTED] = n_pushed } } };
	char why[BALANCE_WHY_MAX];

	writer_add_to(writer, &balance);
	if (!balance_closes(&balance, why))
		fail_msg("%s", why);
}

/* What became of each event is said at the moment from which on it waits no more. */
static void test_balance_at_any_moment(void **state)
{
	struct sink database = { 0 }, journal = { 0 };
	struct writer_options options = {
		.sinks = { { &ops, &database, 1, false }, { &ops, &journal, 2, true } }, .n_sinks = 2,
	};
	uint64_t n = 0;
	struct writer_stats stats;
	struct writer *writer;

	database.is_endless = journal.is_endless = true;
	writer = begin(&options);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t streams = i % 3 + 1;	/* the database, the journal, both */

		push(options.queue, i, streams);
		n++;
		if (i % 7 == 0)
			event_queue_flush(options.queue);
		expect_closed(writer, n);
	}
	event_queue_close(options.queue);
	writer = writer_stop(writer, &stats);
	assert_int_equal(stats.events[CATEGORY_process][EVENTS_STORED], 2000);
	assert_int_equal(stats.events[CATEGORY_process][EVENTS_JOURNALS_ONLY], 1000);
	end(&options);
}

/* What a database has lost of what it had accepted is stored no more, and what it said itself is. */
static void test_lost_since(void **state)
{
	struct sink database = { .lost = 2, .made = 1 };
	struct writer_options options = { .sinks = { { &ops, &database, 1, false } }, .n_sinks = 1 };
	struct writer_stats stats;
	struct writer *writer;

	writer = begin(&options);
	for (unsigned i = 0; i < 5; i++)
		push(options.queue, i, 1);
	event_queue_close(options.queue);
	writer = writer_stop(writer, &stats);
	assert_int_equal(stats.events[CATEGORY_process][EVENTS_STORED], 3);
	assert_int_equal(stats.events[CATEGORY_process][EVENTS_NOT_STORED], 2);
	assert_int_equal(stats.events[CATEGORY_recorder][EVENTS_MADE], 1);
	assert_int_equal(stats.events[CATEGORY_recorder][EVENTS_STORED], 1);
	end(&options);
}

/* Commits are as much farther apart as the throttle says. */
static void test_stretched(void **state)
{
	struct sink database = { .is_endless = true };
	struct writer_options options = { .sinks = { { &ops, &database, 1, false } }, .n_sinks = 1 };
	struct writer *writer = begin(&options);
	unsigned commits[2];

	for (unsigned round = 0; round < 2; round++) {
		unsigned before = atomic_load(&database.n_flushes);

		writer_stretch(writer, round == 0 ? 100 : 400);
		for (unsigned i = 0; i < 100; i++) {
			push(options.queue, i, 1);
			event_queue_flush(options.queue);
			clock_sleep_ns(20 * NS_PER_MS);
		}
		commits[round] = atomic_load(&database.n_flushes) - before;
	}
	assert_true(commits[1] > 0 && commits[0] >= 2 * commits[1]);
	event_queue_close(options.queue);
	writer = writer_stop(writer, NULL);
	end(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_routes), cmocka_unit_test(test_untaken_routes),
					    cmocka_unit_test(test_failures), cmocka_unit_test(test_failing_database),
					    cmocka_unit_test(test_balance_at_any_moment), cmocka_unit_test(test_lost_since),
					    cmocka_unit_test(test_stretched) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
