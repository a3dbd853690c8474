#pragma once
/* The file that has auditd start our plugin, `recorder audit-pipe`.  It is there while records come that way, and no longer. */

#include <stdint.h>

struct plugin {
	char path[256];			/* of the file, below the root of the host; empty: auditd has no folder for it */
	uint64_t again_ns;		/* CLOCK_MONOTONIC: auditd is told again then; 0: it need not be... */
	uint64_t wait_ns;		/* ...after that time */
	char problem[384];		/* why it is not as it is to be; empty: it is */
};
