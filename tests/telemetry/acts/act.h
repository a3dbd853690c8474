#pragma once
/* What the acts share.  An act is a program that does one thing by system calls of its own, no shell and no library between, and ends
 * with 0 if it was done, with 77 if this kernel has no such thing, else with 1 and why. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOT_HERE 77

static inline long call_done(const char *what, long result)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(errno == ENOSYS ? NOT_HERE : 1);
}

/* A system call that must not fail.  Its arguments are passed on as they are: all of them words. */
#define CALL(name, ...) call_done(#name, syscall(SYS_##name, __VA_ARGS__))

static inline const char *argument(int argc, char **argv, int n)
{
	if (n < argc)
		return argv[n];
	fprintf(stderr, "%s: argument %d is missing\n", argv[0], n);
	_exit(1);
}
