/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fork, exec and exit of processes.  Threads are left out, and so are the kernel's own, which are no processes of anybody. */

#include "askers.h"
#include "groups.h"
#include "namespaces.h"

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct probe_record *record;

	if (child->pid != child->tgid || child->flags & PF_KTHREAD)
		return 0;
	record = record_begin(PROBE_FORK, PROBE_CLASS_FORK, child);
	if (!record)
		return 0;
	put_namespaces(record, child);
	record_send(record, 0, PROBE_CLASS_FORK);
	return 0;
}

#define SIGNAL_GROUP_EXIT 0x00000004

/* When the last thread goes.  Its exit code is that of the process only if it is the first thread or all were told to go. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct signal_struct *signal = UNTRUSTED(task)->signal;
	struct task_struct *leader = UNTRUSTED(task)->group_leader;
	struct probe_record *record;

	if (signal->live.counter != 0 || task->flags & PF_KTHREAD)
		return 0;
	asker_remove((u32)task->tgid);
	record = record_begin(PROBE_EXIT, PROBE_CLASS_EXIT, task);
	if (!record)
		return 0;
	record->body.call.value[0] = signal->flags & SIGNAL_GROUP_EXIT ? (u32)signal->group_exit_code
								       : (u32)leader->exit_code;
	record_send(record, 0, PROBE_CLASS_EXIT);
	return 0;
}

struct rest {
	struct probe_record *record;
	u64 at, end;
};

static __always_inline long rest_step(u32 i, struct rest *rest)
{
	struct probe_record *record = rest->record;
	u64 take;

	if (rest->at >= rest->end)
		return 1;
	take = rest->end - rest->at;
	barrier_var(take);
	if (take > TEXT_BYTES)
		take = TEXT_BYTES;
	if (bpf_probe_read_user(record->text, (u32)take, (void *)rest->at))
		return 1;
	record->text_bytes[0] = (u16)take;
	if (record_push(record, take))
		return 1;
	rest->at += take;
	return 0;
}

/* What does not fit into the record of the exec: pieces that follow it on the same processor.  A function of its own to the
 * verifier. */
__noinline int send_rest(struct scratch *scratch, u64 at, u64 end, u32 is_env)
{
	struct probe_record *record = (struct probe_record *)scratch;
	struct rest rest = { record, at, end };

	if (!scratch)
		return 0;
	record->head.type = PROBE_MORE;
	__builtin_memset(&record->body, 0, sizeof(record->body));
	__builtin_memset(record->text_bytes, 0, sizeof(record->text_bytes));
	record->body.more.is_env = is_env;
	record->cut = 0;
	LOOP(PIECES, rest_step, &rest);
	return 0;
}

#define FIRST_ARGS 4096u
#define FIRST_ENV 4096u
#define MNT_INTERNAL 0x4000

/* The file of a script is closed by now, its name is known.  Who looks for it, or for one that stands among the arguments, must see
 * the root of the process. */
static __always_inline u32 put_script(struct probe_record *record, u32 off, struct task_struct *task, struct linux_binprm *bprm)
{
	const char *script = bprm->filename;
	u64 namespaces[PROBE_N_NAMESPACES / 2];
	struct probe_root root;
	u32 end = off;

	if (off >= TEXT_BYTES)
		return off;
	set_root(&root, task);
	bpf_probe_read_kernel(text_at(record, off), sizeof(root), &root);
	end += sizeof(root);
	/* A thread beside the first that executes a program becomes the process, with what it had of its own. */
	if (namespaces_of(namespaces, task)) {
		bpf_probe_read_kernel(text_at(record, end), sizeof(namespaces), namespaces);
		end += sizeof(namespaces);
		record->head.flags |= PROBE_NAMESPACES;
	}
	if (script != bprm->interp)
		end = put_string(record, EXEC_SCRIPT, end, script, 0, NAME_BYTES);
	return text_end(record, EXEC_SCRIPT, off, end);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct probe_record *record = record_begin(PROBE_EXEC, PROBE_CLASS_EXEC, task);
	struct mm_struct *mm = UNTRUSTED(task)->mm;
	struct fs_struct *fs = UNTRUSTED(task)->fs;
	struct file *file;
	struct inode *inode;
	struct dentry *dentry;
	const struct cred *cred;
	struct tty_struct *tty;
	u64 args, args_end, env, env_end;
	u32 off = 0, begin;

	if (!record)
		return 0;
	file = READ(mm, exe_file);
	inode = READ(file, f_inode);
	dentry = READ(file, f_path.dentry);
	record->body.exec.inode = READ(inode, i_ino);
	record->body.exec.device = READ(inode, i_sb, s_dev);
	record->body.exec.mode = READ(inode, i_mode);
	record->body.exec.uid = READ(inode, i_uid.val);
	record->body.exec.gid = READ(inode, i_gid.val);
	record->body.exec.changed_ns = changed_ns(inode);
	record->body.exec.is_unhashed = READ(dentry, d_hash.pprev) == NULL;
	record->body.exec.is_internal = !!(READ(file, f_path.mnt, mnt_flags) & MNT_INTERNAL);
	record->body.exec.argc = (u32)bprm->argc;
	cred = UNTRUSTED(task)->cred;
	record->body.exec.caps[0] = word_at((u64)&cred->cap_permitted);
	record->body.exec.caps[1] = word_at((u64)&cred->cap_effective);
	record->body.exec.caps[2] = word_at((u64)&cred->cap_inheritable);
	record->body.exec.caps[3] = word_at((u64)&cred->cap_ambient);
	off = put_file_path(record, EXEC_PATH, off, file);
	off = put_path(record, EXEC_CWD, off, READ(fs, pwd.mnt), READ(fs, pwd.dentry));
	tty = READ(task, signal, tty);
	begin = off;
	if (tty)
		off = put_string(record, EXEC_TTY, off, &tty->name, 0, 64);
	off = put_groups(record, EXEC_TTY, begin, off, task);
	off = put_script(record, off, task, bprm);
	args = READ(mm, arg_start);
	args_end = READ(mm, arg_end);
	env = READ(mm, env_start);
	env_end = READ(mm, env_end);
	record->body.exec.args_bytes = (u32)(args_end - args);
	record->body.exec.env_bytes = (u32)(env_end - env);
	off = put_block(record, EXEC_ENV, off, env, env_end - env, FIRST_ENV);
	off = put_block(record, EXEC_ARGS, off, args, args_end - args, FIRST_ARGS);
	record_output(record, off, PROBE_CLASS_EXEC);
	if (env_end - env > FIRST_ENV)
		send_rest((struct scratch *)record, env + FIRST_ENV, env_end, 1);
	if (args_end - args > FIRST_ARGS)
		send_rest((struct scratch *)record, args + FIRST_ARGS, args_end, 0);
	record_drop();
	return 0;
}
