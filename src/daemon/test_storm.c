/* Ten times what the recorder can store: all is stored, or counted and told by a gap of its class; of what is never let go of nothing is
 * missing; the steps begin, are told, and end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/test_storm.h"

#define STORED_A_SECOND 4000u		/* by a sink that is slowed down to it */
#define MB (UINT64_C(1) << 20)

static void blow(struct storm *storm, unsigned times, uint64_t ns)
{
	struct memory memory;

	memory_divide(&memory, 64 * MB);	/* a small ring: a short storm fills it */
	storm_begin(storm, &memory, NS_PER_SEC / STORED_A_SECOND, NULL);
	storm_blow(storm, times * STORED_A_SECOND, UINT64_MAX, ns, NULL, NULL);
	storm_end(storm);
}

static void expect_all(struct storm *storm)
{
	uint64_t wrong = storm_account(storm, NULL);

	if (wrong > 0 || storm_missing(storm) > 0) {
		storm_account(storm, stderr);
		fail_msg("%" PRIu64 " are not accounted for, %" PRIu64 " are missing that are never let go of", wrong, storm_missing(storm));
	}
}

static void test_ten_times(void **state)
{
	static struct storm storm;

	blow(&storm, 10, 3 * NS_PER_SEC);
	expect_all(&storm);
	assert_true(storm.highest >= SHED_SOURCE);	/* which may be enough */
	assert_true(storm.counts.n_steps >= 4);
	assert_int_equal(storm.core_stats.pipeline.shed.step, SHED_NOTHING);
	assert_true(storm_shed(&storm, CATEGORY_file) > 0);
	/* Most was of one process: it was found, and named. */
	assert_true(storm.counts.of_source > 0);
	storm_release(&storm);
}

/* What it can store it does. */
static void test_half(void **state)
{
	static struct storm storm;
	struct memory memory;

	memory_divide(&memory, 64 * MB);
	storm_begin(&storm, &memory, 0, NULL);
	storm_blow(&storm, 5000, UINT64_MAX, NS_PER_SEC, NULL, NULL);
	storm_end(&storm);
	expect_all(&storm);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		assert_int_equal(storm_shed(&storm, (enum category)i), 0);
	assert_int_equal(storm.counts.n_steps, 0);
	storm_release(&storm);
}

/* Turns of the core in a second of what it can store with ease. */
static uint64_t turns(uint64_t nap_ns)
{
	static struct storm storm;
	struct memory memory;
	struct pulse before, after;

	memory_divide(&memory, 64 * MB);
	storm_begin(&storm, &memory, 0, NULL);
	core_set_nap(storm.core, nap_ns);
	core_pulse(storm.core, &before);
	storm_blow(&storm, 5000, UINT64_MAX, NS_PER_SEC, NULL, NULL);
	core_pulse(storm.core, &after);
	storm_end(&storm);
	expect_all(&storm);
	storm_release(&storm);
	return after.turns - before.turns;
}

static void test_naps(void **state)
{
	uint64_t awake = turns(0), napping = turns(200 * NS_PER_MS);

	if (napping * 2 > awake)
		fail_msg("%" PRIu64 " turns with naps, %" PRIu64 " without", napping, awake);
}

/* A soak in small: with processes and paths that come and go the tables are at the end what they were after a third, and so are the
 * descriptors. */
struct soak {
	uint64_t bytes[2], n[2];	/* of the table of processes: the most before and after a third */
	unsigned descriptors[2];
};

static void look(struct storm *storm, void *user)
{
	struct soak *soak = user;
	unsigned late = storm->source.n > storm->source.max / 3;

	soak->bytes[late] = MAX(soak->bytes[late], storm->core_stats.tracker.bytes);
	soak->n[late] = storm->source.n;
	soak->descriptors[late] = storm_descriptors();
}

static void test_soak(void **state)
{
	static struct storm storm;
	struct soak soak = { .descriptors = { 0 } };
	struct memory memory;

	memory_divide(&memory, 64 * MB);
	storm_begin(&storm, &memory, 0, NULL);
	storm_blow(&storm, 0, 200000, 0, look, &soak);
	assert_true(soak.n[0] > 0 && soak.n[1] > 0);
	assert_int_equal(soak.descriptors[1], soak.descriptors[0]);
	assert_true(soak.bytes[1] <= memory.room[MEMORY_PROCESSES]);
	storm_end(&storm);
	expect_all(&storm);
	assert_true(storm.core_stats.tracker.processes <= STORM_CHILDREN + 4);
	storm_release(&storm);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ten_times), cmocka_unit_test(test_half), cmocka_unit_test(test_naps),
					    cmocka_unit_test(test_soak) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
