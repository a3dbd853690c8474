/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls on files.  An open tells the file that the kernel opened, walked from its folder entry.  Calls that only name a file
 * leave nothing behind that a tracepoint could see: they tell the folder that the name begins at, walked likewise, and the
 * name as the program gave it. */

#include "call.h"

#define O_ACCMODE 03
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_PATH 010000000
#define O_OF_CREAT 01101		/* O_CREAT|O_WRONLY|O_TRUNC */
#define FMODE_CREATED (1u << 20)	/* since 4.19 */
#define FMODE_WRITE 2u

/* Writes to an open file that were not told yet. */
struct written {
	u64 first_ns, last_ns;
	u64 count, bytes;
	u64 inode;			/* the address may be another file's by now, where nobody told of the close */
	u32 pid;
	u32 told_first;			/* the first of this open file has been told */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);		/* address of the open file */
	__type(value, struct written);
} writes SEC(".maps");

/* Processes that have such: their closes are looked at, and at their end their descriptors. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, u32);
} writers SEC(".maps");

#define WRITER_DESCRIPTORS 256

static __always_inline u64 open_flags(const struct call *call)
{
	u64 flags = O_OF_CREAT;
	u64 at;

	if (call->plan->value < 0)
		return flags;
	at = call_arg(call, call->plan->value);
	if (call->plan->number != PROBE_CALL_openat2)
		return (u32)at;
	flags = 0;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)at);	/* struct open_how begins with them */
	return flags;
}

/* A file was opened: told if its kind of opening is wanted. */
static __always_inline void tell_open(struct task_struct *task, struct file *file, u64 flags, u16 call)
{
	u32 mode = READ(file, f_mode), created = !!(mode & FMODE_CREATED);
	u32 want = created ? PROBE_WANT_CREATE : flags & (O_ACCMODE | O_TRUNC) ? PROBE_WANT_WRITE : PROBE_WANT_READ;
	u32 class = created ? PROBE_CLASS_FILE : want == PROBE_WANT_WRITE ? PROBE_CLASS_FILE_WRITE : PROBE_CLASS_FILE_READ;
	struct probe_record *record;
	u64 key = (u64)file;
	u32 off;

	if (mode & FMODE_WRITE)
		bpf_map_delete_elem(&writes, &key);	/* of an open file that is gone */
	if (flags & O_PATH || !wants(want))
		return;
	if (name_is_excluded()) {
		count_dropped(class);
		return;
	}
	record = record_begin(PROBE_OPEN, class, task);
	if (!record)
		return;
	record->call = call;
	set_file(&record->body.file, file);
	record->body.file.flags = (u32)flags;
	record->body.file.created = created;
	off = put_file_path(record, FILE_PATH, 0, file);
	if (path_is_excluded(record)) {
		count_dropped(class);
		record_drop();
	} else {
		record_send(record, off, class);
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_open, struct pt_regs *regs, long ret)
{
	struct file *file;
	struct call call;
	u64 flags;

	if (!call_get(&call, regs))
		return 0;
	flags = open_flags(&call);
	if (!(flags & (O_ACCMODE | O_TRUNC | O_CREAT)) && !wants(PROBE_WANT_READ))
		return 0;
	file = file_of(call.task, ret);
	if (file)
		tell_open(call.task, file, flags, call.plan->number);
	return 0;
}

static __always_inline void tell_written(struct task_struct *task, struct file *file, const struct written *written)
{
	struct probe_record *record = record_begin(PROBE_WRITTEN, PROBE_CLASS_FILE_WRITE, task);
	u32 off = 0;

	if (!record)
		return;
	set_file(&record->body.file, file);
	record->body.file.flags = READ(file, f_flags);
	record->body.file.value[0] = written->bytes;
	record->body.file.value[1] = written->count;
	record->body.file.first_ns = written->first_ns;
	record->body.file.last_ns = written->last_ns;
	off = put_file_path(record, FILE_PATH, off, file);
	if (path_is_excluded(record)) {
		count_dropped(PROBE_CLASS_FILE_WRITE);
		record_drop();
	} else {
		record_send(record, off, PROBE_CLASS_FILE_WRITE);
	}
}

/* 0: another thread was first. */
static __always_inline bool_t begin_written(struct file *file, u64 now_ns, u64 bytes, u32 pid)
{
	struct written written = { .first_ns = now_ns, .last_ns = now_ns, .count = 1, .bytes = bytes, .pid = pid };
	u64 key = (u64)file;
	u32 one = 1;

	written.inode = READ(file, f_inode, i_ino);
	if (bpf_map_update_elem(&writes, &key, &written, BPF_NOEXIST))
		return 0;
	if (!bpf_map_lookup_elem(&writers, &pid))
		bpf_map_update_elem(&writers, &pid, &one, BPF_ANY);
	return 1;
}

static __always_inline bool_t is_of_file(const struct written *written, struct file *file)
{
	return written->inode == READ(file, f_inode, i_ino);
}

static __always_inline void count_written(struct task_struct *task, struct file *file, u64 bytes)
{
	struct probe_control *c = control_get();
	u64 key = (u64)file, now_ns = bpf_ktime_get_boot_ns();
	struct written *written = bpf_map_lookup_elem(&writes, &key);

	if (written && !is_of_file(written, file)) {
		bpf_map_delete_elem(&writes, &key);
		written = NULL;
	}
	if (!written) {
		if (begin_written(file, now_ns, bytes, (u32)task->tgid))
			return;
		written = bpf_map_lookup_elem(&writes, &key);
		if (!written)
			return;
	}
	__sync_fetch_and_add(&written->bytes, bytes);
	__sync_fetch_and_add(&written->count, 1);
	written->last_ns = now_ns;
	if (c && now_ns - written->first_ns >= (u64)c->write_interval_ms * 1000000) {
		struct written told = *written;

		bpf_map_delete_elem(&writes, &key);
		tell_written(task, file, &told);
	}
}

/* A descriptor is about to go. */
static __always_inline void flush_written(struct task_struct *task, struct file *file)
{
	u64 key = (u64)file;
	struct written *written = bpf_map_lookup_elem(&writes, &key), told;

	if (!written)
		return;
	told = *written;
	bpf_map_delete_elem(&writes, &key);
	if (is_of_file(&told, file))
		tell_written(task, file, &told);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long id)
{
	u32 pid = (u32)(bpf_get_current_pid_tgid() >> 32);
	struct file *file;
	struct call call;

	/* Most close what they only read. */
	if (!call_get(&call, regs) || call.plan->act != PROBE_ACT_CLOSE || !bpf_map_lookup_elem(&writers, &pid))
		return 0;
	file = file_of(call.task, (int)call_arg(&call, call.plan->at));
	if (file)
		flush_written(call.task, file);
	return 0;
}

/* A process that ends without closing.  Its descriptors are still there (kernel/exit.c, do_exit: exit_files comes later). */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_writer_exit, struct task_struct *task)
{
	u32 pid = (u32)task->tgid;

	if (task->signal->live.counter != 0 || !bpf_map_lookup_elem(&writers, &pid))
		return 0;
	bpf_map_delete_elem(&writers, &pid);
	for (int fd = 0; fd < WRITER_DESCRIPTORS; fd++) {
		struct file *file = file_of(task, fd);

		if (file)
			flush_written(task, file);
	}
	return 0;
}

static __always_inline u32 put_folder(struct probe_record *record, u32 n, u32 off, const struct call *call, int at, u64 name)
{
	struct task_struct *task = call->task;
	struct fs_struct *fs = READ(task, fs);
	int fd = at < 0 ? AT_FDCWD : (int)call_arg(call, at);
	struct file *file;
	char first = 0;

	bpf_probe_read_user(&first, 1, (void *)name);
	if (first == '/')
		return put_path(record, n, off, READ(fs, root.mnt), READ(fs, root.dentry));
	if (fd == AT_FDCWD)
		return put_path(record, n, off, READ(fs, pwd.mnt), READ(fs, pwd.dentry));
	file = file_of(task, fd);
	if (!file) {
		record->cut |= 1 << n;
		return off;
	}
	return put_file_path(record, n, off, file);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_name, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct call call;
	u32 off = 0, class;
	u64 name;

	if (!call_get(&call, regs))
		return 0;
	class = call.plan->class_;
	record = call_record(&call, PROBE_NAME, class);
	if (!record)
		return 0;
	set_arguments(record, &call, ret);
	if (call.plan->name >= 0) {
		name = call_arg(&call, call.plan->name);
		off = put_folder(record, NAME_FOLDER, off, &call, call.plan->at, name);
		off = put_string(record, NAME_GIVEN, off, (void *)name, 1, NAME_BYTES);
	}
	if (call.plan->name2 >= 0) {
		name = call_arg(&call, call.plan->name2);
		if (call.plan->at2 != -2)
			off = put_folder(record, NAME_FOLDER2, off, &call, call.plan->at2, name);
		off = put_string(record, NAME_GIVEN2, off, (void *)name, 1, NAME_BYTES);
	}
	record_send(record, off, class);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_file, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct file *file;
	struct call call;
	u32 off = 0;

	if (!call_get(&call, regs))
		return 0;
	file = file_of(call.task, (int)call_arg(&call, call.plan->at));
	if (!file)
		return 0;
	record = call_record(&call, PROBE_FILE, PROBE_CLASS_FILE);
	if (!record)
		return 0;
	set_file(&record->body.file, file);
	record->body.file.value[0] = call_arg(&call, call.plan->value);
	record->body.file.value[1] = call_arg(&call, call.plan->value + 1);
	record->body.file.result = ret;
	off = put_file_path(record, FILE_PATH, off, file);
	if (call.plan->name2 >= 0)
		off = put_string(record, FILE_EXTRA, off, (void *)call_arg(&call, call.plan->name2), 1, COMPONENT_BYTES);
	record_send(record, off, PROBE_CLASS_FILE);
	return 0;
}

#define MAP_ANONYMOUS 0x20

SEC("tp_btf/sys_exit")
int BPF_PROG(act_map, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct file *file;
	struct call call;
	u32 off = 0;
	u64 flags;

	if (!call_get(&call, regs) || !(call_arg(&call, 2) & PROT_EXEC))
		return 0;
	flags = call_arg(&call, 3);
	if (flags & MAP_ANONYMOUS) {
		if (!wants(PROBE_WANT_MEMORY))
			return 0;
		record = call_record(&call, PROBE_CALL, PROBE_CLASS_SECURITY);
		if (!record)
			return 0;
		set_arguments(record, &call, ret);
		record_send(record, 0, PROBE_CLASS_SECURITY);
		return 0;
	}
	if (!wants(PROBE_WANT_IMAGE))
		return 0;
	file = file_of(call.task, (int)call_arg(&call, 4));
	if (!file)
		return 0;
	record = call_record(&call, PROBE_MAP, PROBE_CLASS_IMAGE);
	if (!record)
		return 0;
	set_file(&record->body.file, file);
	record->body.file.flags = (u32)flags;
	off = put_file_path(record, FILE_PATH, off, file);
	record_send(record, off, PROBE_CLASS_IMAGE);
	return 0;
}
