/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was written to open files: counted by process and open file, told when the last descriptor goes that the process has of
 * it (close, dup2, close_range), when the process begins another program or ends, after the interval, and when the recorder
 * stops; what was told is not told again.  A close is seen when it returns: to look at each call of the machine as it begins, too,
 * would cost as much again as all that is done here.  The file is gone by then, so what is told of it is kept with the count.  A
 * descriptor that io_uring closes is not seen to go, nor one that a process of another pid closes for it (CLONE_FILES), nor of threads
 * with tables of their own but one: what was written to it is told when the process ends or begins another program, or is let go of
 * by user space, which counts it.  What there is no room to keep is told at once. */

#include "call.h"
#include "fetch.h"
#include "writers.h"

#define CLOSE_RANGE_CLOEXEC 4u		/* include/uapi/linux/close_range.h */
#define FMODE_WRITE 2u			/* include/linux/fs.h */
#define NEVER (~0ull)

#define ONE_WRITE (1ull << 40)		/* in `untold`: the bytes are below */
#define ENDED (1ull << 63)
#define MUCH (1ull << 62 | ONE_WRITE / 2)	/* half of what either has room for */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PROBE_KEPT_WRITES);
	__type(key, struct probe_written_key);
	__type(value, struct probe_written);
} writes SEC(".maps");

/* Of `writes`, where it is longer than they have room for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct probe_written_key);
	__type(value, struct probe_long_path);
} long_paths SEC(".maps");

/* For each of `writes` one descriptor, by which it is found when that goes: the address of the file.  What was closed unseen leaves
 * its own behind until it is the oldest. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2 * PROBE_KEPT_WRITES);
	__type(key, struct probe_descriptor);
	__type(value, u64);
} written_by SEC(".maps");

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

/* What is told of the file, from itself. */
static __always_inline u32 put_written_file(struct probe_record *record, struct file *file)
{
	set_file(&record->body.file, file);
	record->body.file.flags = READ(file, f_flags);
	return put_walked(record, 0, file);
}

static __always_inline void send_written(struct task_struct *task, struct probe_record *record, u32 off,
					 const struct told *told)
{
	record->body.file.value[0] = told->bytes;
	record->body.file.value[1] = told->count;
	record->body.file.first_ns = told->first_ns;
	record->body.file.last_ns = told->last_ns;
	if (path_is_excluded(record)) {
		count_dropped(PROBE_CLASS_FILE_WRITE);
		record_drop();
	} else {
		if (task == current_task() && has_own_root(task))	/* not at the stop */
			off = put_own_root(record, FILE_ROOT, off);
		record_send(record, off, PROBE_CLASS_FILE_WRITE);
	}
}

/* There is no room to keep it. */
static __noinline int tell_at_once(struct task_struct *task, struct file *file, const struct told *told)
{
	struct probe_record *record = record_begin(PROBE_WRITTEN, PROBE_CLASS_FILE_WRITE, task);

	if (record)
		send_written(task, record, put_written_file(record, file), told);
	return 0;
}

/* It is renamed when one of these is another: its name or that of its folder, or the folder itself. */
static __always_inline u64 name_of(struct file *file)
{
	struct dentry *dentry = READ(file, f_path.dentry);

	return READ(dentry, d_name.hash_len) + 2 * READ(dentry, d_parent, d_name.hash_len);
}

static __always_inline u64 folder_of(struct file *file)
{
	return (u64)READ(file, f_path.dentry, d_parent);
}

/* To be kept.  Where the text ends.  Copied while others may read it: it is the same but for a file that was renamed. */
static __always_inline u32 keep_file(const struct probe_written_key *key, struct probe_written *written,
				     struct probe_record *record, struct file *file)
{
	struct scratch *scratch = (struct scratch *)record;
	u32 off;

	written->name = name_of(file);
	written->folder = folder_of(file);
	off = put_written_file(record, file);
	written->file = record->body.file;
	__builtin_memcpy(written->top, scratch->top, sizeof(written->top));
	written->n_names = scratch->n_names;
	written->cut = record->cut;
	__builtin_memcpy(written->text, record->text, sizeof(written->text));
	if (record->text_bytes[FILE_PATH] > PROBE_WRITTEN_BYTES && bpf_map_update_elem(&long_paths, key, record->text, BPF_ANY)) {
		written->text_bytes = PROBE_WRITTEN_BYTES;
		written->cut |= 1 << FILE_PATH;
	} else {
		if (written->text_bytes > PROBE_WRITTEN_BYTES)
			bpf_map_delete_elem(&long_paths, key);
		written->text_bytes = record->text_bytes[FILE_PATH];
	}
	return off;
}

/* The other way round.  Where the text ends. */
static __always_inline u32 put_kept_file(struct probe_record *record, const struct probe_written_key *key,
					 const struct probe_written *written)
{
	struct scratch *scratch = (struct scratch *)record;
	u32 bytes = written->text_bytes;
	struct probe_long_path *path;

	record->body.file = written->file;
	__builtin_memcpy(scratch->top, written->top, sizeof(scratch->top));
	scratch->n_names = written->n_names;
	record->cut = written->cut;
	__builtin_memcpy(record->text, written->text, sizeof(written->text));
	if (bytes > PROBE_WRITTEN_BYTES) {
		path = bpf_map_lookup_elem(&long_paths, key);
		if (path) {
			bpf_probe_read_kernel(record->text, sizeof(path->text), path->text);
		} else {
			bytes = PROBE_WRITTEN_BYTES;
			record->cut |= 1 << FILE_PATH;
		}
	}
	return text_end(record, FILE_PATH, 0, bytes);
}

static __always_inline void set_told(struct told *told, const struct probe_written *written, u64 untold)
{
	told->count = untold / ONE_WRITE;
	told->bytes = untold & (ONE_WRITE - 1);
	told->last_ns = written->last_ns;
	told->first_ns = written->first_ns < told->last_ns ? written->first_ns : told->last_ns;
}

static __always_inline bool_t is_due(const struct probe_written *written, u64 now_ns)
{
	struct probe_control *c = control_get();
	u64 first_ns = written->first_ns;	/* after now, where another thread's clock was read later */

	return written->untold & MUCH ||
	       (c && first_ns <= now_ns && now_ns - first_ns >= (u64)c->write_interval_ms * 1000000);
}

/* It stays open, and may have another name by now. */
static __noinline int tell_due(struct task_struct *task, struct file *file, const struct probe_written_key *key,
			       struct probe_written *written, u64 now_ns)
{
	struct probe_descriptor by = { key->pid, written->fd };
	struct probe_record *record;
	struct told told = { 0 };
	u32 one = 1, off;

	if (bpf_map_update_elem(&telling, key, &one, BPF_NOEXIST))
		return 0;
	if (is_due(written, now_ns)) {
		u64 untold = fetch_and(&written->untold, ENDED);

		if (!(untold & ENDED))	/* else each tells its own */
			set_told(&told, written, untold);
		written->first_ns = NEVER;
	}
	record = told.count ? record_begin(PROBE_WRITTEN, PROBE_CLASS_FILE_WRITE, task) : NULL;
	if (record) {
		off = keep_file(key, written, record, file);
		send_written(task, record, off, &told);
	}
	bpf_map_delete_elem(&telling, key);
	/* Who looks for it keeps it young. */
	if (written->fd >= 0 && !bpf_map_lookup_elem(&written_by, &by))
		bpf_map_update_elem(&written_by, &by, &key->file, BPF_NOEXIST);
	return 0;
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

/* From now on it is found by this descriptor. */
static __always_inline void find_by(struct probe_written *written, u64 file, u32 pid, int fd)
{
	struct probe_descriptor key = { pid, fd };
	struct probe_writers *all = writers_get();
	u32 *highest;

	written->fd = fd;
	if (fd < 0 || !all)
		return;
	highest = &all->highest[PROBE_WRITER(pid)];
	if (*highest < (u32)fd)
		*highest = (u32)fd;
	bpf_map_update_elem(&written_by, &key, &file, BPF_ANY);
}

/* Descriptors of the current process.  What each is compared to the verifier would follow through all that come after it: so the
 * comparisons are arithmetic, not branches, and what is done with one is a function of its own.  The frames of functions that call
 * each other may have 512 bytes together, each rounded up to 32, and be eight (kernel/bpf/verifier.c, check_max_stack_depth). */

#define MOST_DESCRIPTORS (1u << 20)	/* of a process (fs/file.c, sysctl_nr_open) */
#define FEW_DESCRIPTORS 256u
#define MANY_SLOTS 4096u
#define SLOTS 16u			/* looked at in one go; tables are multiples of 64 */
#define FEW_SLOTS 8u			/* likewise, where there is less room */
#define OTHER_SLOTS 1024u		/* where another descriptor of an open file is looked for */

/* Reads `n` slots from `base` on.  0: the table ends before. */
static __always_inline bool_t read_slots(u32 base, u64 *ret, u32 n)
{
	struct fdtable *table = READ(current_task(), files, fdt);

	return base < READ(table, max_fds) && !bpf_probe_read_kernel(ret, n * sizeof(*ret), READ(table, fd) + base);
}

/* All bits, or none. */
static __always_inline u64 mask_of_zero(u64 value)
{
	u64 mask = (value | -value) >> 63;

	barrier_var(mask);
	return mask - 1;
}

struct search {
	u64 file;
	u64 found;			/* the descriptor + 1 */
};

/* 1: one of these descriptors is the file's, or the table ends here. */
static __noinline long search_step(u32 i, struct search *of)
{
	u64 slots[FEW_SLOTS], found = 0;
	u32 base = i * FEW_SLOTS;

	if (!read_slots(base, slots, FEW_SLOTS))
		return 1;
	for (u32 k = 0; k < FEW_SLOTS; k++)
		found |= mask_of_zero(slots[k] ^ of->file) & mask_of_zero(found) & (base + k + 1);
	of->found = found;
	return found != 0;
}

/* -1: there is none, or it is far up. */
__noinline int descriptor_of(u64 file)
{
	struct search of = { file, 0 };

	LOOP(OTHER_SLOTS / FEW_SLOTS, search_step, &of);
	return (int)of.found - 1;
}

/* The last who had it let go of it.  Its memory stays that of a file, perhaps another (SLAB_TYPESAFE_BY_RCU). */
static __always_inline bool_t is_gone(struct file *file)
{
	if (bpf_core_field_exists(file->f_ref))
		return READ(file, f_ref.refcnt.counter) < 0;
	return READ((struct file___before_6_13 *)file, f_count.counter) <= 0;
}

/* Ending */

/* It is told, and not to be told again.  1: told. */
static __noinline int end_written(struct task_struct *task, const struct probe_written_key *key, struct probe_written *written)
{
	struct probe_descriptor by = { key->pid, written->fd };
	u64 untold = fetch_or(&written->untold, ENDED), *file;
	struct probe_record *record;
	struct told told;
	u32 off;

	/* Whoever comes second has nothing to tell. */
	if (untold & ENDED)
		return 0;
	record = record_begin(PROBE_WRITTEN, PROBE_CLASS_FILE_WRITE, task);
	off = record ? put_kept_file(record, key, written) : written->text_bytes;
	/* It was gone before, and the memory may be another's by now. */
	if (bpf_map_delete_elem(&writes, key)) {
		fetch_and(&written->untold, ~ENDED);
		if (record)
			record_drop();
		return 0;
	}
	set_told(&told, written, untold);
	count_kept(-1);
	count_pending(key->pid, -1);
	file = by.fd < 0 ? NULL : bpf_map_lookup_elem(&written_by, &by);
	if (file && *file == key->file)
		bpf_map_delete_elem(&written_by, &by);
	if (off > PROBE_WRITTEN_BYTES)
		bpf_map_delete_elem(&long_paths, key);
	if (record && told.count)
		send_written(task, record, off, &told);
	else if (record)
		record_drop();
	return record && told.count;
}

/* The descriptor may have gone, and may be another file's by now. */
__noinline int close_descriptor(int fd)
{
	struct task_struct *task = current_task();
	struct probe_descriptor by = { (u32)task->tgid, fd };
	struct probe_written_key key = { .pid = by.pid };
	struct probe_written *written;
	u64 *found = bpf_map_lookup_elem(&written_by, &by);
	int other;

	if (!found)
		return 0;
	key.file = *found;
	/* The call failed, or another thread was quick. */
	if ((u64)file_of(task, fd) == key.file)
		return 0;
	bpf_map_delete_elem(&written_by, &by);
	written = bpf_map_lookup_elem(&writes, &key);
	if (!written || written->fd != fd)
		return 0;
	other = is_gone((struct file *)key.file) ? -1 : descriptor_of(key.file);
	if (other >= 0) {
		find_by(written, key.file, key.pid, other);
		return 0;
	}
	written->fd = -1;	/* it is found by none any more */
	end_written(task, &key, written);
	return 0;
}

/* Another processor tells of it for the last time: the file is gone, and what was kept of it goes. */
static __noinline int tell_late(struct task_struct *task, const struct probe_written_key *key, struct probe_written *written, u64 inode,
				const struct told *told)
{
	struct probe_record *record = record_begin(PROBE_WRITTEN, PROBE_CLASS_FILE_WRITE, task);
	u32 off;

	if (!record)
		return 0;
	off = put_kept_file(record, key, written);
	if (written->inode == inode) {
		send_written(task, record, off, told);
	} else {
		record_drop();
		count_untold(told->first_ns);
	}
	return 0;
}

struct sweep {
	struct task_struct *task;
	u32 pid;
	u32 first, last;		/* descriptors that may have gone; all: whatever it is, it is told */
	bool_t all;
};

static long sweep_step(void *map, const struct probe_written_key *key, struct probe_written *written, struct sweep *of)
{
	struct probe_written_key copy = *key;

	if (copy.pid != of->pid)
		return 0;
	if (of->all)
		end_written(of->task, &copy, written);
	else if ((u32)written->fd >= of->first && (u32)written->fd <= of->last)
		close_descriptor(written->fd);
	return 0;
}

/* Beginning */

/* 0: another thread was first, or there is no room. */
static __noinline int begin_written(const struct probe_written_key *key, struct file *file, int fd, u64 bytes, u64 now_ns)
{
	struct probe_record *record = record_take(PROBE_CLASS_FILE_WRITE);
	struct probe_written *written;
	long r;

	if (!record)
		return 0;
	written = &((struct scratch *)record)->written;
	written->inode = (u64)READ(file, f_inode);
	written->first_ns = written->last_ns = now_ns;
	written->untold = ONE_WRITE + bytes;
	written->text_bytes = 0;
	keep_file(key, written, record, file);
	/* Both before it is there, so that nobody closes it unseen. */
	count_pending(key->pid, 1);
	find_by(written, key->file, key->pid, fd < 0 ? descriptor_of(number_of(file)) : fd);
	r = bpf_map_update_elem(&writes, key, written, BPF_NOEXIST);
	if (!r)
		count_kept(1);
	else
		count_pending(key->pid, -1);
	/* There is no room: it would be nobody's. */
	if (r && r != -EEXIST) {
		struct probe_descriptor by = { key->pid, written->fd };

		bpf_map_delete_elem(&written_by, &by);
		if (written->text_bytes > PROBE_WRITTEN_BYTES)
			bpf_map_delete_elem(&long_paths, key);
	}
	record_drop();
	return !r;
}

static __noinline int name_again(const struct probe_written_key *key, struct probe_written *written, struct file *file)
{
	struct probe_record *record = record_take(PROBE_CLASS_FILE_WRITE);

	if (!record)
		return 0;
	keep_file(key, written, record, file);
	record_drop();
	return 0;
}

/* `fd`: -1, nobody knows. */
static __always_inline void count_written(struct task_struct *task, struct file *file, int fd, struct inode *inode, u64 bytes)
{
	struct probe_written_key key = { .file = (u64)file, .pid = (u32)task->tgid };
	u64 now_ns = bpf_ktime_get_boot_ns();
	struct probe_written *written = bpf_map_lookup_elem(&writes, &key);

	/* Another file, whose memory was that of this one: nobody saw that closed. */
	if (written && written->inode != (u64)inode) {
		end_written(task, &key, written);
		written = NULL;
	}
	if (!written) {
		/* Not what was written to: the descriptor is another file's since, and what it was nobody knows. */
		if (!(READ(file, f_mode) & FMODE_WRITE)) {
			count_untold(now_ns);
			return;
		}
		/* Of whom the descriptor was: a close that has not returned yet has freed it.  Not in there: the frames of functions that
		 * call each other have to be few (above, MOST_DESCRIPTORS). */
		if (fd >= 0 && is_writer(key.pid))
			close_descriptor(fd);
		if (bytes < ONE_WRITE / 2 && begin_written(&key, file, fd, bytes, now_ns))
			return;
		written = bpf_map_lookup_elem(&writes, &key);
	}
	/* A clone may be longer than any write (fs/read_write.c, vfs_copy_file_range). */
	if (!written || bytes >= ONE_WRITE / 2) {
		tell_at_once(task, file, &(struct told){ now_ns, now_ns, 1, bytes });
		return;
	}
	if (fetch_add(&written->untold, ONE_WRITE + bytes) & ENDED) {
		tell_late(task, &key, written, (u64)inode, &(struct told){ now_ns, now_ns, 1, bytes });
		return;
	}
	if (name_of(file) != written->name || folder_of(file) != written->folder)
		name_again(&key, written, file);
	if (fd >= 0 && fd != written->fd && (written->fd < 0 || file_of(task, written->fd) != file))
		find_by(written, key.file, key.pid, fd);	/* the other one was closed unseen */
	set_state(&written->file, inode);
	if (now_ns < written->first_ns)
		written->first_ns = now_ns;
	if (now_ns > written->last_ns)
		written->last_ns = now_ns;
	if (is_due(written, now_ns))
		tell_due(task, file, &key, written, now_ns);
}

/* Closing */

struct range {
	u32 *pending;
	u32 first, last;
};

static __always_inline long range_step(u32 i, struct range *range)
{
	u32 fd = range->first + i;

	if (fd > range->last || *range->pending == 0)
		return 1;
	close_descriptor((int)fd);
	return 0;
}

static __always_inline void close_descriptors(u32 pid, u32 first, u32 last)
{
	struct probe_writers *all = writers_get();
	struct range range = { .first = first, .last = last };
	u32 highest;

	if (!all)
		return;
	range.pending = &all->pending[PROBE_WRITER(pid)];
	highest = all->highest[PROBE_WRITER(pid)];
	if (range.last > highest)
		range.last = highest;
	if (range.last - first < FEW_DESCRIPTORS)
		LOOP(FEW_DESCRIPTORS, range_step, &range);
	else if (range.last >= first && *range.pending)
		bpf_for_each_map_elem(&writes, sweep_step, &(struct sweep){ .task = current_task(), .pid = pid, .first = first, .last = range.last }, 0);
}

/* What closes, when it returns.  A close that fails has closed all the same (fs/open.c). */
SEC("tp_btf/sys_exit")
int BPF_PROG(act_close, struct pt_regs *regs, long ret)
{
	struct call call;

	if (!call_get(&call, regs))
		return 0;
	switch (call.plan->number) {
	case PROBE_CALL_close_range:
		if (!(call_arg(&call, 2) & CLOSE_RANGE_CLOEXEC))
			close_descriptors((u32)call.task->tgid, (u32)call_arg(&call, 0), (u32)call_arg(&call, 1));
		return 0;
	case PROBE_CALL_execve:
	case PROBE_CALL_execveat:
		return 0;
	default:
		close_descriptor((int)call_arg(&call, call.plan->at));
		return 0;
	}
}

/* While it is open it may still be asked. */
static __always_inline void keep_state(struct probe_written *written, struct file *file)
{
	struct inode *inode = READ(file, f_inode);

	if (written->inode == (u64)inode)
		set_state(&written->file, inode);
}

__noinline int flush_written(u64 file_at)
{
	struct task_struct *task = current_task();
	struct probe_written_key key = { .file = file_at, .pid = (u32)task->tgid };
	struct probe_written *written = bpf_map_lookup_elem(&writes, &key);

	if (written) {
		keep_state(written, (struct file *)file_at);
		end_written(task, &key, written);
	}
	return 0;
}

/* 1: there is nothing more to tell, or the table ends here. */
static __always_inline long flush_slots(u32 base, const u32 *pending)
{
	u64 slots[SLOTS];

	if (*pending == 0 || !read_slots(base, slots, SLOTS))
		return 1;
	for (u32 i = 0; i < SLOTS; i++)
		if (slots[i])
			flush_written(slots[i]);
	return 0;
}

static __always_inline long flush_step(u32 i, u32 **pending)
{
	return flush_slots(i * SLOTS, *pending);
}

__noinline int flush_some_slots(u32 base, u32 *pending)
{
	return pending ? (int)flush_slots(base, pending) : 1;
}

__noinline int flush_many_slots(u32 base, u32 *pending)
{
	for (u32 i = 0; i < MANY_SLOTS / SLOTS; i++, base += SLOTS)
		if (flush_some_slots(base, pending))
			return 1;
	return 0;
}

/* All that the current process wrote to: its open files, then what was closed unseen, which nobody else may be blamed for. */
static __always_inline void flush_all(struct task_struct *task, u32 *pending)
{
	struct sweep sweep = { .task = task, .pid = (u32)task->tgid, .all = 1 };
	u32 base = 0;

	/* Where the verifier follows each round, so many are too many for one loop. */
	if (HAS_LOOP)
		bpf_loop(MOST_DESCRIPTORS / SLOTS, flush_step, &pending, 0);
	else
		for (u32 i = 0; i < MOST_DESCRIPTORS / MANY_SLOTS; i++, base += MANY_SLOTS)
			if (flush_many_slots(base, pending))
				break;
	if (*pending)
		bpf_for_each_map_elem(&writes, sweep_step, &sweep, 0);
}

/* Before it is another program that wrote, and before its descriptors close (fs/exec.c, begin_new_exec). */
SEC("tp_btf/sched_prepare_exec")
int BPF_PROG(on_prepare_exec, struct task_struct *task, struct linux_binprm *bprm)
{
	u32 *pending = pending_of((u32)task->tgid);

	if (pending && *pending)
		flush_all(task, pending);
	return 0;
}

/* Where there is nothing like it: one that fails tells early. */
SEC("tp_btf/sys_enter")
int BPF_PROG(on_ask_exec, struct pt_regs *regs, long id)
{
	struct call call;
	u32 *pending;

	if (!call_get(&call, regs) || (call.plan->number != PROBE_CALL_execve && call.plan->number != PROBE_CALL_execveat))
		return 0;
	pending = pending_of((u32)call.task->tgid);
	if (pending && *pending)
		flush_all(call.task, pending);
	return 0;
}

/* A process that ends without closing.  Its descriptors are still there (kernel/exit.c, do_exit: exit_files comes later). */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_writer_exit, struct task_struct *task)
{
	u32 *pending = pending_of((u32)task->tgid);

	if (!pending || *pending == 0 || UNTRUSTED(task)->signal->live.counter != 0)
		return 0;
	flush_all(task, pending);
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
	char one = 1;

	if (!task || !file)
		return 0;
	key.file = (u64)file;
	key.pid = (u32)task->tgid;
	written = bpf_map_lookup_elem(&writes, &key);
	if (written)
		keep_state(written, file);
	if (written && end_written(task, &key, written))
		bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	return 0;
}
