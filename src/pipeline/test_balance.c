/* The balance closes at any moment, over all that was ever recorded for the tests, also when what takes the events fails; and one that
 * does not close is told. */

#include "pipeline/test_pipeline.h"

#include <glob.h>
#include <stdio.h>

#include "source/source.h"

struct replay {
	struct pipeline *pipeline;
	struct source *source;
	unsigned fail_every;		/* an event that is emitted; 0: none */
	unsigned n_emitted;
	unsigned look_every;		/* a record */
	unsigned n_records;
};

static int take(void *user, struct event *event)
{
	struct replay *replay = user;

	event_free(event);
	return replay->fail_every > 0 && ++replay->n_emitted % replay->fail_every == 0 ? -ENOSPC : 0;
}

static void demand(const struct pipeline *pipeline, struct pipeline_stats *ret)
{
	char why[BALANCE_WHY_MAX];

	pipeline_stats(pipeline, ret);
	if (!balance_closes(&ret->balance, why))
		fail_msg("%s", why);
	assert_int_equal(*why, 0);
}

static int on_record(void *user, const struct record *record)
{
	struct replay *replay = user;
	struct pipeline_stats stats;

	(void)pipeline_push(replay->pipeline, record);
	if (++replay->n_records % replay->look_every == 0)
		demand(replay->pipeline, &stats);
	return 0;
}

static void run(const char *path, const struct replay *how, bool decode_only)
{
	struct fixture unused = { 0 };
	struct pipeline_options options = defaults(&unused, false);
	struct replay replay = *how;
	struct pipeline_stats stats;

	options.decode_only = decode_only;
	options.collate_ns = NS_PER_SEC;
	assert_int_equal(pipeline_new(&replay.pipeline, &options, take, &replay), 0);
	assert_int_equal(source_replay.open(&replay.source, &(struct source_options){ .path = path }), 0);
	while (source_replay.read(replay.source, 1000, on_record, &replay) >= 0)
		;
	source_replay.free(replay.source);
	while (pipeline_drain(replay.pipeline) < 0)
		demand(replay.pipeline, &stats);
	demand(replay.pipeline, &stats);
	assert_int_equal(stats.balance.records_waiting, 0);
	assert_int_equal(stats.balance.events_waiting, 0);
	assert_int_equal(stats.received, replay.n_records);
	assert_int_equal(balance_records_sum(&stats.balance, RECORDS_RECEIVED), replay.n_records);
	assert_true(stats.events > 0);
	if (how->fail_every == 0)
		assert_int_equal(stats.no_memory, 0);
	pipeline_free(replay.pipeline);
}

static void all_recordings(void **state)
{
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/tests/data/*.rec*", getenv("RECORDER_SOURCE_DIR"));
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		run(found.gl_pathv[i], &(struct replay){ .look_every = 1 }, false);
		run(found.gl_pathv[i], &(struct replay){ .look_every = 100 }, true);
		for (unsigned n = 1; n <= 16; n *= 4)
			run(found.gl_pathv[i], &(struct replay){ .fail_every = n, .look_every = 7 }, false);
	}
	assert_true(found.gl_pathc > 5);
	globfree(&found);
}

/* What a term counts is what the name says. */
static void terms(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;
	const uint64_t (*records)[N_RECORD_TERMS] = stats.balance.records;

	options.own_pid = 11;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	lines(&f, "rubbish\n" BEFORE_END
		  "type=RECORDER_NOTE msg=recorder(1795343338.130000000:0): action=start message=78\n"
		  "type=RECORDER_CLOCK msg=recorder(1795343339.123000000:0): \n"
		  "type=RECORDER_FORK msg=recorder(1795343339.200000000:0): pid=70 ppid=1 start_ticks=7\n");
	demand(f.pipeline, &stats);
	assert_int_equal(records[ORIGIN_AUDIT][RECORDS_RECEIVED], 6);
	assert_int_equal(records[ORIGIN_AUDIT][RECORDS_MALFORMED], 1);
	assert_int_equal(records[ORIGIN_AUDIT][RECORDS_DECODED], 0);
	assert_int_equal(stats.balance.records_waiting, 5);
	assert_int_equal(records[ORIGIN_OWN][RECORDS_RECEIVED], 2);
	assert_int_equal(records[ORIGIN_OWN][RECORDS_USED], 1);
	assert_int_equal(records[ORIGIN_OWN][RECORDS_DECODED], 1);
	assert_int_equal(records[ORIGIN_CONNECTOR][RECORDS_DECODED], 1);
	assert_int_equal(stats.balance.events_waiting, 1);	/* the fork waits for audit */
	assert_int_equal(balance_events_left(&stats.balance, CATEGORY_process), 1);
	assert_int_equal(stats.balance.events[CATEGORY_recorder][EVENTS_EMITTED], 1);
	lines(&f, END);
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	demand(f.pipeline, &stats);
	assert_int_equal(records[ORIGIN_AUDIT][RECORDS_DECODED], 6);
	assert_int_equal(stats.balance.events[CATEGORY_process][EVENTS_MADE], 2);
	assert_int_equal(stats.balance.events[CATEGORY_process][EVENTS_OWN], 1);
	assert_int_equal(stats.balance.events[CATEGORY_process][EVENTS_EMITTED], 1);
	assert_int_equal(stats.balance.records_waiting + stats.balance.events_waiting, 0);
	tear_down(&f);
}

/* One draft has no room for more; what has none is counted. */
static void too_many_of_one_draft(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	for (unsigned i = 0; i < 1030; i++)
		lines(&f, HEAD("PATH", "9") "item=0 name=\"/etc/x\" inode=7 dev=fe:00 mode=0100644 nametype=NORMAL\n");
	demand(f.pipeline, &stats);
	assert_int_equal(stats.balance.records[ORIGIN_AUDIT][RECORDS_TOO_MANY], 6);
	assert_int_equal(stats.balance.records_waiting, 1024);
	tear_down(&f);
}

static void expect_flaw(const struct balance *balance, const char *why_not)
{
	char why[BALANCE_WHY_MAX];

	assert_false(balance_closes(balance, why));
	assert_string_equal(why, why_not);
}

/* Each counter that is off by one shows. */
static void flaws(void **state)
{
	static const struct balance whole = {
		.records = { [ORIGIN_EBPF] = { 100, 90, 1, 2, 3, 0, 0, 0, 0 } },
		.events = { [CATEGORY_file] = { 50, 1, 2, 3, 0, 3, 37, 20, 5, 0, 2, 1 } },
		.records_waiting = 4, .events_waiting = 4, .emitted_waiting = 9, .has_sinks = true,
	};
	struct balance balance = whole;
	char why[BALANCE_WHY_MAX];

	assert_true(balance_closes(&balance, why));
	for (unsigned i = 0; i < N_RECORD_TERMS; i++) {
		balance.records[ORIGIN_EBPF][i]++;
		assert_false(balance_closes(&balance, why));
		balance.records_uncertain = true;	/* what is left over may be in the ring */
		assert_true(balance_closes(&balance, why));
		balance = whole;
	}
	for (unsigned i = 0; i < N_EVENT_TERMS; i++) {
		balance.events[CATEGORY_file][i]++;
		assert_false(balance_closes(&balance, why));
		balance = whole;
	}
	balance.records[ORIGIN_AUDIT][RECORDS_DECODED] = 2;
	balance.records_uncertain = true;
	expect_flaw(&balance, "2 more records of audit have ended than there were");
	balance = whole;
	balance.events[CATEGORY_dns][EVENTS_MERGED] = 1;
	expect_flaw(&balance, "1 more events of dns have ended than there were");
	balance = whole;
	balance.emitted_waiting = 8;
	expect_flaw(&balance, "of 9 emitted events nothing became so far, and 8 wait");
}

static void text(void **state)
{
	static const struct balance balance = {
		.records = { [ORIGIN_EBPF] = { 100, 90, 1, 2, 7, 0, 0, 0, 0 }, [ORIGIN_AUDIT] = { 5, 5 } },
		.events = { [CATEGORY_file] = { 52, 1, 2, 3, 0, 21, 25, 20, 5, 0, 0, 0 }, [CATEGORY_signal] = { 1, 0, 0, 0, 0, 0, 1, 1 } },
		.has_sinks = true,
	};
	struct buffer out = { 0 };

	balance_text(&balance, &out);
	assert_string_equal(buffer_text(&out), "105 records received: 95 decoded, 1 used, 2 malformed, 7 lost.ring.ebpf; "
						"53 events made: 1 own, 2 merged, 3 filtered_out, 21 lost.shed.file, 21 stored, 5 journals_only");
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_recordings), cmocka_unit_test(terms), cmocka_unit_test(too_many_of_one_draft), cmocka_unit_test(flaws),
		cmocka_unit_test(text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
