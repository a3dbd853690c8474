#pragma once
/* Suspends recording when the recorder takes too much of the processors for too long, whatever the throttle does: for a while, and when that
 * happens again and again until a person says otherwise.
 *
 * Too much: in the mean of ResourceMonitorSustainedSecs at least ResourceMonitorCPUPercent, in the unit that the
 * throttle has (CpuThrottleCalculateTotalSystem).  Of the suspensions of the last ResourceMonitorTrackedWindowMins the first
 * ResourceMonitorRetryAttempts end after ResourceMonitorRetryBackoffTimeSecs, the next one sticks.
 *
 * A state machine of its samples and of the clock on the wall, since its suspensions outlive the process and the boot; what it
 * remembers is text (resource_monitor_write). */

#include "base/buffer.h"

#define RESOURCE_SUSPENSIONS 1001u	/* ResourceMonitorRetryAttempts is 1,000 at most */
#define RESOURCE_PIECES 8u		/* of the time that is sustained */
#define RESOURCE_MARKS (RESOURCE_PIECES + 2)

enum resource_state { RESOURCE_OK, RESOURCE_SUSPENDED, RESOURCE_STICKY };

struct resource_wish {
	bool disabled;
	double percent;
	unsigned attempts;
	uint64_t sustained_ns, backoff_ns, window_ns;
};

struct resource_sample {
	uint64_t now_ns;		/* since 1970 */
	uint64_t steady_ns;		/* CLOCK_MONOTONIC */
	uint64_t cpu_ns;		/* used since the start of the process */
	unsigned n_processors;		/* that are 100 % */
};

struct resource_monitor {
	struct resource_wish wish;
	enum resource_state state;
	uint64_t suspended_ns[RESOURCE_SUSPENSIONS];	/* when, the oldest first; since 1970 */
	unsigned n;
	double percent;			/* that led to the last one */
	/* Inside. */
	struct resource_mark {
		uint64_t steady_ns, cpu_ns;
	} marks[RESOURCE_MARKS];	/* a ring */
	unsigned n_marks, next_mark;
};

void resource_monitor_init(struct resource_monitor *monitor, const struct resource_wish *wish);
/* Once a second or so.  true: the state is another now. */
bool resource_monitor_look(struct resource_monitor *monitor, const struct resource_sample *sample);
/* Other settings; acts at the next look. */
void resource_monitor_set(struct resource_monitor *monitor, const struct resource_wish *wish);
/* A person wants it to go on: all suspensions are forgotten.  true: there was one. */
bool resource_monitor_resume(struct resource_monitor *monitor);
/* When the one that stands began, and when it ends; 0: there is none, it does not end by itself. */
uint64_t resource_monitor_since_ns(const struct resource_monitor *monitor);
uint64_t resource_monitor_until_ns(const struct resource_monitor *monitor);
/* A line, and back: 0, or -EINVAL, and nothing is changed. */
void resource_monitor_write(const struct resource_monitor *monitor, struct buffer *text);
int resource_monitor_read(struct resource_monitor *monitor, struct span text);
