#pragma once
/* Numbers of system calls by name, on the architectures of this host.  A thin layer over libaudit, which may be older than
 * the kernel. */

#include <stddef.h>

/* The architecture of this kernel, and that of the 32-bit programs it runs (libaudit's numbers); the latter -1: unknown. */
struct call_machines {
	int native, narrow;
};
struct call_machines call_machines(void);

int call_number(const char *name, int machine);		/* < 0: there is none */
const char *call_name(int number, int machine);		/* NULL: unknown */
