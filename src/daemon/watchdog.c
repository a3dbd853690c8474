/* See watchdog.h. */

#include "daemon/watchdog.h"

const char *watchdog_look(struct watchdog *watchdog, const struct pulse pulses[static WATCHDOG_THREADS])
{
	const char *stuck = NULL;

	for (size_t i = 0; i < WATCHDOG_THREADS; i++) {
		/* Work that was there at the last look too: what came just now nobody can have begun. */
		if (watchdog->had_work[i] && pulses[i].has_work && pulses[i].turns == watchdog->turns[i])
			stuck = pulses[i].name;
		watchdog->turns[i] = pulses[i].turns;
		watchdog->had_work[i] = pulses[i].has_work;
	}
	return stuck;
}
