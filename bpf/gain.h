/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* Files that give who opens them more than a file: the memory of another process, the bytes of a disk, the memory of the machine.
 * What they are is told by the inode that was opened, whatever name led there. */

#include "common.h"

#define S_IFCHR 0020000
#define S_IFBLK 0060000
#define PROC_SUPER_MAGIC 0x9fa0
#define MEMORY_DEVICES (1u << 20)	/* major number 1, as the kernel keeps it (linux/kdev_t.h) */

enum gain { GAIN_NOTHING, GAIN_PROCESS, GAIN_RAW };

static __always_inline bool_t is_memory_device(u32 device)
{
	switch (device ^ MEMORY_DEVICES) {
	case 1: case 2: case 4:		/* mem, kmem, port */
		return 1;
	default:
		return 0;
	}
}

/* What procfs knows of an inode besides. */
static __always_inline struct proc_inode *proc_inode_of(struct inode *inode)
{
	u64 at = (u64)inode;

	barrier_var(at);
	return (struct proc_inode *)(at - bpf_core_field_offset(struct proc_inode, vfs_inode));
}

/* The kernel's numbers of processes: of a thread its process, of one that is gone the number that it had. */
static __always_inline u32 process_of_pid(struct pid *pid)
{
	char *numbers = (char *)pid + bpf_core_field_offset(struct pid, numbers);
	u64 at = (u64)READ(pid, tasks[0].first);
	int nr = 0;

	barrier_var(at);
	if (at)
		return (u32)READ((struct task_struct *)(at - bpf_core_field_offset(struct task_struct, pid_links)), tgid);
	bpf_probe_read_kernel(&nr, sizeof(nr), numbers);
	return (u32)nr;
}

static __always_inline bool_t is_mem(const char *name)
{
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 0;
}

static __always_inline bool_t is_kcore(const char *name)
{
	return name[0] == 'k' && name[1] == 'c' && name[2] == 'o' && name[3] == 'r' && name[4] == 'e' && name[5] == 0;
}

/* /proc/PID/mem, /proc/PID/task/TID/mem, /proc/kcore.  Few files of procfs have such a name, and an entry has room for more than
 * eight bytes of it. */
static __always_inline u32 gain_of_proc(struct file *file, struct inode *inode)
{
	struct dentry *dentry = READ(file, f_path.dentry), *parent;
	struct proc_inode *of_proc = proc_inode_of(inode);
	const unsigned char *name = READ(dentry, d_name.name);
	char first[8] = { 0 };

	bpf_probe_read_kernel(first, sizeof(first), name);
	if (is_mem(first))
		return READ(of_proc, pid) ? GAIN_PROCESS : GAIN_NOTHING;
	if (!is_kcore(first) || READ(of_proc, pid))
		return GAIN_NOTHING;
	parent = READ(dentry, d_parent);
	return parent == READ(parent, d_parent) ? GAIN_RAW : GAIN_NOTHING;
}

static __always_inline u32 gain_of(struct file *file)
{
	struct inode *inode = READ(file, f_inode);
	u32 type = READ(inode, i_mode) & S_IFMT;

	if (type == S_IFREG)
		return READ(inode, i_sb, s_magic) == PROC_SUPER_MAGIC ? gain_of_proc(file, inode) : GAIN_NOTHING;
	if (type == S_IFCHR)
		return is_memory_device(READ(inode, i_rdev)) ? GAIN_RAW : GAIN_NOTHING;
	return type == S_IFBLK ? GAIN_RAW : GAIN_NOTHING;
}

static __always_inline u32 process_of_memory(struct file *file)
{
	struct proc_inode *of_proc = proc_inode_of(READ(file, f_inode));

	return process_of_pid(READ(of_proc, pid));
}

#define PID_FS_MAGIC 0x50494446
#define ANON_INODE_FS_MAGIC 0x09041934

/* Since 6.9 (cb12fd8e0dab) a pidfd has an inode of its own that leads to the process, before the file did.  0: it is none. */
static __always_inline u32 process_of_pidfd(struct file *file)
{
	struct inode *inode = READ(file, f_inode);
	u64 magic = READ(inode, i_sb, s_magic);

	if (magic == PID_FS_MAGIC)
		return process_of_pid((struct pid *)READ(inode, i_private));
	return magic == ANON_INODE_FS_MAGIC ? process_of_pid((struct pid *)READ(file, private_data)) : 0;
}
