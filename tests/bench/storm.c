/* What becomes of more than the recorder can deal with, and of its memory: made records of the kernel's programs through its true reader,
 * ring, core, queue and writer (daemon/test_storm.h).  A line of JSON each.
 *	bench-storm storm SECONDS TIMES [STORED_A_SECOND]	measures what it takes alone, then offers it TIMES as much.  With STORED_A_SECOND
 *		the writer is slowed down to that: else a machine of few processors cannot make so much more
 *	bench-storm soak MILLIONS [BUDGET_MB] [DATABASE]	so many million records as fast as they are taken, into a database of 64 MB (or
 *		none), with processes and paths that come and go; the memory and the descriptors each few seconds
 * Ends with 1 if an event is not accounted for, one is missing that is never let go of, or the memory is beyond the budget. */

#include "daemon/test_storm.h"

#define MB (UINT64_C(1) << 20)
#define SAMPLES 32			/* lines of a soak */

struct watch {
	struct memory memory;
	uint64_t begin_ns, next, every;	/* records */
	uint64_t settled_rss;		/* after a quarter */
	unsigned settled_descriptors, descriptors;
	uint64_t max;
};

static void look(struct storm *storm, void *user)
{
	struct watch *watch = user;

	memory_read(&watch->memory);
	core_press(storm->core, SHED_BY_MEMORY, memory_pressure(watch->memory.rss, watch->memory.budget));
	if (watch->every == 0 || storm->source.n < watch->next)
		return;
	watch->next += watch->every;
	watch->descriptors = storm_descriptors();
	if (watch->settled_rss == 0 && storm->source.n >= watch->max / 4) {
		watch->settled_rss = watch->memory.rss;
		watch->settled_descriptors = watch->descriptors;
	}
	printf("{\"records\":%" PRIu64 ",\"seconds\":%.0f,\"rss_mb\":%.1f,\"peak_mb\":%.1f,\"descriptors\":%u,\"processes\":%" PRIu64 "}\n",
	       storm->source.n, storm_seconds(clock_ns(CLOCK_MONOTONIC) - watch->begin_ns), (double)watch->memory.rss / (double)MB,
	       (double)watch->memory.peak_rss / (double)MB, watch->descriptors, storm->core_stats.tracker.processes);
	fflush(stdout);
}

static int say(struct storm *storm, const struct watch *watch, double rate_alone, double seconds)
{
	bool is_beyond = watch->memory.peak_rss > watch->memory.budget;
	uint64_t wrong;

	printf("{\"alone_a_second\":%.0f,\"offered_a_second\":%.0f,\"seconds\":%.1f,\"highest_step\":\"%s\",\"steps_told\":%u,", rate_alone,
	       (double)storm->source.n / seconds, seconds, shed_steps[storm->highest].name, storm->counts.n_steps);
	wrong = storm_account(storm, stdout);
	printf(",\"unaccounted\":%" PRIu64 ",\"missing_of_never_let_go_of\":%" PRIu64 ",\"peak_rss_mb\":%.1f,\"budget_mb\":%.0f}\n", wrong,
	       storm_missing(storm), (double)watch->memory.peak_rss / (double)MB, (double)watch->memory.budget / (double)MB);
	return wrong > 0 || storm_missing(storm) > 0 || is_beyond;
}

static double alone(const struct memory *memory, uint64_t delay_ns)
{
	static struct storm storm;
	double seconds;
	uint64_t begin_ns;

	storm_begin(&storm, memory, delay_ns, NULL);
	begin_ns = clock_ns(CLOCK_MONOTONIC);
	storm_blow(&storm, 0, UINT64_MAX, 3 * NS_PER_SEC, NULL, NULL);
	storm_end(&storm);
	seconds = storm_seconds(clock_ns(CLOCK_MONOTONIC) - begin_ns);
	storm_release(&storm);
	return (double)storm.source.n / seconds;
}

static int blow(uint64_t seconds, double times, uint64_t stored_a_second)
{
	static struct storm storm;
	struct watch watch = { .next = 0 };
	uint64_t delay_ns = stored_a_second > 0 ? NS_PER_SEC / stored_a_second : 0;
	double rate, took;
	int r;

	memory_divide(&watch.memory, 512 * MB);
	rate = alone(&watch.memory, delay_ns);
	storm_begin(&storm, &watch.memory, delay_ns, NULL);
	took = storm_blow(&storm, (uint64_t)(rate * times), UINT64_MAX, seconds * NS_PER_SEC, look, &watch);
	storm_end(&storm);
	r = say(&storm, &watch, rate, took);
	storm_release(&storm);
	return r;
}

static int soak(uint64_t millions, uint64_t budget_mb, const char *database)
{
	static struct storm storm;
	struct watch watch = { .begin_ns = clock_ns(CLOCK_MONOTONIC), .every = millions * 1000000 / SAMPLES, .max = millions * 1000000 };
	double took;
	int r;

	watch.next = watch.every;
	memory_divide(&watch.memory, budget_mb * MB);
	storm_begin(&storm, &watch.memory, 0, database);
	took = storm_blow(&storm, 0, watch.max, 0, look, &watch);
	if (watch.memory.rss > watch.settled_rss + watch.settled_rss / 10 + 4 * MB || watch.descriptors != watch.settled_descriptors) {
		fprintf(stderr, "bench-storm: the memory grew from %" PRIu64 " to %" PRIu64 " MB, the descriptors from %u to %u\n",
			watch.settled_rss / MB, watch.memory.rss / MB, watch.settled_descriptors, watch.descriptors);
		return 1;
	}
	storm_end(&storm);
	r = say(&storm, &watch, (double)storm.source.n / took, took);
	storm_release(&storm);
	return r;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "storm") == 0)
		return blow(strtoull(argv[2], NULL, 10), strtod(argv[3], NULL), argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
	if (argc >= 3 && strcmp(argv[1], "soak") == 0)
		return soak(strtoull(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : 512, argc > 4 ? argv[4] : NULL);
	fprintf(stderr, "bench-storm storm SECONDS TIMES [STORED_A_SECOND] | soak MILLIONS [BUDGET_MB] [DATABASE]\n");
	return 2;
}
