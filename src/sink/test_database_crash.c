/* Recorders that are killed, at moments of all kinds, and recorders that come at once. RECORDER_TEST_SEED repeats a run. */

#include "base/clock.h"
#include "sink/test_faults.h"
#include "sink/test_pieces.h"
#include "sink/test_story.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define N_KILLS 200
#define N_KILLS_PER_FILE 10
#define MAX_CALLS 250			/* an opening or a closing has about so many */
#define N_RACES 100

static struct sink_report report_of(const struct sink *sink)
{
	struct sink_report report;

	sink_database.report(sink, &report);
	return report;
}

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

/* How a recorder dies. */
struct death {
	enum { OPENING, RECORDING, WRITING, CLOSING, N_STAGES } stage;
	unsigned call;			/* of the file system, in its stage: it is killed there; RECORDING: not used */
	unsigned n_batches;		/* committed before */
	unsigned delay_ns;		/* RECORDING: it is killed so long after it told of the last */
};

static struct death death_new(void)
{
	return (struct death){ .stage = dice_below(N_STAGES), .call = 1 + dice_below(MAX_CALLS),
			       .n_batches = 1 + dice_below(4), .delay_ns = dice_below(3000000) };
}

static void remove_files(const struct place *place)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -f %s/*", place->folder);
	assert_int_equal(system(command), 0);
}

static void write_rubbish(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (unsigned i = 0; i < 500; i++)
		fprintf(file, "line %u of something that is no database\n", i);
	fclose(file);
}

/* What is told: how many events there are, and the sequence of the last. */
struct told {
	uint64_t number, sequence;
};

static uint64_t write_number(struct sink *sink, uint64_t number)
{
	struct event *event = story_event(number);
	uint64_t sequence;

	if (sink_database.write(sink, event) < 0)
		_exit(1);
	sequence = event->sequence;
	event_free(event);
	return sequence;
}

/* Like the daemon's writer: a batch is what has come, a commit a batch. */
static _Noreturn void record(const char *path, uint64_t number, const struct death *death, uint64_t batch_size, int to)
{
	struct sink *sink;
	struct told told;

	if (death->stage == OPENING)
		faults_begin((struct faults){ .calls = FAULT_ANY, .first = death->call, .n = 1, .kills = true });
	sink = database_must_open(path);
	faults_end();
	for (unsigned batch = 0; batch < death->n_batches || death->stage == RECORDING || death->stage == WRITING; batch++) {
		if (death->stage == WRITING && batch == death->n_batches)
			faults_begin((struct faults){ .calls = FAULT_ANY, .first = death->call, .n = 1, .kills = true });
		for (uint64_t i = 0; i < batch_size; i++) {
			told.sequence = write_number(sink, number++);
			told.number = number;
		}
		if (sink_database.flush(sink, clock_now_ns()) < 0 || write(to, &told, sizeof(told)) != sizeof(told))
			_exit(1);
	}
	if (death->stage == CLOSING)
		faults_begin((struct faults){ .calls = FAULT_ANY, .first = death->call, .n = 1, .kills = true });
	sink_database.free(sink);
	_exit(0);
}

/* Runs a recorder till its death. Tells what it told last; false: it had ended before. */
static bool run_till_death(const char *path, uint64_t number, uint64_t batch_size, struct told *ret)
{
	struct death death = death_new();
	struct told told;
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		record(path, number, &death, batch_size, pipes[1]);
	close(pipes[1]);
	for (unsigned n = 0; read(pipes[0], &told, sizeof(told)) == sizeof(told);) {
		*ret = told;
		if (death.stage == RECORDING && ++n == death.n_batches) {
			nanosleep(&(struct timespec){ .tv_nsec = (long)death.delay_ns }, NULL);
			kill(child, SIGKILL);
		}
	}
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status))
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

/* What was told is there, and the batch after it or nothing. */
static void assert_told(struct story *story, const struct told *told, uint64_t batch_size)
{
	uint64_t n = 0;

	while (n < story->n && story->found[n])
		n++;
	assert_int_equal(story->n_found, n);
	assert_true(n == told->number || n == told->number + batch_size);
	assert_true(story->last_sequence >= told->sequence);
	story->n = n;
}

static void killed(void **state)
{
	struct place *place = *state;
	static struct story story;
	struct told told = { 0 };
	unsigned n_died = 0, n_unclean = 0;

	dice_seed();
	for (unsigned i = 0; i < N_KILLS; i++) {
		uint64_t batch_size = 1 + dice_below(300);
		struct sink *sink;
		bool died;

		if (i % N_KILLS_PER_FILE == 0) {
			remove_files(place);
			story.n = 0;
			told = (struct told){ 0 };
			/* The first of some are of an older recorder. */
			if (i / N_KILLS_PER_FILE % 2)
				database_make_old(place->file);
		}
		died = run_till_death(place->file, story.n, batch_size, &told);
		n_died += died;
		story.n = MIN(told.number + 2 * batch_size, STORY_MAX);
		memset(story.fate, STORY_ACCEPTED, story.n);
		sink = database_must_open(place->file);
		assert_int_equal(report_of(sink).n_damaged, 0);
		n_unclean += report_of(sink).existed && !report_of(sink).clean_stop;
		assert_true(died || report_of(sink).clean_stop);
		sink_database.free(sink);
		story_read(&story, place->file);
		assert_told(&story, &told, batch_size);
		told.number = story.n;
	}
	print_message("%u of %u were killed, %u found no clean stop\n", n_died, N_KILLS, n_unclean);
	assert_true(n_died > N_KILLS / 2 && n_unclean > N_KILLS / 4);
}

/* Two that come at once. */

static pthread_barrier_t *shared_barrier(void)
{
	pthread_barrier_t *barrier = mmap(NULL, sizeof(*barrier), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t attributes;

	assert_true(barrier != MAP_FAILED);
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	assert_int_equal(pthread_barrier_init(barrier, &attributes, 2), 0);
	pthread_barrierattr_destroy(&attributes);
	return barrier;
}

/* Opens with the other at once, and holds what it has got until the other has come as far.  Exits with 0: it has it; 1: it was
 * refused as it should be; 2: anything else. */
static _Noreturn void come(const char *path, pthread_barrier_t *barrier)
{
	struct sink_error error = { "" };
	struct sink_options options = { .path = path, .boot_id = "boot-1", .error = &error };
	struct sink *sink = NULL;
	int r, code;

	pthread_barrier_wait(barrier);
	r = sink_database.open(&sink, &options);
	code = r == 0 ? 0 : r == -EBUSY && strstr(error.message, "another recorder writes") ? 1 : 2;
	if (code == 2)
		fprintf(stderr, "%s: %s\n", strerror(-r), error.message);
	if (sink && (sink_database.write(sink, story_event(0)) < 0 || sink_database.flush(sink, clock_now_ns()) < 0))
		code = 2;
	pthread_barrier_wait(barrier);
	_exit(code);
}

/* One has it, the other is told, and nothing of the one is set aside by the other. */
static void race(const struct place *place, pthread_barrier_t *barrier)
{
	int codes[2];
	pid_t children[2];

	for (unsigned i = 0; i < 2; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			come(place->file, barrier);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(waitpid(children[i], &codes[i], 0), children[i]);
		assert_true(WIFEXITED(codes[i]));
	}
	assert_int_equal(WEXITSTATUS(codes[0]) + WEXITSTATUS(codes[1]), 1);
	assert_text(place->file, "SELECT integrity_check || ', ' || (SELECT count(*) FROM events) FROM pragma_integrity_check",
		    "ok, 1");
}

static void two_at_once(void **state)
{
	struct place *place = *state;
	pthread_barrier_t *barrier = shared_barrier();

	for (unsigned i = 0; i < N_RACES; i++) {
		remove_files(place);
		if (i % 4 == 1) {
			sink_database.free(database_must_open(place->file));
		} else if (i % 4 == 2) {
			database_make_old(place->file);
		} else if (i % 4 == 3) {
			write_rubbish(place->file);
		}
		race(place, barrier);
	}
	munmap(barrier, sizeof(*barrier));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed, place_make, place_remove),
		cmocka_unit_test_setup_teardown(two_at_once, place_make, place_remove),
	};

	pieces_register();
	faults_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
