/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was written to open files: counted by process and open file, told when the last descriptor goes that the process has of
 * it (close, dup2, close_range), when the process begins another program or ends, after the interval, and when the recorder
 * stops; what was told is not told again.  A descriptor that io_uring closes is not seen to go, nor one that a process of
 * another pid closes for it (CLONE_FILES): what was written to it is let go of by user space, which counts it.  What there is
 * no room to keep is told at once. */

#include "call.h"

#define CLOSE_RANGE_CLOEXEC 4u		/* include/uapi/linux/close_range.h */
#define NEVER (~0ull)

#define ONE_WRITE (1ull << 40)		/* in `total`: the bytes are below */
#define MUCH (1ull << 63 | ONE_WRITE / 2)	/* half of what either has room for */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBE_KEPT_WRITES);
	__type(key, struct probe_written_key);
	__type(value, struct probe_written);
} writes SEC(".maps");

/* How many of `writes` the processes have whose pids end alike: their closes, their execs and their ends are looked at while
 * there are any. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct probe_writers);
} writers SEC(".maps");

static __always_inline u32 *pending_of(u32 pid)
{
	u32 key = 0;
	struct probe_writers *all = bpf_map_lookup_elem(&writers, &key);

	return all ? &all->pending[pid % PROBE_WRITERS] : NULL;
}

/* Those that a thread is telling after the interval: another one leaves them to it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct probe_written_key);
	__type(value, u32);
} telling SEC(".maps");

struct told {
	u64 first_ns, last_ns;
	u64 count, bytes;
};

static __noinline int tell_written(struct task_struct *task, struct file *file, const struct told *told)
{
	struct probe_record *record = record_begin(PROBE_WRITTEN, PROBE_CLASS_FILE_WRITE, task);
	u32 off = 0;

	if (!record)
		return 0;
	set_file(&record->body.file, file);
	record->body.file.flags = READ(file, f_flags);
	record->body.file.value[0] = told->bytes;
	record->body.file.value[1] = told->count;
	record->body.file.first_ns = told->first_ns;
	record->body.file.last_ns = told->last_ns;
	off = put_file_path(record, FILE_PATH, off, file);
	if (path_is_excluded(record)) {
		count_dropped(PROBE_CLASS_FILE_WRITE);
		record_drop();
	} else {
		record_send(record, off, PROBE_CLASS_FILE_WRITE);
	}
	return 0;
}

/* What is to be told as of `total`. */
static __always_inline void set_told(struct told *told, const struct probe_written *written, u64 total)
{
	u64 grown = total - written->told;

	told->count = grown / ONE_WRITE;
	told->bytes = grown & (ONE_WRITE - 1);
	told->last_ns = written->last_ns;
	told->first_ns = written->first_ns < told->last_ns ? written->first_ns : told->last_ns;
}

static __always_inline bool_t is_due(const struct probe_written *written, u64 now_ns)
{
	struct probe_control *c = control_get();
	u64 first_ns = written->first_ns;	/* after now, where another thread's clock was read later */

	return (written->total - written->told) & MUCH ||
	       (c && first_ns <= now_ns && now_ns - first_ns >= (u64)c->write_interval_ms * 1000000);
}

/* It stays open. */
static __always_inline void tell_due(struct task_struct *task, struct file *file, const struct probe_written_key *key,
				     struct probe_written *written, u64 now_ns)
{
	struct told told = { 0 };
	u32 one = 1;

	if (bpf_map_update_elem(&telling, key, &one, BPF_NOEXIST))
		return;
	if (is_due(written, now_ns)) {
		u64 total = written->total;

		set_told(&told, written, total);
		written->first_ns = NEVER;
		written->told = total;
	}
	bpf_map_delete_elem(&telling, key);
	if (told.count)
		tell_written(task, file, &told);
}

static __always_inline void count_kept(u32 by)
{
	struct probe_control *c = control_get();

	if (c)
		__sync_fetch_and_add(&c->kept_writes, by);
}

static __always_inline void count_untold(u64 first_ns)
{
	struct probe_control *c = control_get();

	if (!c)
		return;
	__sync_fetch_and_add(&c->untold_writes, 1);
	if (c->untold_first_ns == 0 || first_ns < c->untold_first_ns)
		c->untold_first_ns = first_ns;
}

static __always_inline bool_t forget_written(const struct probe_written_key *key)
{
	if (bpf_map_delete_elem(&writes, key))
		return 0;
	count_kept(-1);
	return 1;
}

static __always_inline void count_pending(u32 *pending, u32 by)
{
	if (pending)
		__sync_fetch_and_add(pending, by);
}

/* 0: another thread was first, or there is no room. */
static __always_inline bool_t begin_written(const struct probe_written_key *key, u64 inode, u64 bytes, u64 now_ns)
{
	struct probe_written written = { .inode = inode, .first_ns = now_ns, .last_ns = now_ns, .total = ONE_WRITE + bytes };

	/* Before it is there, so that nobody closes it unseen. */
	count_pending(pending_of(key->pid), 1);
	if (!bpf_map_update_elem(&writes, key, &written, BPF_NOEXIST)) {
		count_kept(1);
		return 1;
	}
	count_pending(pending_of(key->pid), -1);
	return 0;
}

static __always_inline void count_written(struct task_struct *task, struct file *file, struct inode *inode, u64 bytes)
{
	struct probe_written_key key = { .file = (u64)file, .pid = (u32)task->tgid };
	u64 now_ns = bpf_ktime_get_boot_ns();
	struct probe_written *written = bpf_map_lookup_elem(&writes, &key);

	if (!written) {
		if (bytes < ONE_WRITE / 2 && begin_written(&key, (u64)inode, bytes, now_ns))
			return;
		written = bpf_map_lookup_elem(&writes, &key);
	}
	/* A clone may be longer than any write (fs/read_write.c, vfs_copy_file_range). */
	if (!written || bytes >= ONE_WRITE / 2) {
		tell_written(task, file, &(struct told){ now_ns, now_ns, 1, bytes });
		return;
	}
	if (written->inode != (u64)inode) {
		if (written->total != written->told)
			count_untold(written->first_ns);
		written->inode = (u64)inode;
		written->first_ns = NEVER;
		written->told = written->total;
	}
	__sync_fetch_and_add(&written->total, ONE_WRITE + bytes);
	if (now_ns < written->first_ns)
		written->first_ns = now_ns;
	if (now_ns > written->last_ns)
		written->last_ns = now_ns;
	if (is_due(written, now_ns))
		tell_due(task, file, &key, written, now_ns);
}

/* It is not to be told again.  0: there is nothing to tell. */
static __always_inline bool_t end_written(const struct probe_written_key *key, const struct probe_written *written,
					  struct file *file, u32 *pending, struct told *ret)
{
	u64 inode = written->inode;

	set_told(ret, written, written->total);
	if (!forget_written(key))
		return 0;
	count_pending(pending, -1);
	if (ret->count == 0 || inode == (u64)READ(file, f_inode))
		return ret->count != 0;
	count_untold(ret->first_ns);
	return 0;
}

/* Descriptors that go, from `first` to `last`, of the current process.  What each is compared to the verifier would follow
 * through all that come after it: so the comparisons are arithmetic, not branches, and what is done with one that goes is a
 * function of its own.  The frames of functions that call each other may have 512 bytes together, each rounded up to 32, and
 * be eight (kernel/bpf/verifier.c, check_max_stack_depth). */

#define ALL_DESCRIPTORS 0, ~0u
#define MOST_DESCRIPTORS (1u << 20)	/* of a process (fs/file.c, sysctl_nr_open) */
#define MANY_SLOTS 4096u
#define SLOTS 16u			/* looked at in one go; tables are multiples of 64 */
#define FEW_SLOTS 8u			/* likewise, where there is less room */
#define STAYING_SLOTS 1024u		/* where another descriptor of an open file is looked for */

/* All bits, or none. */
static __always_inline u64 mask_of_zero(u64 value)
{
	u64 mask = (value | -value) >> 63;

	barrier_var(mask);
	return mask - 1;
}

static __always_inline u64 mask_of_going(u32 fd, u32 first, u32 last)
{
	u64 outside = ((u64)fd - first | (u64)last - fd) >> 63;

	barrier_var(outside);
	return outside - 1;
}

/* Reads `n` slots from `base` on.  0: the table ends before. */
static __always_inline bool_t read_slots(u32 base, u64 *ret, u32 n)
{
	struct fdtable *table = READ(current_task(), files, fdt);

	return base < READ(table, max_fds) && !bpf_probe_read_kernel(ret, n * sizeof(*ret), READ(table, fd) + base);
}

struct staying {
	u64 file;
	u32 first, last;
	u64 found;
};

/* 1: one of these descriptors is the file's and does not go, or the table ends here. */
static __noinline long staying_step(u32 i, struct staying *of)
{
	u64 slots[FEW_SLOTS], found = 0;
	u32 base = i * FEW_SLOTS;

	if (!read_slots(base, slots, FEW_SLOTS))
		return 1;
	for (u32 k = 0; k < FEW_SLOTS; k++)
		found |= mask_of_zero(slots[k] ^ of->file) & ~mask_of_going(base + k, of->first, of->last);
	of->found = found;
	return found != 0;
}

__noinline int stays(u64 file, u32 first, u32 last)
{
	struct staying of = { file, first, last, 0 };

	if (first == 0 && last == ~0u)
		return 0;
	LOOP(STAYING_SLOTS / FEW_SLOTS, staying_step, &of);
	return of.found != 0;
}

/* One reference: one descriptor, and nobody else has the file. */
static __always_inline bool_t is_last_reference(struct file *file)
{
	if (bpf_core_field_exists(file->f_ref))
		return READ(file, f_ref.refcnt.counter) == 0;
	return READ((struct file___before_6_13 *)file, f_count.counter) == 1;
}

__noinline int flush_written(u64 file_at, u32 first, u32 last, u32 *pending)
{
	struct task_struct *task = current_task();
	struct file *file = (struct file *)file_at;
	struct probe_written_key key = { .file = file_at, .pid = (u32)task->tgid };
	struct probe_written *written = bpf_map_lookup_elem(&writes, &key);
	struct told told;

	if (!written || (!is_last_reference(file) && stays(file_at, first, last)))
		return 0;
	if (end_written(&key, written, file, pending, &told))
		tell_written(task, file, &told);
	return 0;
}

struct going {
	u32 *pending;
	u32 first, last;
};

/* 1: there is nothing more to tell, or the table ends here. */
static __always_inline long flush_slots(u32 base, const struct going *of)
{
	u64 slots[SLOTS];

	if (*of->pending == 0 || base > of->last || !read_slots(base, slots, SLOTS))
		return 1;
	for (u32 i = 0; i < SLOTS; i++)
		slots[i] &= mask_of_going(base + i, of->first, of->last);
	for (u32 i = 0; i < SLOTS; i++)
		if (slots[i])
			flush_written(slots[i], of->first, of->last, of->pending);
	return 0;
}

static __always_inline u32 first_slot(u32 first)
{
	return first / SLOTS * SLOTS;
}

static __always_inline long going_step(u32 i, struct going *of)
{
	return flush_slots(first_slot(of->first) + i * SLOTS, of);
}

__noinline int flush_some_slots(u32 base, u32 first, u32 last, u32 *pending)
{
	const struct going of = { pending, first, last };

	return pending ? (int)flush_slots(base, &of) : 1;
}

__noinline int flush_many_slots(u32 base, u32 first, u32 last, u32 *pending)
{
	for (u32 i = 0; i < MANY_SLOTS / SLOTS; i++, base += SLOTS)
		if (flush_some_slots(base, first, last, pending))
			return 1;
	return 0;
}

static __always_inline void flush_all(u32 first, u32 last, u32 *pending)
{
	struct going of = { pending, first, last };
	u32 base = first_slot(first);

	/* Where the verifier follows each round, so many are too many for one loop. */
	if (HAS_LOOP)
		bpf_loop(MOST_DESCRIPTORS / SLOTS, going_step, &of, 0);
	else
		for (u32 i = 0; i < MOST_DESCRIPTORS / MANY_SLOTS; i++, base += MANY_SLOTS)
			if (flush_many_slots(base, first, last, pending))
				break;
}

static __always_inline void flush_descriptor(const struct call *call, u32 *pending)
{
	int fd = (int)call_arg(call, call->plan->at), old;
	struct file *file;

	/* dup2 that fails, or has nothing to do. */
	if (call->plan->value >= 0) {
		old = (int)call_arg(call, call->plan->value);
		if (old == fd || !file_of(call->task, old))
			return;
	}
	file = file_of(call->task, fd);
	if (file)
		flush_written((u64)file, (u32)fd, (u32)fd, pending);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long id)
{
	struct call call;
	u32 *pending;

	/* Most close what they only read. */
	if (!call_get(&call, regs) || call.plan->act != PROBE_ACT_CLOSE)
		return 0;
	pending = pending_of((u32)call.task->tgid);
	if (!pending || *pending == 0)
		return 0;
	switch (call.plan->number) {
	case PROBE_CALL_close_range:
		if (!(call_arg(&call, 2) & CLOSE_RANGE_CLOEXEC))
			flush_all((u32)call_arg(&call, 0), (u32)call_arg(&call, 1), pending);
		break;
	/* Before it is another program that wrote.  One that fails tells early: what older kernels show later comes after
	 * the closing of descriptors (fs/exec.c, begin_new_exec). */
	case PROBE_CALL_execve:
	case PROBE_CALL_execveat:
		flush_all(ALL_DESCRIPTORS, pending);
		break;
	default:
		flush_descriptor(&call, pending);
	}
	return 0;
}

/* A process that ends without closing.  Its descriptors are still there (kernel/exit.c, do_exit: exit_files comes later). */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_writer_exit, struct task_struct *task)
{
	u32 *pending = pending_of((u32)task->tgid);

	if (!pending || *pending == 0 || UNTRUSTED(task)->signal->live.counter != 0)
		return 0;
	flush_all(ALL_DESCRIPTORS, pending);
	return 0;
}

/* At the stop, every open file of every process.  A byte of output stands for each that was told: so the reader can take them
 * in portions. */
SEC("iter/task_file")
int tell_open_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct probe_written_key key = { 0 };
	struct probe_written *written;
	struct told told;
	char one = 1;

	if (!task || !file)
		return 0;
	key.file = (u64)file;
	key.pid = (u32)task->tgid;
	written = bpf_map_lookup_elem(&writes, &key);
	if (!written || !end_written(&key, written, file, pending_of(key.pid), &told))
		return 0;
	tell_written(task, file, &told);
	bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	return 0;
}
