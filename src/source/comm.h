#pragma once
/* The name of a process that runs, as the kernel has it (comm). */

#include <stdbool.h>
#include <stdint.h>

#define COMM_BYTES 16			/* TASK_COMM_LEN, include/linux/sched.h */

/* false: there is none; *ret is empty then. */
bool comm_read(uint32_t pid, char ret[static COMM_BYTES]);
