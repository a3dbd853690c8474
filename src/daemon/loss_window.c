/* See loss_window.h. */

#include "daemon/loss_window.h"

#include <string.h>

#include "base/macro.h"

#define MINUTE_NS (60 * NS_PER_SEC)
#define KEPT (LOSS_WINDOW_MINUTES + 1)

const char *const loss_cause_names[N_CAUSES] = {
	[CAUSE_KERNEL] = "kernel", [CAUSE_ENOBUFS] = "enobufs", [CAUSE_SERIALS] = "serial_gaps", [CAUSE_EBPF] = "ebpf",
	[CAUSE_RING] = "ring", [CAUSE_MEMORY] = "memory", [CAUSE_SHED] = "shed", [CAUSE_THINNED] = "thinned", [CAUSE_DATABASE] = "database",
};

void loss_window_look(struct loss_window *window, uint64_t steady_ns, const uint64_t totals[static N_CAUSES])
{
	uint64_t minute;

	if (window->begun_ns == 0)
		window->begun_ns = steady_ns;
	minute = (steady_ns - window->begun_ns) / MINUTE_NS;
	/* Who was away for longer than the window has nothing older in it. */
	if (minute > window->minute + KEPT)
		window->minute = minute - KEPT;
	while (window->minute < minute)
		memcpy(window->at[++window->minute % KEPT], window->now, sizeof(window->now));
	memcpy(window->now, totals, sizeof(window->now));
}

static uint64_t sum(const uint64_t of[static N_CAUSES])
{
	uint64_t n = 0;

	for (unsigned i = 0; i < N_CAUSES; i++)
		n += of[i];
	return n;
}

void loss_window_rise(const struct loss_window *window, struct loss_rise *ret)
{
	uint64_t oldest = window->minute - MIN(window->minute, (uint64_t)LOSS_WINDOW_MINUTES);

	*ret = (struct loss_rise){ .steady = window->minute >= LOSS_STEADY_MINUTES };
	for (unsigned i = 0; i < N_CAUSES; i++) {
		ret->by[i] = window->now[i] - MIN(window->now[i], window->at[oldest % KEPT][i]);
		ret->any |= ret->by[i] > 0;
	}
	for (uint64_t m = window->minute; ret->steady && m > window->minute - LOSS_STEADY_MINUTES; m--)
		ret->steady = sum(window->at[m % KEPT]) > sum(window->at[(m - 1) % KEPT]);
}
