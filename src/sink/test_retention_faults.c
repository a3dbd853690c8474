/* A database that is full, chained, and cleans all the time, while the disk fails, memory is short, or the recorder is killed: what
 * is there is as it was written, what is not is counted, the chain is whole, the bound is kept.  RECORDER_TEST_SEED repeats a run. */

#define STORY_MAX 1500000

#include "sink/test_faults.h"
#include "sink/test_pieces.h"
#include "sink/test_story.h"

#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "sink/chain_verify.h"

#define MiB ((uint64_t)1 << 20)
#define PER_TURN 350			/* events between two commits */
#define TURNS_PER_LOOK 15
#define N_KILLS 15

static const unsigned char key[CHAIN_KEY_BYTES] = "a key of thirty-two bytes, as is";
static const struct database_limits limits = { .max_bytes = 3 * MiB, .chunk_bytes = MiB, .min_clean_percent = 1,
					       .max_clean_percent = 50, .shares = { [CATEGORY_driver] = 30 } };

static struct story story;		/* of all tests: what one leaves the next goes on with */
static struct {
	uint64_t n_accepted, n_there;	/* when the sink was opened */
} before;

static struct sink *open_full(const char *path)
{
	struct sink_error error = { "" };
	struct sink_options options = { .path = path, .boot_id = "boot-1", .error = &error, .database = limits, .chain_key = key };
	struct sink *sink;

	if (sink_database.open(&sink, &options) < 0)
		fail_msg("%s", error.message);
	return sink;
}

static struct sink_report report_of(const struct sink *sink)
{
	struct sink_report report;

	sink_database.report(sink, &report);
	return report;
}

static uint64_t size_of_all(const char *path)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	uint64_t all = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		char name[160];
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		if (stat(name, &st) == 0)
			all += (uint64_t)st.st_size;
	}
	return all;
}

static void assert_within_bound(const char *path)
{
	uint64_t all = size_of_all(path);

	if (all > limits.max_bytes + limits.chunk_bytes)
		fail_msg("%llu bytes", (unsigned long long)all);
}

static void on_finding(void *user, const struct chain_finding *finding)
{
	fail_msg("block %llu, category %u: finding %d: %llu events, %llu expected", (unsigned long long)finding->block,
		 finding->category, (int)finding->kind, (unsigned long long)finding->events, (unsigned long long)finding->expected);
}

/* What must hold of the file whatever befell it. */
static void look(const char *path)
{
	static const char *const none[] = {
		"SELECT count(*) FROM (SELECT 1 FROM processes GROUP BY process_entity_id, process_exec_count HAVING count(*) > 1)",
		"SELECT count(*) FROM program WHERE id NOT IN (SELECT program FROM process)",
		"SELECT count(*) FROM login WHERE id NOT IN (SELECT login FROM process)",
		"SELECT count(*) FROM content c WHERE NOT EXISTS (SELECT 1 FROM block b WHERE b.id = c.block)",
		"SELECT count(*) FROM block b WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.block = b.id)",
		"SELECT count(*) FROM process p WHERE image IS NOT NULL AND NOT EXISTS (SELECT 1 FROM process i WHERE i.id = p.image)",
		"SELECT count(*) FROM process p WHERE parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM process i WHERE i.id = p.parent)",
		"SELECT count(*) FROM process p WHERE NOT EXISTS (SELECT 1 FROM tick t WHERE t.id = p.sequence >> 8)",
		"SELECT count(*) FROM carried c WHERE NOT EXISTS (SELECT 1 FROM process p WHERE p.id = c.process AND p.image = c.image)",
	};
	struct chain_report report;
	struct history *history;

	story_read(&story, path);
	for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
		if (ask_number(path, none[i]) != 0)
			fail_msg("%lld: %s", (long long)ask_number(path, none[i]), none[i]);
	assert_int_equal(history_open(&history, path, NULL), 0);
	assert_int_equal(chain_verify(history, key, on_finding, NULL, NULL, &report), 0);
	history_free(history);
	assert_true(report.has_chain);
	assert_int_equal(report.events, story.n_found);
	assert_int_equal(report.before_events, 0);
}

static uint64_t n_cleaned(const char *path)
{
	return (uint64_t)ask_number(path, "SELECT coalesce(sum(events), 0) FROM cleaned");
}

/* Since the sink was opened. */
static void assert_all_counted(const char *path, const struct sink *sink)
{
	struct sink_report report = report_of(sink);

	assert_int_equal(report.events + report.lost, story.n_accepted - before.n_accepted);
	assert_int_equal(story.n_found + n_cleaned(path), report.events + before.n_there);
}

/* No image ends, so that each must be known however often its rows move. */
static void pass_by_exits(void)
{
	while (story.n % N_KINDS == KIND_ID(process, exit))
		story.fate[story.n++] = STORY_REFUSED;
}

/* What has come, and a commit. */
static int turn(struct sink *sink)
{
	int r = 0, flushed;

	for (unsigned i = 0; i < PER_TURN; i++, pass_by_exits())
		r = story_write(&story, sink) < 0 ? -1 : r;
	flushed = sink_database.flush(sink, 1);
	return MIN(flushed, r);
}

static struct sink *open_and_fill(const char *path)
{
	struct sink *sink = open_full(path);

	story_forget_rows();
	if (story.n == 0)
		pass_by_exits();
	else
		look(path);
	before.n_accepted = story.n_accepted;
	before.n_there = story.n_found + n_cleaned(path);
	for (unsigned n = 0; n_cleaned(path) == 0; n++) {
		assert_int_equal(turn(sink), 0);
		assert_true(n < 1000);
	}
	return sink;
}

/* One sink lives through all: the 1st call fails, the 2nd of what comes next, the 3rd, ... until none is left. */
static void fails_while_cleaning(const struct place *place, struct faults what, unsigned step)
{
	struct sink *sink;
	uint64_t cleaned;
	unsigned n = 0;
	bool failed = true;

	sink = open_and_fill(place->file);
	cleaned = n_cleaned(place->file);
	for (what.first = 1; failed; what.first += step) {
		int r;

		faults_begin(what);
		r = turn(sink);
		r = turn(sink) < 0 ? -1 : r;
		failed = faults_end() > 0;
		assert_true(r == 0 || failed);
		assert_int_equal(sink_database.flush(sink, 1), 0);
		assert_int_equal(turn(sink), 0);
		assert_within_bound(place->file);
		assert_int_equal(report_of(sink).n_damaged, 0);
		assert_false(report_of(sink).held);
		if (++n % TURNS_PER_LOOK != 0 && failed)
			continue;
		look(place->file);
		assert_all_counted(place->file, sink);
	}
	print_message("%u calls, %llu events were cleaned away\n", what.first, (unsigned long long)(n_cleaned(place->file) - cleaned));
	assert_true(n_cleaned(place->file) > cleaned);
	sink_database.free(sink);
	look(place->file);
}

static void once(void **state)
{
	fails_while_cleaning(*state, (struct faults){ .calls = FAULT_ANY, .n = 1, .torn = true }, 5);
}

static void full_for_a_while(void **state)
{
	fails_while_cleaning(*state, (struct faults){ .calls = FAULT_WRITE, .n = 150, .full = true, .torn = true }, 5);
}

static void all_for_a_while(void **state)
{
	fails_while_cleaning(*state, (struct faults){ .calls = FAULT_ANY, .n = 25 }, 5);
}

static void no_memory(void **state)
{
	const struct place *place = *state;
	struct sink *sink;
	unsigned n = 0;
	bool failed;

	sink = open_and_fill(place->file);
	for (unsigned first = 1; first < 40000; first += 1 + first / 10) {
		int r;

		pieces_until_none = first;
		r = turn(sink);
		failed = pieces_until_none == 0;
		pieces_until_none = 0;
		assert_true(r == 0 || failed);
		assert_int_equal(sink_database.flush(sink, 1), 0);
		assert_int_equal(turn(sink), 0);
		assert_within_bound(place->file);
		assert_int_equal(report_of(sink).n_damaged, 0);
		if (++n % TURNS_PER_LOOK != 0)
			continue;
		look(place->file);
		assert_all_counted(place->file, sink);
	}
	sink_database.free(sink);
	look(place->file);
}

/* Killed. */

static struct {
	uint64_t state;
} dice;

static void dice_seed(void)
{
	const char *seed = getenv("RECORDER_TEST_SEED");

	dice.state = seed ? (uint64_t)strtoull(seed, NULL, 10) : (uint64_t)time(NULL) << 20 | (uint64_t)getpid();
	print_message("RECORDER_TEST_SEED=%llu\n", (unsigned long long)dice.state);
}

/* splitmix64 */
static unsigned dice_below(unsigned n)
{
	uint64_t x = dice.state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((x ^ x >> 31) % n);
}

struct told {
	uint64_t number, n_accepted;
};

static struct told told_now(void)
{
	return (struct told){ story.n, story.n_accepted };
}

/* Tells of each commit how many events there are, until it is killed in a call of the file system. */
static _Noreturn void record(const char *path, unsigned call, unsigned n_turns, int to)
{
	struct sink *sink = open_full(path);

	for (unsigned i = 0;; i++) {
		struct told told;

		if (i == n_turns)
			faults_begin((struct faults){ .calls = FAULT_ANY, .first = call, .n = 1, .kills = true });
		if (turn(sink) < 0)
			_exit(1);
		told = told_now();
		if (write(to, &told, sizeof(told)) != sizeof(told))
			_exit(1);
	}
}

static struct told run_till_death(const char *path)
{
	unsigned call = 1 + dice_below(400), n_turns = dice_below(12);
	struct told told = told_now(), next;
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		record(path, call, n_turns, pipes[1]);
	close(pipes[1]);
	while (read(pipes[0], &next, sizeof(next)) == sizeof(next))
		told = next;
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return told;
}

static void killed(void **state)
{
	const struct place *place = *state;
	struct sink *sink;
	uint64_t cleaned;

	dice_seed();
	sink = open_and_fill(place->file);
	sink_database.free(sink);
	look(place->file);
	cleaned = n_cleaned(place->file);
	story.n_accepted = story.n_found + cleaned;	/* what was lost before is no matter here */
	for (unsigned i = 0; i < N_KILLS; i++) {
		struct told told;
		uint64_t there;

		story_forget_rows();
		told = run_till_death(place->file);
		/* What came after what was told may be there. */
		story.n = told.number + 2 * PER_TURN;
		memset(story.fate, STORY_ACCEPTED, story.n);
		assert_within_bound(place->file);
		sink = open_full(place->file);
		assert_int_equal(report_of(sink).n_damaged, 0);
		sink_database.free(sink);
		assert_within_bound(place->file);
		look(place->file);
		there = story.n_found + n_cleaned(place->file);
		assert_true(there == told.n_accepted || there == told.n_accepted + PER_TURN);
		story.n = told.number;
		while (told.n_accepted++ < there) {
			story.n++;
			pass_by_exits();
		}
		story.n_accepted = there;
	}
	assert_true(n_cleaned(place->file) > cleaned);
}

static int set_up(void **state)
{
	faults_register();
	return place_make(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
		cmocka_unit_test(full_for_a_while),
		cmocka_unit_test(all_for_a_while),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(killed),
	};

	pieces_register();
	return cmocka_run_group_tests(tests, set_up, place_remove);
}
