/* The chain: what was changed in a database behind the recorder's back is found, and what the recorder itself cleaned away is not. */

#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "sink/chain_verify.h"
#include "sink/test_sink.h"
#include "sink/test_story.h"

#define N_EVENTS 20000

static const unsigned char key[CHAIN_KEY_BYTES] = "a key of thirty-two bytes, as is";

static struct sink *open_chained(const char *path, const struct database_limits *limits)
{
	struct sink_error error = { "" };
	struct sink_options options = { .path = path, .host_id = "m1", .host_name = "box", .boot_id = "boot-1", .error = &error,
					.chain_key = key };
	struct sink *sink;

	if (limits)
		options.database = *limits;
	if (sink_database.open(&sink, &options) < 0)
		fail_msg("%s", error.message);
	return sink;
}

struct findings {
	struct chain_finding first;
	struct chain_report report;
};

static void on_finding(void *user, const struct chain_finding *finding)
{
	struct findings *findings = user;

	if (findings->report.findings++ == 0)
		findings->first = *finding;
}

static struct findings verify(const char *path, const unsigned char *with)
{
	struct findings findings = { 0 };
	struct chain_report report;
	struct history *history;
	struct history_error error = { "" };
	int r;

	if (history_open(&history, path, &error) < 0)
		fail_msg("%s", error.message);
	r = chain_verify(history, with, on_finding, NULL, &findings, &report);
	assert_int_equal(r, 0);
	assert_int_equal(report.findings, findings.report.findings);
	findings.report = report;
	history_free(history);
	return findings;
}

static void assert_whole(const char *path)
{
	struct findings findings = verify(path, key);

	if (findings.report.findings > 0)
		fail_msg("block %llu, category %u, kind %d: %llu events, %llu expected", (unsigned long long)findings.first.block,
			 findings.first.category, (int)findings.first.kind, (unsigned long long)findings.first.events,
			 (unsigned long long)findings.first.expected);
	assert_true(findings.report.has_chain);
}

static void write_story(const char *path)
{
	struct sink *sink = open_chained(path, NULL);
	struct story *story = calloc(1, sizeof(*story));

	story_forget_rows();
	while (story->n < N_EVENTS) {
		assert_int_equal(story_write(story, sink), 0);
		if (story->n % 3000 == 0)
			sink_database.flush(sink, STORY_TIME);
	}
	sink_database.free(sink);
	free(story);
}

/* Every kind of event with every field, in every style. */
static void all_that_can_be_said(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_chained(place->file, NULL);
	struct findings findings;

	for (unsigned style = 0; style < N_FILL_STYLES; style++)
		for (unsigned seed = 0; seed < 3; seed++)
			for (uint16_t kind = 0; kind < N_KINDS; kind++) {
				struct event *event = fill_event(kind, kind * 10u + seed, style);

				event->context = fill_context(kind % 7u + seed, style, seed);
				assert_int_equal(sink_database.write(sink, event), 0);
				event_free(event);
			}
	sink_database.free(sink);
	assert_whole(place->file);
	findings = verify(place->file, NULL);
	assert_int_equal(findings.report.findings, 0);
	assert_int_equal(findings.report.events, N_FILL_STYLES * 3 * N_KINDS);
	assert_int_equal(findings.report.before_events, 0);
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_true(sqlite3_total_changes(db) > 0);
	sqlite3_close(db);
}

/* A file has 5 blocks of 4,096 events; the first number is 1. */
static void tampered_with(void **state)
{
	static const struct {
		const char *sql;
		enum chain_finding_kind kind;
		uint64_t block;
		unsigned category;	/* N_CATEGORIES: whichever */
	} changes[] = {
		{ "UPDATE event_file SET time = time + 1 WHERE sequence = (SELECT min(sequence) FROM event_file WHERE sequence > 5000)",
		  FINDING_ALTERED, 1, CATEGORY_file },
		{ "DELETE FROM event_process WHERE sequence = (SELECT min(sequence) FROM event_process WHERE sequence > 9000)",
		  FINDING_REMOVED, 2, CATEGORY_process },
		{ "DELETE FROM event_process WHERE sequence BETWEEN 8192 AND 12287; DELETE FROM content WHERE block = 2 AND category = 0",
		  FINDING_REMOVED, 2, CATEGORY_process },
		{ "INSERT INTO event_system (sequence, time, origin, process, shape) SELECT sequence + 1, time, origin, process, shape "
		  "FROM event_system WHERE sequence BETWEEN 13000 AND 16000 AND sequence + 1 NOT IN (SELECT sequence FROM event_system) LIMIT 1",
		  FINDING_INSERTED, 3, CATEGORY_system },
		{ "INSERT INTO event_system (sequence, time, origin, process, shape) SELECT 1000000, time, origin, process, shape "
		  "FROM event_system LIMIT 1", FINDING_INSERTED, 5, CATEGORY_system },
		{ "UPDATE text SET value = value || 'x' WHERE id = (SELECT file_path_dir FROM event_file WHERE sequence > 5000 AND "
		  "file_path_dir IS NOT NULL ORDER BY sequence LIMIT 1)", FINDING_ALTERED, N_EVENTS, CATEGORY_file },
		{ "UPDATE process SET process_pid = process_pid + 1 WHERE id = 1", FINDING_ALTERED, N_EVENTS, N_CATEGORIES },
		{ "UPDATE program SET process_executable_name = 'other' WHERE id = 1", FINDING_ALTERED, N_EVENTS, N_CATEGORIES },
		{ "UPDATE login SET user_name = 'somebody else'", FINDING_ALTERED, 0, N_CATEGORIES },
		{ "UPDATE shape_file SET file_flags = 'O_OTHER', kind = kind", FINDING_ALTERED, N_EVENTS, CATEGORY_file },
		{ "DELETE FROM shape_driver", FINDING_REMOVED, 0, CATEGORY_driver },
		{ "UPDATE tick SET time = time - 1000000000 WHERE id = 20", FINDING_ALTERED, 1, N_CATEGORIES },
		{ "DELETE FROM chain WHERE block = 2", FINDING_LINK, 3, N_CATEGORIES },
		{ "UPDATE chain SET link = zeroblob(16) WHERE block = 1", FINDING_LINK, 1, N_CATEGORIES },
		{ "UPDATE chain SET digests = substr(digests, 1, 19) WHERE block = 4", FINDING_LINK, 4, N_CATEGORIES },
		{ "UPDATE chain SET link = 'text' WHERE block = 0", FINDING_LINK, 0, N_CATEGORIES },
		/* Cleaning that was none of the recorder's. */
		{ "DELETE FROM event_file WHERE sequence < 8192; DELETE FROM content WHERE block < 2 AND category = 1; "
		  "INSERT INTO cleaned VALUES (1, 2000, 1732271339000000000, 1, zeroblob(16))", FINDING_REMOVED, 0, CATEGORY_file },
		{ "DELETE FROM chain WHERE block = 0; UPDATE chain SET block = 0, last = 1, digests = zeroblob(32) WHERE block = 1",
		  FINDING_LINK, 0, N_CATEGORIES },
		{ "UPDATE meta SET value = zeroblob(16) WHERE key = 'chain_id'", FINDING_LINK, 0, N_CATEGORIES },
		{ "DELETE FROM meta WHERE key = 'chain_id'", FINDING_LINK, 0, N_CATEGORIES },
		/* Events that are there, and that nobody is to find. */
		{ "DELETE FROM block WHERE id = 2", FINDING_HIDDEN, 2, N_CATEGORIES },
		{ "UPDATE block SET max_time = min_time WHERE id = 3", FINDING_HIDDEN, 3, N_CATEGORIES },
		{ "UPDATE block SET min_time = 'z' WHERE id = 0", FINDING_HIDDEN, 0, N_CATEGORIES },
		{ "UPDATE block SET sieve = CAST(substr(sieve, 1, 1) || zeroblob(100) AS BLOB) WHERE id = 1", FINDING_HIDDEN, 1, N_CATEGORIES },
		/* Rows that lead back, or further than there are blocks. */
		{ "UPDATE chain SET last = 9223372036854775807, digests = zeroblob(32) WHERE block = 1", FINDING_LINK, 1, N_CATEGORIES },
		{ "UPDATE chain SET last = 9223372036854775807 >> 12, digests = zeroblob(32) WHERE block = 1", FINDING_LINK, 1, N_CATEGORIES },
		{ "UPDATE chain SET last = 0, digests = zeroblob(32) WHERE block = 3", FINDING_LINK, 3, N_CATEGORIES },
		{ "UPDATE chain SET last = -1, digests = zeroblob(32) WHERE block = 3", FINDING_LINK, 3, N_CATEGORIES },
		{ "INSERT INTO chain SELECT -5, 9223372036854775807, digests, link FROM chain WHERE block = 1; UPDATE chain SET link = NULL WHERE block = 2",
		  FINDING_LINK, 2, N_CATEGORIES },
		{ "INSERT INTO chain SELECT 9223372036854775807, NULL, digests, link FROM chain WHERE block = 4", FINDING_LINK,
		  INT64_MAX, N_CATEGORIES },
	};
	struct place *place = *state;
	char whole[128], command[320];

	write_story(place->file);
	assert_whole(place->file);
	snprintf(whole, sizeof(whole), "%s.whole", place->file);
	snprintf(command, sizeof(command), "cp %s %s", place->file, whole);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "cp %s %s", whole, place->file);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		struct findings findings;

		assert_int_equal(system(command), 0);
		change(place->file, changes[i].sql);
		findings = verify(place->file, key);
		if (findings.report.findings == 0 || findings.first.kind != changes[i].kind ||
		    (changes[i].block != N_EVENTS && findings.first.block != changes[i].block) ||
		    (changes[i].category != N_CATEGORIES && findings.first.category != changes[i].category))
			fail_msg("%s: %llu findings, the first of kind %d in block %llu, category %u", changes[i].sql,
				 (unsigned long long)findings.report.findings, (int)findings.first.kind,
				 (unsigned long long)findings.first.block, findings.first.category);
	}
}

/* Without the key all that is stored can be made to fit but the links. */
static void another_key(void **state)
{
	static const unsigned char other[CHAIN_KEY_BYTES] = "another key";
	struct place *place = *state;
	struct findings findings;

	write_story(place->file);
	findings = verify(place->file, other);
	assert_int_equal(findings.first.kind, FINDING_LINK);
	assert_int_equal(findings.first.block, 0);
	assert_int_equal(verify(place->file, NULL).report.findings, 0);
}

/* What the recorder said of another database with the same key excuses nothing in this one. */
static void seal_of_another(void **state)
{
	static const struct database_limits limits = { .max_bytes = 6 << 20, .chunk_bytes = 1 << 20, .min_clean_percent = 5,
						       .max_clean_percent = 50 };
	struct place *place = *state;
	struct story *story = calloc(1, sizeof(*story));
	char other[128], sql[512];
	struct findings findings;
	struct sink *sink;

	snprintf(other, sizeof(other), "%s.other", place->file);
	sink = open_chained(other, &limits);
	story_forget_rows();
	while (story->n < 150000) {
		assert_int_equal(story_write(story, sink), 0);
		if (story->n % 1000 == 0)
			sink_database.flush(sink, STORY_TIME);
	}
	sink_database.free(sink);
	free(story);
	assert_true(ask_number(other, "SELECT min(block) FROM cleaned WHERE category = 1") > 5);
	write_story(place->file);
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS other; INSERT INTO cleaned SELECT * FROM other.cleaned; "
				   "DELETE FROM event_file WHERE sequence < 8192; DELETE FROM content WHERE block < 2 AND category = 1", other);
	change(place->file, sql);
	findings = verify(place->file, key);
	assert_int_equal(findings.first.kind, FINDING_REMOVED);
	assert_int_equal(findings.first.category, CATEGORY_file);
}

/* The head that is told of while the recorder writes is there later. */
static void head_of_an_open_one(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_chained(place->file, NULL);
	struct story *story = calloc(1, sizeof(*story));
	struct chain_report before;
	struct history *history;
	enum chain_head found;

	story_forget_rows();
	for (unsigned i = 0; i < 4; i++) {
		while (story->n < 3000 * (i + 1))
			assert_int_equal(story_write(story, sink), 0);
		sink_database.flush(sink, STORY_TIME);
		if (i > 0) {
			assert_int_equal(history_open(&history, place->file, NULL), 0);
			assert_int_equal(chain_find_head(history, before.closed_block, &before.closed, &found), 0);
			history_free(history);
			assert_true(found == HEAD_THERE || !before.has_closed);
		}
		before = verify(place->file, key).report;
		assert_int_equal(before.has_closed, i > 0);
	}
	sink_database.free(sink);
	before = verify(place->file, key).report;
	assert_int_equal(before.closed_block, before.head_block);
	free(story);
}

/* A row of the chain that was altered is no reason to give the database up. */
static void goes_on_behind_altered(void **state)
{
	struct place *place = *state;
	struct story *story = calloc(1, sizeof(*story));
	struct sink_report report;
	struct sink *sink;

	write_story(place->file);
	change(place->file, "UPDATE chain SET link = 1 WHERE block = 4");
	sink = open_chained(place->file, NULL);
	story_forget_rows();
	while (story->n < 100)
		assert_int_equal(story_write(story, sink), 0);
	sink_database.report(sink, &report);
	assert_int_equal(report.n_damaged, 0);
	sink_database.free(sink);
	assert_int_equal(verify(place->file, key).first.block, 4);
	assert_int_equal(ask_number(place->file, "SELECT sum(events) FROM content"), N_EVENTS + 100);
	free(story);
}

/* A storm that cleans most of what there was, and is opened again and again. */
static void cleaned(void **state)
{
	const struct database_limits limits = { .max_bytes = 6 << 20, .chunk_bytes = 1 << 20, .min_clean_percent = 5,
						.max_clean_percent = 50, .shares = { [CATEGORY_driver] = 20 } };
	struct place *place = *state;
	struct story *story = calloc(1, sizeof(*story));
	struct findings findings;

	for (unsigned run = 0; run < 6; run++) {
		struct sink *sink = open_chained(place->file, &limits);

		story_forget_rows();
		for (unsigned i = 0; i < 50000; i++) {
			/* Blocks of one sort, and now and then others between. */
			story->n = (story->n + (i % 500 ? N_KINDS - 1 : 0)) % (STORY_MAX - N_KINDS);
			assert_int_equal(story_write(story, sink), 0);
			if (i % 1000 == 0)
				sink_database.flush(sink, STORY_TIME);
		}
		sink_database.free(sink);
		assert_whole(place->file);
	}
	findings = verify(place->file, key);
	assert_true(findings.report.cleaned_blocks > 0);
	free(story);
}

/* What was rolled back is no part of it. */
static void rolled_back(void **state)
{
	struct place *place = *state;
	struct sink *sink = open_chained(place->file, NULL);
	struct story *story = calloc(1, sizeof(*story));
	struct rlimit before, small;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	story_forget_rows();
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned n = 0; n < 3000; n++)
			assert_int_equal(story_write(story, sink), 0);
		small = (struct rlimit){ 4096, before.rlim_max };
		if (i % 3 == 1)
			setrlimit(RLIMIT_FSIZE, &small);
		sink_database.flush(sink, STORY_TIME);
		setrlimit(RLIMIT_FSIZE, &before);
	}
	sink_database.free(sink);
	assert_whole(place->file);
	assert_true(ask_number(place->file, "SELECT sum(events) FROM content") < 30000);
	free(story);
}

/* A file that was begun without a chain: what was before it is told, and not believed. */
static void begun_without(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	struct story *story = calloc(1, sizeof(*story));
	struct findings findings;

	story_forget_rows();
	while (story->n < 5000)
		assert_int_equal(story_write(story, sink), 0);
	sink_database.free(sink);
	findings = verify(place->file, key);
	assert_false(findings.report.has_chain);
	assert_int_equal(findings.report.before_events, 5000);
	sink = open_chained(place->file, NULL);
	story_forget_rows();
	while (story->n < 9000)
		assert_int_equal(story_write(story, sink), 0);
	sink_database.free(sink);
	findings = verify(place->file, key);
	assert_int_equal(findings.report.findings, 0);
	assert_int_equal(findings.report.before_events, 5000);
	assert_int_equal(findings.report.events, 4000);
	free(story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_that_can_be_said, place_make, place_remove),
		cmocka_unit_test_setup_teardown(tampered_with, place_make, place_remove),
		cmocka_unit_test_setup_teardown(another_key, place_make, place_remove),
		cmocka_unit_test_setup_teardown(seal_of_another, place_make, place_remove),
		cmocka_unit_test_setup_teardown(head_of_an_open_one, place_make, place_remove),
		cmocka_unit_test_setup_teardown(goes_on_behind_altered, place_make, place_remove),
		cmocka_unit_test_setup_teardown(cleaned, place_make, place_remove),
		cmocka_unit_test_setup_teardown(rolled_back, place_make, place_remove),
		cmocka_unit_test_setup_teardown(begun_without, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
