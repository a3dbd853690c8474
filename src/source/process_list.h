#pragma once
/* The processes that run now, as /proc lists them: as much as says which one it is, and since when. */

#include <stdbool.h>
#include <stdint.h>

struct listed_process {
	uint32_t pid;
	char name[64];
	uint64_t start_ns;		/* CLOCK_BOOTTIME, rounded down to PROCESS_TICK_NS */
	bool is_kernel;			/* a thread of the kernel's own */
};

#define PROCESS_TICK_NS UINT64_C(10000000)	/* USER_HZ is 100 in all that the kernel tells (include/asm-generic/param.h) */

typedef void (*listed_process_fn)(void *user, const struct listed_process *process);
/* Those that have not ended.  0 or -errno. */
int process_list_each(listed_process_fn fn, void *user);
/* One line of /proc/PID/stat.  false: it is none, or that of a process that has ended. */
bool process_list_read(struct listed_process *ret, const char *text);
