/* See socket_lookup.h.  Not by sock_diag(7): that finds a socket by its addresses, of which one is what is asked for, knows but the
 * namespace that it is asked in, and tells whose a socket is by an inode that only /proc/PID/fd shows. */

#include "source/socket_lookup.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

union address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
	struct sockaddr_storage room;
};

static int end_of(const union address *address, struct socket_end *ret)
{
	struct socket_end end = { .ip_size = 4 };

	switch (address->any.sa_family) {
	case AF_INET:
		memcpy(end.ip, &address->ipv4.sin_addr, 4);
		end.port = ntohs(address->ipv4.sin_port);
		break;
	case AF_INET6:
		end.port = ntohs(address->ipv6.sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&address->ipv6.sin6_addr)) {
			memcpy(end.ip, address->ipv6.sin6_addr.s6_addr + 12, 4);
		} else {
			memcpy(end.ip, address->ipv6.sin6_addr.s6_addr, 16);
			end.ip_size = 16;
		}
		break;
	default:
		return -EAFNOSUPPORT;
	}
	*ret = end;
	return 0;
}

static int ends_of(int fd, struct socket_ends *ret)
{
	struct socket_ends ends = { 0 };
	union address address;
	socklen_t size = sizeof(address);
	int r;

	if (getsockname(fd, &address.any, &size) < 0)
		return -errno;
	r = end_of(&address, &ends.local);
	if (r < 0)
		return r;
	size = sizeof(address);
	if (getpeername(fd, &address.any, &size) == 0 && size > 0)
		r = end_of(&address, &ends.remote);
	if (r == 0)
		*ret = ends;
	return r;
}

/* Not a file that whoever closes it last has to wait for. */
static int check_kind(uint32_t pid, int32_t fd)
{
	char link[48], target[16];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/fd/%d", pid, fd);
	n = readlink(link, target, sizeof(target));
	if (n < 0)
		return errno == ENOENT ? -EBADF : -errno;
	return n > 8 && memcmp(target, "socket:[", 8) == 0 ? 0 : -ENOTSOCK;
}

int socket_lookup(uint32_t pid, int32_t fd, struct socket_ends *ret)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), own, r;

	if (process < 0)
		return errno == ENOSYS || errno == EPERM ? -EOPNOTSUPP : -errno;
	r = check_kind(pid, fd);
	if (r < 0) {
		close(process);
		return r;
	}
	own = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	r = own < 0 ? -errno : ends_of(own, ret);
	if (own >= 0)
		close(own);
	close(process);
	return r == -ENOSYS || r == -EPERM ? -EOPNOTSUPP : r;
}
