#pragma once
/* Who else reads the kernel's audit by multicast (journald's systemd-journald-audit.socket, say). */

#include "source/comm.h"

struct audit_readers {
	unsigned n_others;
	char name[COMM_BYTES];		/* of the process of one of them; empty: not known */
};

/* -errno: they cannot be found. */
int audit_readers_find(struct audit_readers *ret);
