#pragma once
/* Counters of loss over the last minutes: whether they rise, not how much they ever were. */

#include <stdbool.h>
#include <stdint.h>

enum loss_cause {
	CAUSE_KERNEL,
	CAUSE_ENOBUFS,
	CAUSE_SERIALS,
	CAUSE_EBPF,
	CAUSE_RING,
	CAUSE_MEMORY,
	CAUSE_SHED,
	CAUSE_THINNED,
	CAUSE_DATABASE,
	N_CAUSES,
};
extern const char *const loss_cause_names[N_CAUSES];	/* as in the status: lost.NAME */

#define LOSS_WINDOW_MINUTES 10
#define LOSS_STEADY_MINUTES 3

struct loss_window {
	uint64_t at[LOSS_WINDOW_MINUTES + 1][N_CAUSES];	/* totals at the begin of minutes, by minute modulo */
	uint64_t now[N_CAUSES];
	uint64_t begun_ns;		/* 0: not looked yet */
	uint64_t minute;
};

struct loss_rise {
	uint64_t by[N_CAUSES];		/* in the last LOSS_WINDOW_MINUTES, what has begun of one included */
	bool any;
	bool steady;			/* also in each of the last LOSS_STEADY_MINUTES that are over */
};

/* steady_ns: a clock that nobody sets; totals since the start. */
void loss_window_look(struct loss_window *window, uint64_t steady_ns, const uint64_t totals[static N_CAUSES]);
void loss_window_rise(const struct loss_window *window, struct loss_rise *ret);
