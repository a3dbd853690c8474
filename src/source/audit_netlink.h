#pragma once
/* The netlink protocol of the kernel's audit, as far as both the reader and the control need it. */

#include <linux/audit.h>
#include <linux/netlink.h>

#include "base/macro.h"

#define AUDIT_NETLINK_ALIGNED __attribute__((aligned(8)))

/* A socket with a port of its own.  -errno as audit_control_why() explains. */
int audit_netlink_open(int *ret_fd);
/* Sends a request to the kernel, which acts on it, and queues its acknowledgement, before this returns. */
int audit_netlink_send(int fd, uint16_t type, uint16_t flags, uint32_t seq, const void *payload, size_t size);
