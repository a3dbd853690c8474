/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* What all programs share: the maps, a record in the making, and how text gets into it.
 *
 * A record is made in memory of the processor, then copied into the ring of the processor as long as it is.  A program may
 * interrupt another (a soft interrupt, or a kernel that preempts in tracepoints), so there are two of that memory; who finds
 * both taken is counted as lost.  The reader is woken only when it said that it sleeps, and now and
 * then for so much that the ring could fill before it looks: a wake-up costs more than a record. */

#include "kernel.h"
#include "probe.h"

#define TEXT_BYTES 16384u		/* of a record, a power of two */
#define PIECES 400			/* of arguments, each of a record: more than the kernel takes (6 MiB) */
#define NAME_BYTES 4096u		/* PATH_MAX */
#define COMPONENT_BYTES 256u		/* NAME_MAX and its NUL */
#define COMPONENTS 256			/* of a path */
#define SLACK (NAME_BYTES + COMPONENT_BYTES)
#define SCRATCH_BYTES (sizeof(struct probe_record) + TEXT_BYTES + SLACK)
#define DEPTHS 2

#define PF_KTHREAD 0x00200000
#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFSOCK 0140000
#define AT_FDCWD (-100)

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
};

/* One a processor: with one for all, two busy processors wait for each other. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);			/* set by the loader, as all sizes that depend on the machine */
	__type(key, u32);
	__array(values, struct ring_map);
} rings SEC(".maps");

struct scratch {
	char bytes[SCRATCH_BYTES];
	u32 top[PROBE_EXCLUDED_NAMES];	/* where the first names of the path made last begin */
	u32 n_names;			/* how many names it has */
	u64 mount, dentry;		/* where path_names() is */
	u64 uppermost;			/* the mount that it ends at; 0: it was not followed so far */
	u32 begin, end;			/* where its names are */
	struct probe_written written;	/* in the making */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DEPTHS);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct cpu_state {
	u32 depth;
	u32 number;
	u64 unwoken;			/* bytes in the ring since the reader was woken */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_state);
} cpu_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct probe_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct probe_counters);
} counters SEC(".maps");

/* A pointer as a number: no other may be an argument of a function of its own to the verifier. */
static __always_inline u64 number_of(const void *pointer)
{
	u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

static __always_inline struct probe_control *control_get(void)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&control, &key);
}

static __always_inline bool_t wants(u32 what)
{
	struct probe_control *c = control_get();

	return c && (c->wants & what);
}

static __always_inline struct probe_counters *counters_get(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&counters, &cpu);
}

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task_btf();
}

static __always_inline bool_t is_own(void)
{
	struct probe_control *c = control_get();

	return c && c->own_pid == (u32)(bpf_get_current_pid_tgid() >> 32);
}

/* Here and below the bound is of the value that becomes the index, whatever the compiler would rather do: the verifier of 6.1 does not
 * know that two loads of one word of the stack are equal. */
static __always_inline void count_dropped(u32 class)
{
	struct probe_counters *c = counters_get();

	barrier_var(class);
	if (c && class < N_PROBE_CLASSES)
		__sync_fetch_and_add(&c->dropped[class], 1);
}

static __always_inline void count(u32 class, bool_t is_lost)
{
	struct probe_counters *c = counters_get();

	barrier_var(class);
	if (!c || class >= N_PROBE_CLASSES)
		return;
	__sync_fetch_and_add(&c->made[class], 1);
	if (is_lost)
		__sync_fetch_and_add(&c->lost[class], 1);
}

/* Begin and end of a record */

static __always_inline u64 start_of(struct task_struct *leader)
{
	if (bpf_core_field_exists(leader->start_boottime))
		return leader->start_boottime;
	return READ((struct task_struct___before_5_5 *)leader, real_start_time);
}

/* What a task is in its own pid namespace. */
static __always_inline struct upid *upid_of(struct task_struct *task)
{
	struct pid *pid = UNTRUSTED(task)->thread_pid;
	u32 level = pid->level;

	return (struct upid *)((char *)pid + bpf_core_field_offset(struct pid, numbers) + level * bpf_core_type_size(struct upid));
}

static __always_inline u32 pid_in_namespace(struct task_struct *leader)
{
	return (u32)READ(upid_of(leader), nr);
}

static __always_inline void set_ids(struct probe_head *head, struct task_struct *task)
{
	const struct cred *cred = UNTRUSTED(task)->cred;

	head->uid = cred->uid.val;
	head->euid = cred->euid.val;
	head->suid = cred->suid.val;
	head->fsuid = cred->fsuid.val;
	head->gid = cred->gid.val;
	head->egid = cred->egid.val;
	head->sgid = cred->sgid.val;
	head->fsgid = cred->fsgid.val;
	head->auid = head->ses = 0xffffffff;
	/* CONFIG_AUDIT */
	if (bpf_core_field_exists(task->loginuid)) {
		head->auid = task->loginuid.val;
		head->ses = task->sessionid;
	}
}

static __always_inline void set_head(struct probe_head *head, u8 type, struct task_struct *task)
{
	struct task_struct *leader = UNTRUSTED(task)->group_leader;

	head->time_ns = bpf_ktime_get_boot_ns();
	head->start_ns = start_of(leader);
	head->cpu = (u16)bpf_get_smp_processor_id();
	head->type = type;
	head->pid = (u32)task->tgid;
	head->tid = (u32)task->pid;
	head->ppid = (u32)leader->real_parent->tgid;
	head->ns_pid = pid_in_namespace(leader);
	set_ids(head, task);
	_Static_assert(sizeof(head->name) == 2 * sizeof(u64), "two words");
	((u64 *)head->name)[0] = word_at((u64)&task->comm);
	((u64 *)head->name)[1] = word_at((u64)&task->comm + sizeof(u64));
}

static __always_inline struct cpu_state *cpu_state_get(void)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&cpu_states, &key);
}

/* A record that is empty but for its number; NULL: there is no room, counted.  Each must end in record_send() or
 * record_drop(). */
static __always_inline struct probe_record *record_take(u32 class)
{
	struct cpu_state *state = cpu_state_get();
	struct probe_record *record;
	u32 depth;

	if (!state)
		return NULL;
	depth = state->depth;
	if (depth >= DEPTHS) {
		count(class, 1);
		return NULL;
	}
	record = bpf_map_lookup_elem(&scratches, &depth);
	if (!record)
		return NULL;
	state->depth = depth + 1;
	__builtin_memset(record, 0, sizeof(*record));
	record->head.number = state->number++;
	return record;
}

/* A record of the task. */
static __always_inline struct probe_record *record_begin(u8 type, u32 class, struct task_struct *task)
{
	struct probe_record *record = record_take(class);

	if (record)
		set_head(&record->head, type, task);
	return record;
}

/* Of a process that is not on the processor. */
static __always_inline struct probe_record *record_begin_of(u8 type, u32 class, u32 pid, u32 ppid, u64 start_ns)
{
	struct probe_record *record = record_take(class);

	if (!record)
		return NULL;
	record->head.time_ns = bpf_ktime_get_boot_ns();
	record->head.start_ns = start_ns;
	record->head.cpu = (u16)bpf_get_smp_processor_id();
	record->head.type = type;
	record->head.flags = PROBE_SOFTIRQ;
	record->head.pid = pid;
	record->head.ppid = ppid;
	return record;
}

/* The record that was handed over becomes another of the same moment: no two have one number. */
static __always_inline void record_next(struct probe_record *record)
{
	struct cpu_state *state = cpu_state_get();

	if (state)
		record->head.number = state->number++;
}

static __always_inline void record_drop(void)
{
	struct cpu_state *state = cpu_state_get();

	if (state)
		state->depth--;
}

static __always_inline u64 wake_flag(u64 bytes)
{
	struct probe_control *c = control_get();
	struct cpu_state *state = cpu_state_get();

	if (!c || !state)
		return BPF_RB_NO_WAKEUP;
	state->unwoken += bytes;
	if (!c->asleep && state->unwoken < c->wake_bytes)
		return BPF_RB_NO_WAKEUP;
	state->unwoken = 0;
	c->asleep = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/* Not counted: a piece of another record.  `text_bytes`: where the last text ends. */
static __always_inline long record_push(struct probe_record *record, u64 text_bytes)
{
	u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rings, &cpu);

	barrier_var(text_bytes);
	if (text_bytes > TEXT_BYTES + SLACK)
		text_bytes = TEXT_BYTES + SLACK;
	barrier_var(text_bytes);	/* else the sum may come before the bound, and then 6.1 sees none in it */
	return ring ? bpf_ringbuf_output(ring, record, sizeof(*record) + text_bytes, wake_flag(sizeof(*record) + text_bytes)) : -1;
}

/* What is left of a ring that fills is for what is never let go of (event/kinds.def, `shed`), the last of it for that alone: eighths of
 * the ring that must be free. */
static __always_inline u32 spared(u32 class)
{
	switch (class) {
	case PROBE_CLASS_FILE_READ:
	case PROBE_CLASS_FILE_WRITE:
	case PROBE_CLASS_IMAGE:
		return 3;
	case PROBE_CLASS_FORK:
	case PROBE_CLASS_NETWORK:
	case PROBE_CLASS_HTTP:
	case PROBE_CLASS_DNS:
	case PROBE_CLASS_FILE:
		return 2;
	default:
		return 0;
	}
}

static __always_inline bool_t has_room(u32 class)
{
	u32 eighths = spared(class), cpu = bpf_get_smp_processor_id();
	void *ring;

	if (!eighths)
		return 1;
	ring = bpf_map_lookup_elem(&rings, &cpu);
	return ring && bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) * 8 < bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) * (8 - eighths);
}

static __always_inline void record_output(struct probe_record *record, u64 text_bytes, u32 class)
{
	count(class, !has_room(class) || record_push(record, text_bytes) != 0);
}

static __always_inline void record_send(struct probe_record *record, u32 text_bytes, u32 class)
{
	record_output(record, text_bytes, class);
	record_drop();
}

/* Texts.  Each function appends text number n at `off` and returns where it ends. */

/* The bound where the verifier sees it: the compiler, which knows that `off` is small enough, would leave it out. */
static __always_inline char *text_at(struct probe_record *record, u64 off)
{
	barrier_var(off);
	off &= TEXT_BYTES - 1;
	return record->text + off;
}

static __always_inline u32 text_end(struct probe_record *record, u32 n, u32 off, u32 end)
{
	record->text_bytes[n] = (u16)(end - off);
	return end;
}

#define NAME_WORDS 4			/* of a short name: each entry has room for 32 bytes (40 since 6.8) */
#define EACH_BYTE 0x0101010101010101ull

/* A name of the kernel with its NUL, by words, without a call.  How long it is; 0: too long for that. */
static __always_inline u32 put_short_name(char *to, const unsigned char *name)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (!can_cast)
		return 0;
	for (u32 i = 0; i < NAME_WORDS; i++) {
		u64 word = word_at((u64)name + 8 * i), ends = (word - EACH_BYTE) & ~word & EACH_BYTE << 7;

		((u64 *)to)[i] = word;
		/* The lowest bit that is set is of the first byte that is 0; what it is multiplied with has in each byte its number. */
		if (ends)
			return 8 * i + (u32)(((ends & -ends) >> 7) * 0x0001020304050607ull >> 56) + 1;
	}
#endif
	return 0;
}

/* As put_short_name(), of any length; 0 or less: it could not be read. */
static __always_inline long put_name(char *to, const unsigned char *name)
{
	u32 n = put_short_name(to, name);

	return n ? n : bpf_probe_read_kernel_str(to, COMPONENT_BYTES, name);
}

/* A name, or a step from a mount to what it is mounted on.  1: that was the last.  The verifier lets no pointer of the kernel
 * into a function of its own, and follows each round of a loop for each type that one may have: so both are numbers in memory. */
static __always_inline bool_t path_step(struct scratch *scratch)
{
	struct dentry *dentry = (struct dentry *)*(volatile u64 *)&scratch->dentry, *parent = READ(dentry, d_parent);
	struct mount *mount = (struct mount *)*(volatile u64 *)&scratch->mount;
	struct probe_record *record = (struct probe_record *)scratch;
	u32 off = scratch->end;
	const unsigned char *name;
	long n;

	if (dentry == READ(mount, mnt.mnt_root) || dentry == parent) {
		struct mount *above = READ(mount, mnt_parent);

		if (above != mount && above) {
			scratch->dentry = (u64)READ(mount, mnt_mountpoint);
			scratch->mount = (u64)above;
			return 0;
		}
		scratch->uppermost = (u64)mount;
		/* A file of no mount that anybody sees, such as a memfd, is its own root; a true one is called "/". */
		if (off != scratch->begin || off >= TEXT_BYTES)
			return 1;
		name = READ(dentry, d_name.name);
		n = put_name(text_at(record, off), name);
		scratch->end = off + (n > 0 ? (u32)n : 0);
		return 1;
	}
	if (off >= TEXT_BYTES || off - scratch->begin >= NAME_BYTES)
		return 1;
	name = READ(dentry, d_name.name);
	n = put_name(text_at(record, off), name);
	if (n <= 0)
		return 1;
	scratch->top[2] = scratch->top[1];
	scratch->top[1] = scratch->top[0];
	scratch->top[0] = off;
	scratch->n_names++;
	scratch->dentry = (u64)parent;
	scratch->end = off + (u32)n;
	return 0;
}

#define PATH_STEPS 8			/* in one go: returns are slow on some processors (SRSO, "safe RET") */

static __always_inline long path_steps(u32 i, struct scratch **scratch)
{
	for (u32 k = 0; k < PATH_STEPS; k++)
		if (path_step(*scratch))
			return 1;
	return 0;
}

/* The names from scratch->dentry up to the root of everything, through mounts.  A function of its own to the verifier, which
 * would follow every path through it from every place that calls it. */
__noinline u32 path_names(struct scratch *scratch, u32 begin)
{
	if (!scratch)
		return begin;
	scratch->n_names = 0;
	scratch->uppermost = 0;
	scratch->begin = scratch->end = begin;
	LOOP(COMPONENTS / PATH_STEPS, path_steps, &scratch);
	return scratch->end;
}

static __always_inline u32 put_path(struct probe_record *record, u32 n, u32 off, struct vfsmount *mnt,
				    struct dentry *dentry)
{
	struct scratch *scratch = (struct scratch *)record;
	u32 end;

	scratch->mount = (u64)mnt - bpf_core_field_offset(struct mount, mnt);
	scratch->dentry = (u64)dentry;
	end = path_names(scratch, off);
	if (!scratch->uppermost)
		record->cut |= 1 << n;
	return text_end(record, n, off, end);
}

static __always_inline u32 put_file_path(struct probe_record *record, u32 n, u32 off, struct file *file)
{
	return put_path(record, n, off, READ(file, f_path.mnt), READ(file, f_path.dentry));
}

/* Its root is a folder (chroot), not that of a mount: then its files have other names for it. */
static __always_inline bool_t has_own_root(struct task_struct *task)
{
	struct fs_struct *fs = UNTRUSTED(task)->fs;

	return READ(fs, root.dentry) != READ(fs, root.mnt, mnt_root);
}

static __always_inline u32 put_own_root(struct probe_record *record, u32 n, u32 off)
{
	struct fs_struct *fs = READ(current_task(), fs);

	return put_path(record, n, off, READ(fs, root.mnt), READ(fs, root.dentry));
}

/* That of the current task.  A function of its own to the verifier. */
__noinline u32 put_root(struct scratch *scratch, u32 n, u32 off)
{
	if (!scratch)
		return off;
	/* The bound where the verifier sees it. */
	barrier_var(n);
	n &= NAME_ROOT;
	return put_own_root((struct probe_record *)scratch, n, off);
}

/* A text that ends in a NUL, which is left out. */
static __always_inline u32 put_string(struct probe_record *record, u32 n, u32 off, const void *string, bool_t of_user,
				      u32 max)
{
	long size;

	barrier_var(off);
	if (off >= TEXT_BYTES)
		return off;
	size = of_user ? bpf_probe_read_user_str(text_at(record, off), max, string)
		       : bpf_probe_read_kernel_str(text_at(record, off), max, string);
	if (size <= 0) {
		record->cut |= 1 << n;	/* it could not be read: nothing is known of it */
		return off;
	}
	if (size == max)
		record->cut |= 1 << n;
	return text_end(record, n, off, off + ((u32)size & 0x1fff) - 1);
}

/* `size` bytes of user space, at most `max`. */
static __always_inline u32 put_block(struct probe_record *record, u32 n, u32 off, u64 at, u64 size, u32 max)
{
	u64 take = size > max ? max : size;

	if (size > max)
		record->cut |= 1 << n;
	if (off >= TEXT_BYTES || take == 0)
		return off;
	barrier_var(take);
	if (take > max)
		return off;
	if (bpf_probe_read_user(text_at(record, off), (u32)take, (void *)at)) {
		record->cut |= 1 << n;
		return off;
	}
	return text_end(record, n, off, off + (u32)take);
}

/* Files */

static __always_inline struct file *file_of(struct task_struct *task, s64 fd)
{
	struct fdtable *table = UNTRUSTED(task)->files->fdt;

	return fd < 0 || fd >= table->max_fds ? NULL : (struct file *)word_at((u64)&table->fd[fd]);
}

/* When the inode last changed, ns since 1970. */
static __always_inline u64 changed_ns(struct inode *inode)
{
	const struct inode___before_6_11 *before_6_11 = (const void *)inode;
	const struct inode___before_6_6 *before_6_6 = (const void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return (u64)READ(inode, i_ctime_sec) * 1000000000u + (READ(inode, i_ctime_nsec) & 0x7fffffff);
	if (bpf_core_field_exists(before_6_11->__i_ctime))
		return (u64)READ(before_6_11, __i_ctime.tv_sec) * 1000000000u + (u64)READ(before_6_11, __i_ctime.tv_nsec);
	return (u64)READ(before_6_6, i_ctime.tv_sec) * 1000000000u + (u64)READ(before_6_6, i_ctime.tv_nsec);
}

/* What may change while it is open. */
static __always_inline void set_state(struct probe_file *to, struct inode *inode)
{
	to->size = (u64)READ(inode, i_size);
	to->mode = READ(inode, i_mode);
	to->uid = READ(inode, i_uid.val);
	to->gid = READ(inode, i_gid.val);
}

static __always_inline void set_file(struct probe_file *to, struct file *file)
{
	struct inode *inode = READ(file, f_inode);

	to->inode = READ(inode, i_ino);
	to->device = READ(inode, i_sb, s_dev);
	set_state(to, inode);
}

/* Who is asked where a name led must see the root that it was seen from. */
static __always_inline void set_root(struct probe_root *to, struct task_struct *task)
{
	struct task_struct *of = UNTRUSTED(task);
	struct vfsmount *mnt = of->fs->root.mnt;
	struct dentry *dentry = of->fs->root.dentry;
	u64 at = (u64)mnt;

	barrier_var(at);
	to->mount = (u32)READ((struct mount *)(at - bpf_core_field_offset(struct mount, mnt)), mnt_id);
	to->inode = dentry != mnt->mnt_root ? dentry->d_inode->i_ino : 0;
	to->init = (u32)of->nsproxy->pid_ns_for_children->child_reaper->tgid;
}

static __always_inline u32 file_mode(struct file *file)
{
	return READ(file, f_inode, i_mode);
}
