/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* Which namespaces a task is in. */

#include "common.h"

/* Of the host; the loader knows them. */
const volatile unsigned int host_namespaces[PROBE_N_NAMESPACES];

static __always_inline struct pid_namespace *pid_namespace_of(struct task_struct *task)
{
	struct pid *pid = UNTRUSTED(task)->thread_pid;
	u32 level = pid->level;
	char *numbers = (char *)pid + bpf_core_field_offset(struct pid, numbers);
	struct pid_namespace *ns = NULL;

	bpf_probe_read_kernel(&ns, sizeof(ns),
			      numbers + level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, ns));
	return ns;
}

/* Most children have all that their parent has. */
static __always_inline bool_t namespaces_differ(struct task_struct *a, struct task_struct *b)
{
	return UNTRUSTED(a)->nsproxy != UNTRUSTED(b)->nsproxy || UNTRUSTED(a)->cred->user_ns != UNTRUSTED(b)->cred->user_ns ||
	       UNTRUSTED(a)->thread_pid->level != UNTRUSTED(b)->thread_pid->level;
}

static __always_inline u64 foreign(u32 inode, u32 n)
{
	return inode == host_namespaces[n] ? 0 : inode;
}

/* Into the values of a record whose body is a call. */
static __always_inline void put_namespaces(struct probe_record *record, struct task_struct *task)
{
	struct task_struct *of = UNTRUSTED(task);
	struct nsproxy *proxy = of->nsproxy;
	probe_u64 *to = &record->body.call.value[PROBE_NAMESPACES_AT];
	u32 time = 0;

	if (!proxy)			/* it ends */
		return;
	if (bpf_core_field_exists(struct nsproxy, time_ns))	/* since 5.6 */
		time = READ(proxy, time_ns, ns.inum);
	to[0] = foreign(READ(proxy, mnt_ns, ns.inum), 0) | foreign(READ(proxy, net_ns, ns.inum), 1) << 32;
	to[1] = foreign(READ(pid_namespace_of(task), ns.inum), 2) | foreign(READ(of, cred, user_ns, ns.inum), 3) << 32;
	to[2] = foreign(READ(proxy, uts_ns, ns.inum), 4) | foreign(READ(proxy, ipc_ns, ns.inum), 5) << 32;
	to[3] = foreign(READ(proxy, cgroup_ns, ns.inum), 6) | foreign(time, 7) << 32;
	record->head.flags |= PROBE_NAMESPACES;
}
