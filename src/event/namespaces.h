#pragma once
/* Namespaces of a process, by their inodes (namespaces(7)). */

#include "base/buffer.h"

/* In the order in which they are told; the names are those of /proc/PID/ns. */
#define NAMESPACES(X) X(mnt) X(net) X(pid) X(user) X(uts) X(ipc) X(cgroup) X(time)

#define NAMESPACE_ID(name) NAMESPACE_##name,
enum { NAMESPACES(NAMESPACE_ID) N_NAMESPACES };

extern const char *const namespace_names[N_NAMESPACES];

/* Appends those that are not the host's (0: the host's, or there are none of the kind): `mnt:4026532201 net:4026532204`, or `host`. */
void namespaces_text(struct buffer *text, const uint32_t inodes[static N_NAMESPACES]);
