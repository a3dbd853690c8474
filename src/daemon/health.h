#pragma once
/* Is all well?  A table of checks, each with a level, why, and the mend (SPEC section 8).  The checks judge what vitals.h says and
 * read nothing themselves. */

#include "base/buffer.h"
#include "daemon/vitals.h"

enum health_level { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL };
extern const char *const health_level_names[];	/* ok, warn, fail */

#define N_HEALTH_CHECKS 21

struct health_state {
	enum health_level level;
	uint64_t since_ns;		/* 0: since the start */
	char why[512];
	char mend[384];			/* empty: nothing to mend */
};

struct health {
	struct health_state states[N_HEALTH_CHECKS];
	uint64_t logged_ns;		/* when the standing ones were, by a clock that nobody sets */
};

struct health_check {
	const char *id;			/* stable: "source", "rules", ... */
	const char *title;
	enum health_level (*run)(const struct vitals *vitals, struct health_state *state);
};
extern const struct health_check health_checks[N_HEALTH_CHECKS];

/* Runs all; changed: told of each check whose level is another now, with the one before.  May be NULL. */
void health_look(struct health *health, const struct vitals *vitals,
		 void (*changed)(void *user, const struct health_check *check, const struct health_state *state,
				 enum health_level before),
		 void *user);
enum health_level health_worst(const struct health *health);
/* A line for each that is not ok, if interval_ns have passed since the last time. */
void health_log_standing(struct health *health, uint64_t steady_ns, uint64_t interval_ns);
void health_log(const struct health_check *check, const struct health_state *state);
/* {"level":"warn","checks":[{"id","title","level","since","why","mend"}]} */
void health_json(const struct health *health, struct buffer *buffer);
