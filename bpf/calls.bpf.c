/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where every system call passes when it returns: what nobody wants goes on after a look at a table; for the rest the
 * program of its act takes over (a tail call).  And the acts that are no more than their arguments. */

#include "askers.h"
#include "call.h"
#include "gain.h"
#include "groups.h"
#include "writers.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, N_PROBE_ACTS);
	__type(key, u32);
	__type(value, u32);
} acts SEC(".maps");

#define OPEN_CHANGES (03 | 0100 | 01000)	/* O_ACCMODE, O_CREAT, O_TRUNC */

/* Nobody wants the opening as such; few files give more than themselves. */
static __always_inline bool_t is_usual_open(const struct call *call, const struct probe_control *c, long ret)
{
	bool_t may_change = call->plan->value < 0 || call->plan->number == PROBE_CALL_openat2 ||
			    call_arg(call, call->plan->value) & OPEN_CHANGES;
	struct file *file;

	if (c->wants & PROBE_WANT_READ || (may_change && c->wants & (PROBE_WANT_CREATE | PROBE_WANT_WRITE)))
		return 0;
	if (!(c->wants & (PROBE_WANT_ACCESS | PROBE_WANT_RAW)))
		return 1;
	file = file_of(call->task, ret);
	return !file || gain_of(file) == GAIN_NOTHING;
}

/* What programs do all day and nobody wants is left before the jump, which costs more than the look. */
static __always_inline bool_t is_usual(const struct call *call, const struct probe_control *c, u32 act, long ret)
{
	if (act == PROBE_ACT_CLOSE)
		return !is_writer((u32)call->task->tgid);
	if (act == PROBE_ACT_READ || act == PROBE_ACT_RECEIVE)
		return !has_asked((u32)call->task->tgid);
	return act == PROBE_ACT_OPEN && is_usual_open(call, c, ret);
}

/* For act_look, which is to see what it moved. */
static __always_inline bool_t moves_by_socket(const struct call *call, u32 act)
{
	struct file *file;

	if (act != PROBE_ACT_WRITE && act != PROBE_ACT_READ && act != PROBE_ACT_SEND && act != PROBE_ACT_RECEIVE)
		return 0;
	file = file_of(call->task, (int)call_arg(call, 0));
	return file && (file_mode(file) & S_IFMT) == S_IFSOCK;
}

/* A call that failed did nothing, but for a close; and who tried to connect is worth knowing, also by a message (MSG_FASTOPEN). */
static __always_inline bool_t is_failure(u32 act, long ret)
{
	return ret < 0 && ret > -4096 && act != PROBE_ACT_CONNECT && act != PROBE_ACT_CLOSE &&
	       !(act == PROBE_ACT_SEND && (ret == -EINPROGRESS || ret == -ERESTARTSYS || ret == -EINTR));
}

/* To a place that is known when it is loaded the kernel jumps without looking it up, where processors have to be kept from guessing
 * (kernel/bpf/verifier.c, struct bpf_jit_poke_descriptor). */
#define JUMP(place)                                \
	case place:                                \
		bpf_tail_call_static(ctx, &acts, place); \
		break

static __always_inline void go_on(void *ctx, u32 act)
{
	switch (act) {
	JUMP(PROBE_ACT_OPEN);
	JUMP(PROBE_ACT_NAME);
	JUMP(PROBE_ACT_WRITE);
	JUMP(PROBE_ACT_CLOSE);
	JUMP(PROBE_ACT_READ);
	JUMP(PROBE_ACT_MAP);
	JUMP(PROBE_ACT_CONNECT);
	JUMP(PROBE_ACT_ACCEPT);
	default:
		bpf_tail_call(ctx, &acts, act);
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	struct probe_control *c;
	struct call call;
	u32 act;

	if (!call_get(&call, regs))
		return 0;
	act = call.plan->act;
	c = control_get();
	if (!c || is_failure(act, ret) || c->own_pid == (u32)call.task->tgid)
		return 0;
	if (c->wants & PROBE_WANT_HTTP && ret > 0 && moves_by_socket(&call, act))
		bpf_tail_call(ctx, &acts, PROBE_ACT_LOOK);	/* and from there to its act */
	if (is_usual(&call, c, act, ret))
		return 0;
	go_on(ctx, act);
	return 0;
}

static __always_inline void set_arguments(struct probe_record *record, const struct call *call, long ret)
{
	for (int i = 0; i < 6; i++)
		record->body.call.value[i] = call_arg(call, i);
	record->body.call.result = ret;
}

/* Of a thread beside the first the process is not: where its first thread is, is what /proc shows of it. */
static __always_inline bool_t moves_process(const struct call *call)
{
	return (call->plan->number == PROBE_CALL_unshare || call->plan->number == PROBE_CALL_setns) &&
	       call->task->pid == call->task->tgid;
}

static __always_inline bool_t sets_groups(const struct call *call)
{
	return (call->plan->number == PROBE_CALL_setgroups || call->plan->number == PROBE_CALL_setgroups32) &&
	       call->task->pid == call->task->tgid;
}

static __always_inline int send_call(const struct call *call, long ret)
{
	u32 class = call->plan->class_, end = 0;
	struct probe_record *record = call_record(call, PROBE_CALL, class);

	if (!record)
		return 0;
	set_arguments(record, call, ret);
	if (moves_process(call))
		put_namespaces(record, call->task);
	if (sets_groups(call))
		end = put_groups(record, 0, 0, 0, call->task);
	record_send(record, end, class);
	return 0;
}

#define ADJ_SETOFFSET 0x100		/* steps the clock: all else slews it (adjtimex(2)) */

static __always_inline bool_t only_slews(const struct call *call)
{
	u32 modes = 0;			/* struct timex begins with them */

	switch (call->plan->number) {
	case PROBE_CALL_adjtimex: case PROBE_CALL_clock_adjtime: case PROBE_CALL_clock_adjtime64:
		return bpf_probe_read_user(&modes, sizeof(modes), (void *)call_arg(call, call->plan->value)) || !(modes & ADJ_SETOFFSET);
	default:
		return 0;
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_call, struct pt_regs *regs, long ret)
{
	struct call call;

	return call_get(&call, regs) && !only_slews(&call) ? send_call(&call, ret) : 0;
}

#define PROT_EXEC 4

SEC("tp_btf/sys_exit")
int BPF_PROG(act_protect, struct pt_regs *regs, long ret)
{
	struct call call;

	if (!call_get(&call, regs) || !(call_arg(&call, 2) & PROT_EXEC))
		return 0;
	return send_call(&call, ret);
}

/* Requests that take hold of a process or write into it (linux/ptrace.h): not those that a debugger repeats without end. */
static __always_inline bool_t takes_hold(u32 request)
{
	switch (request) {
	case 4: case 5: case 6:		/* POKE* */
	case 13: case 15:		/* SETREGS, SETFPREGS */
	case 16:			/* ATTACH */
	case 0x4205: case 0x4206:	/* SETREGSET, SEIZE */
		return 1;
	default:
		return 0;
	}
}

/* The caller itself, as its pid namespace numbers it: many look at their own memory by such a call, which then cannot fault. */
static __always_inline bool_t is_caller(struct task_struct *task, u32 pid)
{
	return pid == pid_in_namespace(task) || pid == pid_in_namespace(UNTRUSTED(task)->group_leader);
}

/* Calls on another process. */
SEC("tp_btf/sys_exit")
int BPF_PROG(act_ptrace, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct file *file;
	struct call call;
	u32 pid = 0;

	if (!call_get(&call, regs))
		return 0;
	switch (call.plan->number) {
	case PROBE_CALL_ptrace:
		if (!takes_hold((u32)call_arg(&call, 0)))
			return 0;
		break;
	case PROBE_CALL_pidfd_getfd:
		file = file_of(call.task, (int)call_arg(&call, call.plan->at));
		pid = file ? process_of_pidfd(file) : 0;
		if (pid == (u32)call.task->tgid)
			return 0;
		break;
	default:
		if (is_caller(call.task, (u32)call_arg(&call, 0)))
			return 0;
		break;
	}
	record = call_record(&call, PROBE_CALL, PROBE_CLASS_PROCESS);
	if (!record)
		return 0;
	set_arguments(record, &call, ret);
	if (call.plan->number == PROBE_CALL_pidfd_getfd)
		record->body.call.value[3] = pid;
	record_send(record, 0, PROBE_CLASS_PROCESS);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_caps, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	const struct cred *cred;
	struct call call;

	if (!call_get(&call, regs))
		return 0;
	record = call_record(&call, PROBE_CALL, PROBE_CLASS_PROCESS);
	if (!record)
		return 0;
	cred = UNTRUSTED(call.task)->cred;
	record->body.call.value[0] = word_at((u64)&cred->cap_permitted);
	record->body.call.value[1] = word_at((u64)&cred->cap_effective);
	record->body.call.value[2] = word_at((u64)&cred->cap_inheritable);
	record->body.call.value[3] = word_at((u64)&cred->cap_ambient);
	record_send(record, 0, PROBE_CLASS_PROCESS);
	return 0;
}

#define BPF_PROG_LOAD_COMMAND 5

SEC("tp_btf/sys_exit")
int BPF_PROG(act_program, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct bpf_prog *prog;
	struct file *file;
	struct call call;

	if (!call_get(&call, regs) || (u32)call_arg(&call, 0) != BPF_PROG_LOAD_COMMAND)
		return 0;
	file = file_of(call.task, ret);
	if (!file)
		return 0;
	record = call_record(&call, PROBE_PROGRAM, PROBE_CLASS_DRIVER);
	if (!record)
		return 0;
	prog = READ(file, private_data);
	record->body.program.type = (u32)READ(prog, type);
	bpf_probe_read_kernel(&record->body.program.tag, 8, &prog->tag);
	record->body.program.id = READ(prog, aux, id);
	bpf_probe_read_kernel(record->body.program.name, sizeof(record->body.program.name), &READ(prog, aux)->name);
	record_send(record, 0, PROBE_CLASS_DRIVER);
	return 0;
}

/* Signals that end a process, sent by a process: the target as the kernel found it, one for each. */

#define SIGNAL_IS_SPECIAL 1		/* SEND_SIG_NOINFO, SEND_SIG_PRIV: the kernel's own */

static __always_inline bool_t is_fatal(u32 number)
{
	/* 0 asks; CHLD CONT STOP TSTP TTIN TTOU URG WINCH end nobody, nor do the C library's two for its threads. */
	const u32 harmless = 1u << 0 | 1u << 17 | 1u << 18 | 1u << 19 | 1u << 20 | 1u << 21 | 1u << 22 | 1u << 23 | 1u << 28;

	return number > 33 || (number < 32 && !(harmless >> number & 1));
}

#define SI_TIMER (-2)
#define SI_ASYNCIO (-4)
#define SIGKILL 9
#define SIGSTOP 19
#define SIGTSTP 20

/* Made by the kernel, often in an interrupt: the current task has nothing to do with it. A program can say so too of what it
 * sends (rt_sigqueueinfo), but the signal that ends for sure no timer sends. */
static __always_inline bool_t is_of_kernel(int number, int code)
{
	return code > 0 || ((code == SI_TIMER || code == SI_ASYNCIO) && number != SIGKILL);
}

/* Who stops the recorder keeps it from recording. */
static __always_inline bool_t is_stop_of_ours(u32 number, const struct task_struct *target)
{
	struct probe_control *c = number == SIGSTOP || number == SIGTSTP ? control_get() : 0;

	return c && c->own_pid == (u32)target->tgid;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int number, struct kernel_siginfo *info, struct task_struct *target, int group, int result)
{
	struct probe_record *record;

	if (!(is_fatal((u32)number) || is_stop_of_ours((u32)number, target)) || (unsigned long)info <= SIGNAL_IS_SPECIAL || is_of_kernel(number, READ(info, si_code)) ||
	    is_own())
		return 0;
	record = record_begin(PROBE_SIGNAL, PROBE_CLASS_PROCESS, current_task());
	if (!record)
		return 0;
	record->body.call.value[0] = (u32)number;
	record->body.call.value[1] = (u32)target->tgid;
	record_send(record, 0, PROBE_CLASS_PROCESS);
	return 0;
}

/* Linux may have been built without modules: the loader looks whether there is such a tracepoint. */
static __always_inline void send_module(struct module *module, u32 is_load)
{
	struct probe_record *record = record_begin(PROBE_MODULE, PROBE_CLASS_DRIVER, current_task());
	u32 off = 0;

	if (!record)
		return;
	record->body.call.value[0] = is_load;
	off = put_string(record, 0, off, &module->name, 0, 64);
	record_send(record, off, PROBE_CLASS_DRIVER);
}

SEC("tp_btf/module_load")
int BPF_PROG(on_module_load, struct module *module)
{
	send_module(module, 1);
	return 0;
}

SEC("tp_btf/module_free")
int BPF_PROG(on_module_free, struct module *module)
{
	send_module(module, 0);
	return 0;
}
