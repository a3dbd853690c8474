/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* Which namespaces a task is in. */

#include "common.h"

/* Of the host; the loader knows them. */
const volatile unsigned int host_namespaces[PROBE_N_NAMESPACES];

static __always_inline u64 foreign(u32 inode, u32 n)
{
	return inode == host_namespaces[n] ? 0 : inode;
}

/* What the kernel was built without has no type, or no member. */
#define INODE_OF(proxy, type, member) \
	(bpf_core_field_exists(struct nsproxy, member) && bpf_core_field_exists(struct type, ns) ? READ(proxy, member, ns.inum) : 0)

/* As a record has them: two a number, in the order of event/namespaces.h.  0: it ends and has none. */
static __always_inline bool_t namespaces_of(u64 to[PROBE_N_NAMESPACES / 2], struct task_struct *task)
{
	struct task_struct *of = UNTRUSTED(task);
	struct nsproxy *proxy = of->nsproxy;

	if (!proxy)
		return 0;
	to[0] = foreign(READ(proxy, mnt_ns, ns.inum), 0) | foreign(READ(proxy, net_ns, ns.inum), 1) << 32;
	to[1] = foreign(READ(upid_of(task), ns, ns.inum), 2) | foreign(READ(of, cred, user_ns, ns.inum), 3) << 32;
	to[2] = foreign(INODE_OF(proxy, uts_namespace, uts_ns), 4) | foreign(INODE_OF(proxy, ipc_namespace, ipc_ns), 5) << 32;
	to[3] = foreign(INODE_OF(proxy, cgroup_namespace, cgroup_ns), 6) | foreign(INODE_OF(proxy, time_namespace, time_ns), 7) << 32;
	return 1;
}

/* Whose mounts the path is of that was walked last: it may have come from elsewhere than its process is. */
static __always_inline u32 mounts_walked(struct scratch *scratch)
{
	struct mount *uppermost = (struct mount *)scratch->uppermost;
	u32 inode = READ(uppermost, mnt_ns, ns.inum);	/* 0 too where the pointer is none: the kernel's own mounts have an error there */

	/* The first of all has a number below the others (since 6.18), and is the host's also where nobody may look at that of process 1. */
	if (inode && (inode == host_namespaces[0] || inode < PROBE_MOUNTS_FIRST))
		return PROBE_MOUNTS_OF_HOST;
	return inode ? PROBE_MOUNTS(inode) : PROBE_MOUNTS_OF_NONE;
}

/* The path of a file, and of whose mounts. */
static __always_inline u32 put_walked(struct probe_record *record, u32 off, struct file *file)
{
	u32 end = put_file_path(record, FILE_PATH, off, file);

	record->body.file.origin = mounts_walked((struct scratch *)record);
	return end;
}

/* Into the values of a record whose body is a call. */
static __always_inline void put_namespaces(struct probe_record *record, struct task_struct *task)
{
	u64 of[PROBE_N_NAMESPACES / 2];

	if (!namespaces_of(of, task))
		return;
	__builtin_memcpy(&record->body.call.value[PROBE_NAMESPACES_AT], of, sizeof(of));
	record->head.flags |= PROBE_NAMESPACES;
}
