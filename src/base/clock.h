#pragma once
/* The clocks of the kernel in nanoseconds.  Not for the core: it gets its time with the records. */

#include <stdint.h>
#include <time.h>

#include "base/macro.h"

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Since 1970. */
static inline uint64_t clock_now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* A moment by the clock that people read and that may be set, and by one that nobody sets. */
struct moment {
	uint64_t real_ns, boot_ns;
};

static inline struct moment moment_now(void)
{
	return (struct moment){ .real_ns = clock_now_ns(), .boot_ns = clock_ns(CLOCK_BOOTTIME) };
}

/* When it was, by the clock as it is now, set since or not. */
static inline uint64_t moment_ns(const struct moment *moment, const struct moment *now)
{
	uint64_t ago_ns = now->boot_ns - MIN(moment->boot_ns, now->boot_ns);

	return now->real_ns - MIN(ago_ns, now->real_ns);
}

static inline struct timespec clock_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_nsec = (long)(ns % NS_PER_SEC) };
}

static inline void clock_sleep_ns(uint64_t ns)
{
	const struct timespec ts = clock_timespec(ns);

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* That much later than now on CLOCK_MONOTONIC: the end of a timed wait. */
static inline struct timespec clock_after(uint64_t timeout_ns)
{
	return clock_timespec(clock_ns(CLOCK_MONOTONIC) + timeout_ns);
}
