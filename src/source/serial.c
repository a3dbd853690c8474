/* See serial.h.  The window is a bitmap over the serials from base on; deciding means to move base up, over
 * serials that came and over those given up.  Adjoining ones that were given up are one gap, reported when
 * the next one that came ends it, so that a loss of thousands is one row and its end is known. */

#include "source/serial.h"

#define FAR_BEHIND_MAX 64u	/* in a row; then the count was begun anew, lower */

static bool is_seen(const struct serial_tracker *tracker, uint32_t serial)
{
	serial %= SERIAL_WINDOW;
	return tracker->seen[serial / 64] >> (serial % 64) & 1;
}

static void restart(struct serial_tracker *tracker, uint32_t serial, uint64_t time_ns)
{
	memset(tracker->seen, 0, sizeof(tracker->seen));
	tracker->started = true;
	tracker->base = tracker->next = serial + 1;
	tracker->n_behind = 0;
	tracker->run = 0;
	tracker->last_ns = time_ns;
}

/* Gives up every hole below `limit`, then goes on over what came already. */
static int decide(struct serial_tracker *tracker, uint32_t limit, serial_gap_fn emit, void *user)
{
	int r = 0;

	while (tracker->base != tracker->next) {
		uint32_t serial = tracker->base % SERIAL_WINDOW;

		if (is_seen(tracker, serial)) {
			tracker->seen[serial / 64] &= ~(UINT64_C(1) << (serial % 64));
			tracker->base++;
			if (tracker->run && r >= 0) {
				struct gap gap = {
					.begin_ns = MIN(tracker->last_ns, tracker->time_ns[serial]),
					.end_ns = tracker->time_ns[serial],
					.class_name = "all",
					.cause = "serial_gap",
					.count_known = true,
					.exact = true,
					.count = tracker->run,
				};

				r = emit(user, &gap);
			}
			tracker->run = 0;
			tracker->last_ns = tracker->time_ns[serial];
		} else if ((int32_t)(limit - tracker->base) > 0) {
			tracker->base++;
			tracker->run++;
			tracker->lost++;
		} else {
			break;
		}
	}
	return r < 0 ? r : 0;
}

/* The first serial from base on that came; there is one, or the window has no hole. */
static uint32_t first_seen(const struct serial_tracker *tracker)
{
	uint32_t serial = tracker->base;

	while (serial != tracker->next && !is_seen(tracker, serial))
		serial++;
	return serial;
}

int serial_tick(struct serial_tracker *tracker, uint64_t now_ns, serial_gap_fn emit, void *user)
{
	if (likely(tracker->base == tracker->next) || now_ns < tracker->hole_ns ||
	    now_ns - tracker->hole_ns < SERIAL_HOLD_NS)
		return 0;
	tracker->hole_ns = now_ns;
	return decide(tracker, first_seen(tracker), emit, user);
}

int serial_push(struct serial_tracker *tracker, uint32_t serial, uint64_t time_ns, serial_gap_fn emit,
		void *user)
{
	int32_t ahead = (int32_t)(serial - tracker->base);
	uint32_t base_before = tracker->base;
	int r = 0;

	if (unlikely(!tracker->started)) {
		restart(tracker, serial, time_ns);
		return 0;
	}
	if (ahead < 0) {
		if (ahead >= -(int32_t)SERIAL_WINDOW)
			tracker->n_behind = 0;
		else if (++tracker->n_behind >= FAR_BEHIND_MAX)
			restart(tracker, serial, time_ns);
		return 0;
	}
	tracker->n_behind = 0;

	if (unlikely((uint32_t)ahead > SERIAL_JUMP)) {
		struct gap gap = {
			.begin_ns = MIN(tracker->last_ns, time_ns),
			.end_ns = time_ns,
			.class_name = "all",
			.cause = "serial_jump",
		};

		restart(tracker, serial, time_ns);
		return emit(user, &gap);
	}
	if (unlikely((uint32_t)ahead >= SERIAL_WINDOW)) {
		uint32_t limit = serial - SERIAL_WINDOW + 1;

		r = decide(tracker, limit, emit, user);
		if ((int32_t)(limit - tracker->base) > 0) {	/* beyond all that was seen */
			tracker->run += limit - tracker->base;
			tracker->lost += limit - tracker->base;
			tracker->base = limit;
		}
	}

	if (tracker->base == tracker->next)
		tracker->hole_ns = time_ns;
	tracker->seen[serial % SERIAL_WINDOW / 64] |= UINT64_C(1) << (serial % 64);
	tracker->time_ns[serial % SERIAL_WINDOW] = time_ns;
	if ((int32_t)(serial + 1 - tracker->next) > 0)
		tracker->next = serial + 1;
	if (r >= 0)
		r = decide(tracker, tracker->base, emit, user);
	if (tracker->base != base_before)
		tracker->hole_ns = time_ns;	/* another hole, of unknown age: it gets its time too */
	if (r >= 0 && unlikely(tracker->base != tracker->next))
		r = serial_tick(tracker, time_ns, emit, user);
	return r;
}
