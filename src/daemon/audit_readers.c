/* See audit_readers.h.  /proc/net/netlink has a line a socket of this network namespace: the address, the protocol, the port, the
 * groups (the first 32, in hex), five numbers, the inode (net/netlink/af_netlink.c, netlink_native_seq_show).  The port of a
 * program's first netlink socket is its pid, by custom. */

#include "daemon/audit_readers.h"

#include <dirent.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/span.h"

#define READLOG (1u << (AUDIT_NLGRP_READLOG - 1))

static bool is_ours(unsigned long inode)
{
	char wanted[64], target[64], path[300];
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	while (!found && (entry = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		n = readlink(path, target, sizeof(target));
		found = n > 0 && span_eq((struct span){ target, (size_t)n }, span_of(wanted));
	}
	closedir(dir);
	return found;
}

int audit_readers_find(struct audit_readers *ret)
{
	FILE *f = fopen("/proc/self/net/netlink", "re");
	char line[256];

	if (!f)
		return -errno;
	*ret = (struct audit_readers){ 0 };
	while (fgets(line, sizeof(line), f)) {
		unsigned protocol, port, groups;
		unsigned long inode;

		if (sscanf(line, "%*s %u %u %x %*s %*s %*s %*s %*s %lu", &protocol, &port, &groups, &inode) != 4 ||
		    protocol != NETLINK_AUDIT || !(groups & READLOG) || is_ours(inode))
			continue;
		ret->n_others++;
		(void)comm_read(port, ret->name);
	}
	fclose(f);
	return 0;
}
