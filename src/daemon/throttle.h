#pragma once
/* Holds what the recorder takes of the processors to a target, on average: first what can wait does less, then everybody works in larger
 * batches, then events are let go of by class.
 *
 * One number drives all, the pressure, in octaves.  It rises by the logarithm of what is used to what is aimed at, and falls by it.  Each step is
 * a piece of its range, so the next begins when the one before has given all:
 *
 *	0..4	THROTTLE_DEFER	what can wait takes 25 % of a processor, 12, 6, 3, at last 1.6 %
 *	4..6	THROTTLE_BATCH	naps and commits are 1 to 4 times as far apart
 *	6..16	THROTTLE_SHED	of the events that may be let go of all are kept, a half, a quarter, at last one in 1,024
 *
 * Use grows less than proportionally with each of these, so a loop in logarithms comes to rest whatever an event costs, and does not swing.
 * Nothing is let go of for a burst: what was not used is a credit, of CREDIT seconds of the target at most, that must be spent first.
 *
 * A pure function of its samples: it reads no clock and sets nothing. */

#include <stdbool.h>
#include <stdint.h>

enum throttle_step { THROTTLE_CALM, THROTTLE_DEFER, THROTTLE_BATCH, THROTTLE_SHED, N_THROTTLE_STEPS };
extern const char *const throttle_step_names[N_THROTTLE_STEPS];	/* calm, defer, batch, shed */

#define THROTTLE_CLASSES 8u		/* `shed` of kinds.def: 1 goes first, 7 last, 0 never */
#define THROTTLE_ALL 65536u
#define THROTTLE_CREDIT_S 15		/* seconds of the target */

struct throttle_wish {
	unsigned target_percent;
	bool of_machine;		/* 100 % are all processors, not one */
	uint64_t min_ns, max_ns;	/* between two samples */
};

struct throttle_sample {
	uint64_t now_ns, cpu_ns;	/* CLOCK_MONOTONIC; used since the start, never less */
	unsigned n_processors;
	uint64_t seen[THROTTLE_CLASSES];	/* events of each class since the start, let go of or not */
};

/* What is to be done. */
struct throttle_orders {
	enum throttle_step step;
	unsigned leisure_percent;	/* of a processor, for what can wait */
	unsigned stretch_percent;	/* of naps and of the time between commits: 100 to 400 */
	uint32_t keep[THROTTLE_CLASSES];	/* of THROTTLE_ALL */
};

struct throttle {
	struct throttle_wish wish;
	struct throttle_orders orders;
	double use_percent;		/* mean of the last half second or so, in the unit of the target */
	double pressure;		/* octaves */
	double credit;			/* seconds of the target */
	/* Inside. */
	double rate[THROTTLE_CLASSES];	/* events a second */
	struct throttle_sample last;
	uint64_t interval_ns;
	bool has_sample;
};

void throttle_init(struct throttle *throttle, const struct throttle_wish *wish);
void throttle_set(struct throttle *throttle, const struct throttle_wish *wish);	/* the pressure stays */
void throttle_look(struct throttle *throttle, const struct throttle_sample *sample);
/* When the next sample is due: soon while something is to be held down, else ever later. */
uint64_t throttle_next_ns(const struct throttle *throttle);
