/* See pressure.h. */

#include "daemon/pressure.h"

#include "base/macro.h"

#define HOLD_NS	    NS_PER_SEC
#define HOLD_MAX_NS (16 * NS_PER_SEC)
#define ANEW_NS	    (10 * NS_PER_SEC)	/* who must begin again within it ended too soon */

uint16_t pressure_of(uint64_t used, uint64_t room)
{
	return room == 0 ? 0 : (uint16_t)MIN(used * 1000 / room, UINT64_C(1000));
}

static enum shed_cause fullest(const struct pressure_now *now)
{
	enum shed_cause cause = SHED_BY_RING;

	for (unsigned i = 0; i < N_SHED_CAUSES; i++)
		if (now->of[i] > now->of[cause])
			cause = (enum shed_cause)i;
	return cause;
}

/* The clock may have been set back: nothing is held for longer than the longest hold. */
static bool is_held(uint64_t until_ns, uint64_t now_ns)
{
	return now_ns < until_ns && until_ns - now_ns <= HOLD_MAX_NS;
}

static void begin(struct pressure *pressure, enum shed_step step, uint64_t now_ns)
{
	__typeof__(pressure->steps[0]) *s = &pressure->steps[step];
	bool is_anew = s->ended_ns > 0 && now_ns >= s->ended_ns && now_ns - s->ended_ns < ANEW_NS;

	s->hold_ns = is_anew ? MIN(s->hold_ns * 2, HOLD_MAX_NS) : HOLD_NS;
	s->until_ns = now_ns + s->hold_ns;
	pressure->step = step;
}

int pressure_look(struct pressure *pressure, const struct pressure_now *now, uint64_t now_ns, struct shed_change *ret)
{
	enum shed_cause cause = fullest(now);
	enum shed_step step = pressure->step;
	uint16_t of = now->of[cause];

	if (step + 1 < N_SHED_STEPS && of >= shed_steps[step + 1].begin) {
		begin(pressure, step + 1, now_ns);
		*ret = (struct shed_change){ step + 1, true, cause, of };
		return 1;
	}
	if (step == SHED_NOTHING || of >= shed_steps[step].end ||
	    (!now->at_once && is_held(pressure->steps[step].until_ns, now_ns)))
		return 0;
	pressure->steps[step].ended_ns = now_ns;
	pressure->step = step - 1;
	*ret = (struct shed_change){ step, false, cause, of };
	return 1;
}
