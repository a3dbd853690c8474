/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* What no subscription wants, left out where it costs least, and counted: files below certain folders, or all but those below
 * certain others, and what processes of certain names do (but for their life, which belongs to the events of others). */

#include "namespaces.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct probe_excluded);
	__type(value, u32);
} excluded_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct probe_excluded);
	__type(value, u32);
} required_paths SEC(".maps");

struct comm_key {
	char name[PROBE_NAME_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct comm_key);
	__type(value, u32);
} excluded_names SEC(".maps");

static __always_inline bool_t is_among(void *map, struct probe_excluded *key, u32 depth, u32 n_names)
{
	u32 *how = bpf_map_lookup_elem(map, key);

	return how && *how & (n_names == depth ? PROBE_EXCLUDE_ITSELF : PROBE_EXCLUDE_BELOW);
}

/* Of the first `depth` names.  1: it is left out; the other way round *required falls when it is among what is wanted. */
static __always_inline bool_t excluded_at(struct probe_control *c, struct probe_excluded *key, u32 depth, u32 n_names,
					  u32 *required)
{
	if (c->excluded_depths & 1 << depth && is_among(&excluded_paths, key, depth, n_names))
		return 1;
	if (*required & 1 << depth && is_among(&required_paths, key, depth, n_names))
		*required = 0;
	return 0;
}

/* Of the path made last in this record. */
static __always_inline bool_t path_is_left_out(struct probe_record *record)
{
	struct scratch *scratch = (struct scratch *)record;
	struct probe_control *c = control_get();
	struct probe_excluded key = { 0 };
	u32 n = scratch->n_names, required, depths;
	const char *first;

	/* Of one that was cut, what came first is not known. */
	if (!c || n == 0 || record->cut & 1 << FILE_PATH)
		return 0;
	required = c->required_depths;
	depths = c->excluded_depths | required;
	if (!depths)
		return 0;
	first = text_at(record, scratch->top[0]);
	if (!(c->first_names & PROBE_FIRST_NAME(first)))
		return required != 0;
	bpf_probe_read_kernel_str(key.name[0], PROBE_EXCLUDED_BYTES, first);
	if (excluded_at(c, &key, 1, n, &required))
		return 1;
	if (n < 2 || !(depths & 12))
		return required != 0;
	bpf_probe_read_kernel_str(key.name[1], PROBE_EXCLUDED_BYTES, text_at(record, scratch->top[1]));
	if (excluded_at(c, &key, 2, n, &required))
		return 1;
	if (n < 3 || !(depths & 8))
		return required != 0;
	bpf_probe_read_kernel_str(key.name[2], PROBE_EXCLUDED_BYTES, text_at(record, scratch->top[2]));
	return excluded_at(c, &key, 3, n, &required) || required != 0;
}

/* What a file is called by other mounts the host may call otherwise: user space finds out. */
static __always_inline bool_t path_is_excluded(struct probe_record *record)
{
	return path_is_left_out(record) && record->body.file.origin & PROBE_MOUNTS_OF_HOST;
}

/* The name that a thread gives itself says nothing: it must be that of the program too. */
static __always_inline bool_t name_is_excluded(void)
{
	struct probe_control *c = control_get();
	struct comm_key key __attribute__((aligned(8))) = { 0 }, program __attribute__((aligned(8))) = { 0 };
	const u64 *a = (const u64 *)&key, *b = (const u64 *)&program;
	struct mm_struct *mm;
	struct file *file;
	struct dentry *dentry;
	const unsigned char *name;

	if (!c || !c->excludes_names)
		return 0;
	bpf_get_current_comm(key.name, sizeof(key.name));
	if (!bpf_map_lookup_elem(&excluded_names, &key))
		return 0;
	mm = UNTRUSTED(current_task())->mm;
	if (!mm)
		return 1;	/* the kernel's own */
	file = READ(mm, exe_file);
	dentry = READ(file, f_path.dentry);
	name = READ(dentry, d_name.name);
	bpf_probe_read_kernel_str(program.name, sizeof(program.name), name);
	_Static_assert(sizeof(key) == 16, "two words");
	return a[0] == b[0] && a[1] == b[1];
}
