#pragma once
/* The line of /proc/PID/stat, as far as somebody needs it (proc_pid_stat(5)). */

#include "base/span.h"

#define PF_KTHREAD 0x00200000u		/* of flags (include/linux/sched.h): a thread of the kernel's own */

struct process_stat {
	struct span comm;		/* borrowed from the line; holds anything, brackets too */
	char state;			/* R, S, Z, ... */
	uint64_t ppid, tty, flags, start_ticks;
};

/* 0; -ESRCH: it is none. */
int process_stat_parse(struct span stat, struct process_stat *ret);
