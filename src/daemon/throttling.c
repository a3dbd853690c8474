/* The throttle of this daemon: its samples, what its orders change, and what is told of it.
 *
 * The reader is not held back: what it does not take in time the kernel loses, of whatever class. */

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/leisure.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define TICK_NS NS_PER_SEC		/* of the control thread: a sample that is not due sooner waits for it */
#define CALM_NS (10 * NS_PER_SEC)	/* after which it is over */

static const char *const what_is_done[N_THROTTLE_STEPS] = {
	[THROTTLE_CALM] = "nothing is held down",
	[THROTTLE_DEFER] = "what can wait does less",
	[THROTTLE_BATCH] = "batches are larger",
	[THROTTLE_SHED] = "events are let go of by class",
};

/* A query that somebody asked for would else cost events.  What one used between the two looks counts once, as ours, and not back. */
uint64_t daemon_cpu_ns(struct daemon *d)
{
	uint64_t asked_for_ns = jobs_asked_for_ns(&d->jobs), all_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	d->throttling.cpu_ns = MAX(d->throttling.cpu_ns, all_ns - MIN(all_ns, asked_for_ns));
	return d->throttling.cpu_ns;
}

unsigned daemon_cpu_processors(const struct daemon *d)
{
	long n = daemon_setting(d, SETTING_CpuThrottleCalculateTotalSystem) ? sysconf(_SC_NPROCESSORS_ONLN) : 1;

	return n > 1 ? (unsigned)n : 1;
}

static struct throttle_wish wish_of(const struct daemon *d)
{
	return (struct throttle_wish){
		.target_percent = (unsigned)daemon_setting(d, SETTING_CpuThrottleTargetPercent),
		.of_machine = daemon_setting(d, SETTING_CpuThrottleCalculateTotalSystem) != 0,
		.min_ns = (uint64_t)daemon_setting(d, SETTING_CpuThrottleMinimumSampleMilliseconds) * NS_PER_MS,
		.max_ns = (uint64_t)daemon_setting(d, SETTING_CpuThrottleMaximumSampleMilliseconds) * NS_PER_MS,
	};
}

static uint64_t count_let_go(const struct daemon *d)
{
	uint64_t by[N_CATEGORIES], sum = 0;

	thinning_let_go(&d->thinning, by);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sum += by[i];
	return sum;
}

/* To the threads. */
static void pass_on(struct daemon *d)
{
	const struct throttle_orders *orders = &d->throttling.throttle.orders;
	uint64_t drain_ns = (uint64_t)daemon_setting(d, SETTING_ProcessorQueueDrainIntervalMs) * NS_PER_MS;

	thinning_order(&d->thinning, orders->keep);
	core_set_nap(d->core, orders->stretch_percent > 100 ? drain_ns * orders->stretch_percent / 100 : 0);
	writer_stretch(d->writer, orders->stretch_percent);
	leisure_set(orders->leisure_percent);
	if (orders->leisure_percent != d->throttling.leisure_percent) {
		const struct database_limits limits = daemon_database_limits(d);

		d->throttling.leisure_percent = orders->leisure_percent;
		writer_set_database(d->writer, &limits);
	}
}

/* Of a time that something is held down its begin, each worse step and its end are events. */
static void tell(struct daemon *d, uint64_t steady_ns)
{
	struct throttling *t = &d->throttling;
	const struct throttle *throttle = &t->throttle;
	enum throttle_step step = throttle->orders.step;

	if (step == THROTTLE_CALM && t->begun_ns > 0) {
		t->calm_ns = t->calm_ns > 0 ? t->calm_ns : steady_ns;
		if (steady_ns - t->calm_ns < CALM_NS)
			return;
		notes_say(&d->notes, "throttle", "calm: %.1f %% of the CPU are used, the target is %u %%; for %llu s something was held down, up to: "
			  "%s; %llu events were let go of", throttle->use_percent, throttle->wish.target_percent,
			  (unsigned long long)(clock_now_ns() - MIN(clock_now_ns(), t->begun_ns)) / NS_PER_SEC, what_is_done[t->worst],
			  (unsigned long long)(count_let_go(d) - t->let_go_before));
		t->begun_ns = t->calm_ns = 0;
		t->worst = THROTTLE_CALM;
		return;
	}
	t->calm_ns = 0;
	if (step <= t->worst)
		return;
	if (t->begun_ns == 0) {
		t->begun_ns = clock_now_ns();
		t->let_go_before = count_let_go(d);
	}
	t->worst = step;
	log_message(step == THROTTLE_SHED ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "CPU: %.1f %% are used, the target is %u %%: %s",
		    throttle->use_percent, throttle->wish.target_percent, what_is_done[step]);
	notes_say(&d->notes, "throttle", "%s: %.1f %% of the CPU are used, the target is %u %%: %s", throttle_step_names[step],
		  throttle->use_percent, throttle->wish.target_percent, what_is_done[step]);
}

static void look(struct daemon *d)
{
	struct throttle_sample sample = { .n_processors = daemon_cpu_processors(d) };

	thinning_seen(&d->thinning, sample.seen);
	sample.cpu_ns = daemon_cpu_ns(d);
	sample.now_ns = clock_ns(CLOCK_MONOTONIC);
	throttle_look(&d->throttling.throttle, &sample);
	pass_on(d);
	tell(d, sample.now_ns);
}

static void on_timer(uv_timer_t *timer);

/* Samples that are a second apart or more wake nobody: the next look of the control thread takes them. */
static void plan(struct daemon *d)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), next_ns = throttle_next_ns(&d->throttling.throttle);

	if (next_ns < now_ns + TICK_NS && d->throttling.throttle.interval_ns < TICK_NS)
		uv_timer_start(&d->throttling.timer, on_timer, next_ns > now_ns ? (next_ns - now_ns) / NS_PER_MS + 1 : 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	look(d);
	plan(d);
}

void daemon_start_throttle(struct daemon *d)
{
	const struct throttle_wish wish = wish_of(d);

	throttle_init(&d->throttling.throttle, &wish);
	d->throttling.leisure_percent = LEISURE_PERCENT;
	uv_timer_init(&d->loop, &d->throttling.timer);
	d->throttling.timer.data = d;
	look(d);
}

void daemon_tick_throttle(struct daemon *d)
{
	if (uv_is_active((uv_handle_t *)&d->throttling.timer))
		return;
	/* A look comes some microseconds early now and then. */
	if (clock_ns(CLOCK_MONOTONIC) + TICK_NS / 2 >= throttle_next_ns(&d->throttling.throttle))
		look(d);
	plan(d);
}

void daemon_set_throttle(struct daemon *d)
{
	const struct throttle_wish wish = wish_of(d);

	throttle_set(&d->throttling.throttle, &wish);
	if (d->core)
		pass_on(d);
}
