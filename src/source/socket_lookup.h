#pragma once
/* What the socket that a process has open is connected to, and from where. */

#include "event/socket_ends.h"

/* Looks at the socket itself, by a descriptor of our own for the moment, so it does not matter which network namespace it is of.
 * 0; -EOPNOTSUPP: this kernel cannot be asked (before Linux 5.6), or does not let us; -EAFNOSUPPORT: no socket of the internet;
 * -ENOTSOCK, -EBADF, -ESRCH: no such socket any more. */
int socket_lookup(uint32_t pid, int32_t fd, struct socket_ends *ret);
