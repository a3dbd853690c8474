/* See audit_netlink.h. */

#include "source/audit_netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int audit_netlink_open(int *ret_fd)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	int r;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)(void *)&self, sizeof(self)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int audit_netlink_send(int fd, uint16_t type, uint16_t flags, uint32_t seq, const void *payload, size_t size)
{
	static const char padding[NLMSG_ALIGNTO];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr header = {
		.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
		.nlmsg_seq = seq,
	};
	struct iovec parts[] = {
		{ &header, sizeof(header) },
		{ (void *)(uintptr_t)payload, size },
		{ (void *)(uintptr_t)padding, NLMSG_ALIGN(size) - size },
	};
	struct msghdr message = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = parts,
		.msg_iovlen = ARRAY_SIZE(parts),
	};

	if (sendmsg(fd, &message, 0) < 0)
		return -errno;
	return 0;
}
