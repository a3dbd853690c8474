/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* Who asked a name server: only what those read, receive and write is looked into. */

#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u32);
} askers SEC(".maps");

/* A byte by the end of the pid, so that all others go on after one look: set, somebody with such a pid asked. */
#define PIDS 65536u

struct asked_pids {
	u8 by_pid[PIDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct asked_pids);
} asked_pids SEC(".maps");

static __always_inline u8 *asked_byte(u32 pid)
{
	u32 key = 0;
	struct asked_pids *all = bpf_map_lookup_elem(&asked_pids, &key);

	return all ? &all->by_pid[pid & (PIDS - 1)] : NULL;
}

static __always_inline bool_t has_asked(u32 pid)
{
	u8 *is_set = asked_byte(pid);

	return is_set && *is_set;
}

static __always_inline void asker_add(u32 pid)
{
	u8 *is_set = asked_byte(pid);
	u32 one = 1;

	bpf_map_update_elem(&askers, &pid, &one, BPF_ANY);
	if (is_set)
		*is_set = 1;
}

/* Another with such a pid may still be there; it is rare, and asks again. */
static __always_inline void asker_remove(u32 pid)
{
	u8 *is_set = asked_byte(pid);

	if (!is_set || !*is_set)
		return;
	*is_set = 0;
	bpf_map_delete_elem(&askers, &pid);
}

static __always_inline bool_t is_asker(u32 pid)
{
	return has_asked(pid) && bpf_map_lookup_elem(&askers, &pid);
}
