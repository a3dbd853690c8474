/* Loaded into a program (LD_PRELOAD) it moves that program's clocks, since those of the machine are others' too: CLOCK_REALTIME and
 * CLOCK_BOOTTIME are so many ns later as the file says that CLOCK_SHIFT names, two numbers of 64 bits that may change at any time.
 * The first alone is a clock that is set; both by the same are a suspended machine, during which CLOCK_MONOTONIC stands. */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SEC 1000000000

static const volatile int64_t none[2], *shifts = none;

static __attribute__((constructor)) void map(void)
{
	const char *name = getenv("CLOCK_SHIFT");
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd >= 0 ? mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (at != MAP_FAILED)
		shifts = at;
	if (fd >= 0)
		close(fd);
}

static int64_t shift_of(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return shifts[0];
	case CLOCK_BOOTTIME:
		return shifts[1];
	default:
		return 0;
	}
}

/* Not by the C library, whose clock_gettime this is. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);
	int64_t shift = shift_of(clock);

	if (r == 0 && shift != 0) {
		int64_t ns = ret->tv_sec * (int64_t)NS_PER_SEC + ret->tv_nsec + shift;

		ret->tv_sec = ns / NS_PER_SEC;
		ret->tv_nsec = ns % NS_PER_SEC;
	}
	return r;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*ret = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
	return 0;
}

__attribute__((visibility("default"))) time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}
