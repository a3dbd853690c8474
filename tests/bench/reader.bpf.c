/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's side of the ring reader: who did what, with the names as the program gave them, an event a record.  No path
 * is walked and no record is made longer than one reservation: a recorder can do no less. */

#include "kernel.h"
#include "reader.h"

#define PF_KTHREAD 0x00200000
#define O_MAY_CHANGE 0103		/* O_WRONLY, O_RDWR, O_CREAT */
#define TCP_ESTABLISHED 1
#define TCP_CLOSE 7
#define ADDRESS_BYTES 28		/* struct sockaddr_in6 */
#define RING_BYTES (8u << 20)
#define WAKE_BYTES (RING_BYTES / 8)

const volatile struct reader_call calls[READER_CALLS];
const volatile unsigned char wants_reads;
unsigned long long lost;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

static __always_inline struct reader_record *begin(u32 kind, struct task_struct *task)
{
	struct reader_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->cred;

	if (!record) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	__builtin_memset(record, 0, __builtin_offsetof(struct reader_record, text));
	record->time_ns = bpf_ktime_get_boot_ns();
	record->start_ns = leader->start_boottime;
	record->kind = kind;
	record->pid = (u32)task->tgid;
	record->tid = (u32)task->pid;
	record->ppid = (u32)leader->real_parent->tgid;
	record->uid = cred->uid.val;
	record->euid = cred->euid.val;
	record->gid = cred->gid.val;
	record->egid = cred->egid.val;
	bpf_probe_read_kernel(record->name, sizeof(record->name), &task->comm);
	return record;
}

/* Wakes the reader each time another part of the ring is full: it looks by itself now and then. */
static __always_inline void send(struct reader_record *record)
{
	u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	bool_t is_due = used / WAKE_BYTES != (used - sizeof(*record)) / WAKE_BYTES;

	bpf_ringbuf_submit(record, is_due ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void set_string(struct reader_record *record, u32 n, u64 at)
{
	long size = bpf_probe_read_user_str(record->text[n], READER_TEXT_BYTES, (void *)at);

	record->text_bytes[n] = size > 0 ? (u32)size : 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct reader_record *record;

	if (child->pid != child->tgid || child->flags & PF_KTHREAD)
		return 0;
	record = begin(READER_FORK, child);
	if (record)
		send(record);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct reader_record *record = begin(READER_EXEC, task);
	u64 args, size;
	long n;

	if (!record)
		return 0;
	n = bpf_probe_read_kernel_str(record->text[0], READER_TEXT_BYTES, bprm->filename);
	record->text_bytes[0] = n > 0 ? (u32)n : 0;
	args = BPF_CORE_READ(task, mm, arg_start);
	size = BPF_CORE_READ(task, mm, arg_end) - args;
	if (size > READER_TEXT_BYTES)
		size = READER_TEXT_BYTES;
	barrier_var(size);
	if (size <= READER_TEXT_BYTES && !bpf_probe_read_user(record->text[1], (u32)size, (void *)args))
		record->text_bytes[1] = (u32)size;
	send(record);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct reader_record *record;

	if (task->signal->live.counter != 0 || task->flags & PF_KTHREAD)
		return 0;
	record = begin(READER_EXIT, task);
	if (!record)
		return 0;
	record->result = task->exit_code;
	send(record);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
#define CALL_NUMBER(regs) ((u32)(regs)->orig_ax)
#define ARGUMENTS(regs) { (regs)->di, (regs)->si, (regs)->dx, (regs)->r10 }
#elif defined(__TARGET_ARCH_arm64)
#define CALL_NUMBER(regs) ((u32)(regs)->syscallno)
#define ARGUMENTS(regs) { (regs)->orig_x0, (regs)->regs[1], (regs)->regs[2], (regs)->regs[3] }
#endif

static __always_inline u64 argument(struct pt_regs *regs, u32 n)
{
	const u64 all[] = ARGUMENTS(regs);

	switch (n) {
	case 0: return all[0];
	case 1: return all[1];
	case 2: return all[2];
	default: return all[3];
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	u32 number = CALL_NUMBER(regs), kind;
	const volatile struct reader_call *call;
	struct reader_record *record;

	if (number >= READER_CALLS)
		return 0;
	call = &calls[number];
	kind = call->kind;
	if (kind == READER_NOTHING || (ret < 0 && ret > -4096 && kind != READER_CONNECT))
		return 0;
	if (call->flags != READER_NONE && !(argument(regs, call->flags) & O_MAY_CHANGE)) {
		if (!wants_reads)
			return 0;
		kind = READER_READ;
	}
	record = begin(kind, (struct task_struct *)bpf_get_current_task_btf());
	if (!record)
		return 0;
	record->call = number;
	record->result = ret;
	for (u32 i = 0; i < READER_TEXTS; i++)
		if (call->path[i] != READER_NONE)
			set_string(record, i, argument(regs, call->path[i]));
	if (kind == READER_CONNECT && !bpf_probe_read_user(record->text[0], ADDRESS_BYTES, (void *)argument(regs, 1)))
		record->text_bytes[0] = ADDRESS_BYTES;
	send(record);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, const struct sock *sk, int old_state, int new_state)
{
	struct reader_record *record;
	u32 *address;

	if (new_state != TCP_ESTABLISHED && new_state != TCP_CLOSE)
		return 0;
	record = begin(READER_STATE, (struct task_struct *)bpf_get_current_task_btf());
	if (!record)
		return 0;
	record->result = new_state;
	address = (u32 *)record->text[0];
	address[0] = sk->__sk_common.skc_rcv_saddr;
	address[1] = sk->__sk_common.skc_daddr;
	address[2] = sk->__sk_common.skc_num;
	address[3] = sk->__sk_common.skc_dport;
	record->text_bytes[0] = 16;
	send(record);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
