#pragma once
/* What /proc/PID/cgroup says of a process: its container and its systemd unit. */

#include "base/span.h"

struct cgroup {
	struct span container;		/* id or name; empty: none */
	struct span runtime;		/* "docker", ...; empty: not known from the path */
	struct span unit;		/* innermost service or scope, as in the path (\x2d escapes kept) */
};

/* `text` is the file as read; what is found borrows from it. Names that are not of the right form are not
 * taken. */
void cgroup_parse(struct span text, struct cgroup *ret);
