/* See throttle.h. */

#include "daemon/throttle.h"

#include <math.h>

#include "base/leisure.h"
#include "base/macro.h"

#define BATCH_AT 4.0			/* octaves */
#define SHED_AT 6.0
#define MOST 16.0
/* An integrator with a lag before it: critically damped or better while their product is at most a half. */
#define OCTAVES_A_SECOND 1.0		/* for each octave that the use is off */
#define LAG_S 0.5
#define MOST_OFF 2.0			/* octaves: a stop is no reason to forget all at once */
#define MOST_S 1.0			/* that a sample counts for */
#define NEAR 0.8			/* of the target: from here on samples are close together */

const char *const throttle_step_names[N_THROTTLE_STEPS] = { "calm", "defer", "batch", "shed" };

static void give_orders(struct throttle *throttle);

void throttle_init(struct throttle *throttle, const struct throttle_wish *wish)
{
	*throttle = (struct throttle){ .credit = THROTTLE_CREDIT_S };
	throttle_set(throttle, wish);
	give_orders(throttle);
}

void throttle_set(struct throttle *throttle, const struct throttle_wish *wish)
{
	throttle->wish = *wish;
	throttle->wish.max_ns = MAX(wish->min_ns, wish->max_ns);
	throttle->interval_ns = wish->min_ns;
}

/* Of what comes a share is kept: the classes that go last have it first. */
static void share_out(const struct throttle *throttle, double share, uint32_t keep[static THROTTLE_CLASSES])
{
	double left = 0;

	for (unsigned i = 1; i < THROTTLE_CLASSES; i++)
		left += throttle->rate[i] * share;
	keep[0] = THROTTLE_ALL;
	for (unsigned i = THROTTLE_CLASSES; --i > 0;) {
		double rate = throttle->rate[i], kept = share >= 1 ? rate : fmin(rate, left);

		/* Nothing came of it lately: the first goes as its neighbours do. */
		keep[i] = rate > 0 ? (uint32_t)(kept / rate * THROTTLE_ALL) : left > 0 || share >= 1 ? THROTTLE_ALL : 0;
		left -= kept;
	}
}

static void give_orders(struct throttle *throttle)
{
	double x = throttle->pressure;
	struct throttle_orders *orders = &throttle->orders;

	orders->step = x <= 0 ? THROTTLE_CALM : x <= BATCH_AT ? THROTTLE_DEFER : x <= SHED_AT ? THROTTLE_BATCH : THROTTLE_SHED;
	orders->leisure_percent = (unsigned)fmax(1, LEISURE_PERCENT * exp2(-fmin(x, BATCH_AT)));
	orders->stretch_percent = (unsigned)(100 * exp2(fmin(fmax(x - BATCH_AT, 0), SHED_AT - BATCH_AT)));
	share_out(throttle, exp2(-fmax(x - SHED_AT, 0)), orders->keep);
}

static void look_at_events(struct throttle *throttle, const struct throttle_sample *sample, double s, double weight)
{
	for (unsigned i = 0; i < THROTTLE_CLASSES; i++) {
		double rate = (double)(sample->seen[i] - throttle->last.seen[i]) / s;

		throttle->rate[i] += weight * (rate - throttle->rate[i]);
		if (throttle->rate[i] < 0.01)
			throttle->rate[i] = 0;
	}
}

static void press(struct throttle *throttle, double use, double s)
{
	double target = throttle->wish.target_percent, ratio = throttle->use_percent / target;
	double off = ratio > 0 ? fmin(fmax(log2(ratio), -MOST_OFF), MOST_OFF) : -MOST_OFF, before = throttle->pressure;

	throttle->credit = fmin(fmax(throttle->credit + (1 - use / target) * s, 0), THROTTLE_CREDIT_S);
	throttle->pressure = fmin(fmax(before + OCTAVES_A_SECOND * off * fmin(s, MOST_S), 0), MOST);
	if (before <= SHED_AT && throttle->credit > 0)
		throttle->pressure = fmin(throttle->pressure, SHED_AT);
	throttle->interval_ns = throttle->pressure > 0 || ratio > NEAR ? throttle->wish.min_ns :
									  MIN(throttle->interval_ns * 2, throttle->wish.max_ns);
}

void throttle_look(struct throttle *throttle, const struct throttle_sample *sample)
{
	double s = (double)(sample->now_ns - throttle->last.now_ns) / NS_PER_SEC, use, weight;

	if (throttle->has_sample && sample->now_ns <= throttle->last.now_ns)
		return;
	if (throttle->has_sample) {
		use = 100 * (double)(sample->cpu_ns - throttle->last.cpu_ns) / NS_PER_SEC / s /
		      (throttle->wish.of_machine ? MAX(sample->n_processors, 1u) : 1);
		weight = 1 - exp(-s / LAG_S);
		throttle->use_percent += weight * (use - throttle->use_percent);
		look_at_events(throttle, sample, s, weight);
		press(throttle, use, s);
		give_orders(throttle);
	}
	throttle->last = *sample;
	throttle->has_sample = true;
}

uint64_t throttle_next_ns(const struct throttle *throttle)
{
	return throttle->has_sample ? throttle->last.now_ns + throttle->interval_ns : 0;
}
