/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* The supplementary groups of a task. */

#include "common.h"

#define MAX_GROUPS 1000u		/* they fit into SLACK */

/* Behind what text n, which begins at `begin`, has already. */
static __always_inline u32 put_groups(struct probe_record *record, u32 n, u32 begin, u32 off, struct task_struct *task)
{
	struct probe_control *c = control_get();
	struct group_info *info;
	u64 bytes;

	if (!c || !c->tells_groups || off >= TEXT_BYTES)
		return off;
	info = READ(task, cred, group_info);
	bytes = (u64)(u32)READ(info, ngroups) * sizeof(kgid_t);
	if (bytes > MAX_GROUPS * sizeof(kgid_t))
		record->cut |= 1 << n;
	*text_at(record, off) = 0;
	barrier_var(bytes);
	if (bytes > MAX_GROUPS * sizeof(kgid_t))
		bytes = MAX_GROUPS * sizeof(kgid_t);
	bpf_probe_read_kernel(text_at(record, off + 1), (u32)bytes, (char *)info + bpf_core_field_offset(struct group_info, gid));
	return text_end(record, n, begin, off + 1 + (u32)bytes);
}
