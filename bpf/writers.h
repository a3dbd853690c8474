/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* How many open files that they wrote to the processes have whose pids end alike: their closes, their execs and their ends are
 * looked at while there are any. */

#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct probe_writers);
} writers SEC(".maps");

static __always_inline struct probe_writers *writers_get(void)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&writers, &key);
}

static __always_inline u32 *pending_of(u32 pid)
{
	struct probe_writers *all = writers_get();

	return all ? &all->pending[PROBE_WRITER(pid)] : NULL;
}

static __always_inline bool_t is_writer(u32 pid)
{
	u32 *pending = pending_of(pid);

	return pending && *pending;
}

static __always_inline void count_pending(u32 pid, u32 by)
{
	u32 *pending = pending_of(pid);

	if (pending)
		__sync_fetch_and_add(pending, by);
}
