/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls on files.  An open tells the file that the kernel opened, walked from its folder entry.  Calls that only name a file
 * leave nothing behind that a tracepoint could see: they tell the folder that the name begins at, walked likewise, and the
 * name as the program gave it. */

#include "call.h"
#include "gain.h"

#define O_ACCMODE 03
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_TMPFILE 020200000
#define O_OF_CREAT 01101		/* O_CREAT|O_WRONLY|O_TRUNC */
#define FMODE_PATH (1u << 14)
#define FMODE_CREATED (1u << 20)	/* since 4.19 */

/* It has no name anywhere but in the descriptors, and is new. */
static __always_inline bool_t is_memfd(u16 call)
{
	return call == PROBE_CALL_memfd_create || call == PROBE_CALL_memfd_secret;
}

static __always_inline u64 open_flags(const struct call *call)
{
	u64 flags = O_OF_CREAT;
	u64 at;

	if (is_memfd(call->plan->number))
		return (u32)call_arg(call, call->plan->name + 1);	/* after the name, which one of them has not */
	if (call->plan->value < 0)
		return flags;
	at = call_arg(call, call->plan->value);
	if (call->plan->number != PROBE_CALL_openat2)
		return (u32)at;
	flags = 0;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)at);	/* struct open_how begins with them */
	return flags;
}

/* What an opened file gives besides.  An event of its own, so that it is there for who leaves out or lets go of openings.  A
 * function of its own to the verifier: `at` is the file. */
__noinline int tell_gain(u64 at, u32 flags, u32 call)
{
	struct task_struct *task = current_task();
	struct file *file = (struct file *)at;
	u32 gain = gain_of(file), class = gain == GAIN_RAW ? PROBE_CLASS_SECURITY : PROBE_CLASS_PROCESS;
	struct probe_record *record;
	u32 off = 0, pid = 0;

	if (gain == GAIN_NOTHING || !wants(gain == GAIN_RAW ? PROBE_WANT_RAW : PROBE_WANT_ACCESS))
		return 0;
	if (gain == GAIN_PROCESS) {
		pid = process_of_memory(file);
		if (pid == (u32)task->tgid)
			return 0;
	}
	record = record_begin(gain == GAIN_RAW ? PROBE_RAW : PROBE_ACCESS, class, task);
	if (!record)
		return 0;
	record->call = (u16)call;
	if (gain == GAIN_RAW) {
		set_file(&record->body.file, file);
		record->body.file.flags = flags;
		record->body.file.value[0] = READ(file, f_inode, i_rdev);
		off = put_walked(record, 0, file);
	} else {
		record->body.call.value[0] = pid;
		record->body.call.value[1] = flags;
	}
	record_send(record, off, class);
	return 0;
}

/* A file was opened: told if its kind of opening is wanted. */
static __always_inline void tell_open(struct task_struct *task, struct file *file, u64 flags, u16 call)
{
	u32 mode = READ(file, f_mode), created = !!(mode & FMODE_CREATED) || is_memfd(call);
	u32 want = created ? PROBE_WANT_CREATE : flags & (O_ACCMODE | O_TRUNC) ? PROBE_WANT_WRITE : PROBE_WANT_READ;
	u32 class = created ? PROBE_CLASS_FILE : want == PROBE_WANT_WRITE ? PROBE_CLASS_FILE_WRITE : PROBE_CLASS_FILE_READ;
	struct probe_record *record;
	u32 off;

	if (mode & FMODE_PATH)
		return;
	if (wants(PROBE_WANT_ACCESS | PROBE_WANT_RAW))
		tell_gain((u64)file, (u32)flags, call);
	if (!wants(want))
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
	off = put_walked(record, 0, file);
	if (created)
		record->body.file.origin |= PROBE_CREATED;
	/* A file without a name is told as its folder, and has a number for a name here. */
	if ((flags & O_TMPFILE) != O_TMPFILE && path_is_excluded(record)) {
		count_dropped(class);
		record_drop();
	} else {
		if (has_own_root(task))
			off = put_root((struct scratch *)record, FILE_ROOT, off);
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
	file = file_of(call.task, ret);
	if (!file)
		return 0;
	flags = open_flags(&call);
	/* They stand in memory of the program, which may hold others by now. */
	if (call.plan->number == PROBE_CALL_openat2)
		flags = (flags & ~(u64)O_ACCMODE) | (READ(file, f_flags) & O_ACCMODE);
	tell_open(call.task, file, flags, call.plan->number);
	return 0;
}

/* Where a name of the current task that begins so begins.  A function of its own to the verifier. */
__noinline u32 put_folder(struct scratch *scratch, u32 n, u32 off, int fd, char first)
{
	struct probe_record *record = (struct probe_record *)scratch;
	struct task_struct *task = current_task();
	struct fs_struct *fs = READ(task, fs);

	if (!scratch)
		return off;
	/* The bound where the verifier sees it. */
	barrier_var(n);
	n &= NAME_FOLDER2;
	if (first == '/') {
		off = put_path(record, n, off, READ(fs, root.mnt), READ(fs, root.dentry));
	} else if (fd == AT_FDCWD) {
		off = put_path(record, n, off, READ(fs, pwd.mnt), READ(fs, pwd.dentry));
	} else {
		struct file *file = file_of(task, fd);

		if (!file) {
			record->cut |= 1 << n;
			return off;
		}
		off = put_file_path(record, n, off, file);
	}
	/* Both of one are in one mount, or the call fails; what is told of a failed one is the first that it gave. */
	if (!record->body.call.origin)
		record->body.call.origin = mounts_walked(scratch);
	if (scratch->uppermost && scratch->uppermost != (u64)UNTRUSTED(task)->nsproxy->mnt_ns->root)
		record->head.flags |= PROBE_ELSEWHERE;
	return off;
}

static __always_inline char first_of_given(u64 name)
{
	char first = 0;

	bpf_probe_read_user(&first, 1, (void *)name);
	return first;
}

static __always_inline int folder_of_call(const struct call *call, int at)
{
	return at < 0 ? AT_FDCWD : (int)call_arg(call, at);
}

/* What names begin with that begin in the same folder; 0: nobody knows. */
static __always_inline bool_t is_same_folder(const struct call *call, char first, char first2)
{
	if (!first || !first2 || (first == '/') != (first2 == '/'))
		return 0;
	return first == '/' || folder_of_call(call, call->plan->at) == folder_of_call(call, call->plan->at2);
}

/* Most files are given another name in the folder where they are. */
static __always_inline u32 put_folder2(struct probe_record *record, u32 off, const struct call *call, char first, char first2)
{
	if (is_same_folder(call, first, first2)) {
		record->head.flags |= PROBE_SAME_FOLDER;
		return off;
	}
	return put_folder((struct scratch *)record, NAME_FOLDER2, off, folder_of_call(call, call->plan->at2), first2);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_name, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct call call;
	u32 off = 0, class;
	char first = 0;
	u64 name;

	if (!call_get(&call, regs))
		return 0;
	class = call.plan->class_;
	record = call_record(&call, PROBE_NAME, class);
	if (!record)
		return 0;
	set_arguments(record, &call, ret);
	set_root(&record->body.call.root, call.task);
	if (call.plan->name >= 0) {
		name = call_arg(&call, call.plan->name);
		first = first_of_given(name);
		off = put_folder((struct scratch *)record, NAME_FOLDER, off, folder_of_call(&call, call.plan->at), first);
		off = put_string(record, NAME_GIVEN, off, (void *)name, 1, NAME_BYTES);
	}
	if (call.plan->name2 >= 0) {
		name = call_arg(&call, call.plan->name2);
		if (call.plan->at2 != -2)
			off = put_folder2(record, off, &call, first, first_of_given(name));
		off = put_string(record, NAME_GIVEN2, off, (void *)name, 1, NAME_BYTES);
	}
	if (first != '/' && has_own_root(call.task))
		off = put_root((struct scratch *)record, NAME_ROOT, off);
	record_send(record, off, class);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_file, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct file *file;
	struct call call;
	u32 off = 0, class;

	if (!call_get(&call, regs))
		return 0;
	class = call.plan->class_;
	file = file_of(call.task, (int)call_arg(&call, call.plan->at));
	/* A driver that comes is told in any case, also if somebody has closed its file meanwhile. */
	if (!file)
		return class == PROBE_CLASS_DRIVER ? send_call(&call, ret) : 0;
	record = call_record(&call, PROBE_FILE, class);
	if (!record)
		return 0;
	set_file(&record->body.file, file);
	record->body.file.changed_ns = changed_ns(READ(file, f_inode));
	record->body.file.value[0] = call_arg(&call, call.plan->value);
	record->body.file.value[1] = call_arg(&call, call.plan->value + 1);
	record->body.file.result = ret;
	off = put_walked(record, off, file);
	if (call.plan->name2 >= 0)
		off = put_string(record, FILE_EXTRA, off, (void *)call_arg(&call, call.plan->name2), 1, COMPONENT_BYTES);
	if (has_own_root(call.task))
		off = put_root((struct scratch *)record, FILE_ROOT, off);
	record_send(record, off, class);
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
	record->body.file.changed_ns = changed_ns(READ(file, f_inode));
	off = put_walked(record, off, file);
	record_send(record, off, PROBE_CLASS_IMAGE);
	return 0;
}
