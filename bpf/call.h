/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* A system call that returns: its number, its plan, its arguments; of 64-bit programs and of 32-bit ones. */

#include "exclude.h"

#define EINTR 4
#define EEXIST 17
#define EINPROGRESS 115
#define ERESTARTSYS 512

/* First those of the machine's own programs, then those of its 32-bit programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * PROBE_SYSCALLS);
	__type(key, u32);
	__type(value, struct probe_call_plan);
} plans SEC(".maps");

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT 2
#define X32_BIT 0x40000000u

static __always_inline bool_t is_32_bit(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

static __always_inline u32 call_number(struct pt_regs *regs)
{
	return (u32)regs->orig_ax & ~X32_BIT;
}

#define SOCKETCALL 102			/* of 32-bit programs: a number of a call, and where its arguments are */
#define OLD_MMAP 90			/* and this one has but where they are */

/* The call of its own that does the same (include/uapi/linux/net.h, arch/x86/entry/syscalls/syscall_32.tbl); without the last two arguments
 * it is another. */
static __always_inline u32 number_of_socketcall(u32 which)
{
	switch (which) {
	case 2: return 361;		/* bind */
	case 3: return 362;		/* connect */
	case 4: return 363;		/* listen */
	case 5: case 18: return 364;	/* accept, accept4 */
	case 9: case 11: return 369;	/* send, sendto */
	case 10: case 12: return 371;	/* recv, recvfrom */
	default: return PROBE_SYSCALLS;
	}
}

static __always_inline u64 argument(struct pt_regs *regs, bool_t narrow, int n)
{
	u64 value;

	switch (n) {
	case 0: value = narrow ? regs->bx : regs->di; break;
	case 1: value = narrow ? regs->cx : regs->si; break;
	case 2: value = regs->dx; break;
	case 3: value = narrow ? regs->si : regs->r10; break;
	case 4: value = narrow ? regs->di : regs->r8; break;
	case 5: value = narrow ? regs->bp : regs->r9; break;
	default: return 0;
	}
	return narrow ? (u32)value : value;
}

#elif defined(__TARGET_ARCH_arm64)

#define TIF_32BIT 22

static __always_inline bool_t is_32_bit(struct task_struct *task)
{
	return !!(task->thread_info.flags & (1UL << TIF_32BIT));
}

static __always_inline u32 call_number(struct pt_regs *regs)
{
	return (u32)regs->syscallno;
}

#define SOCKETCALL 102
#define OLD_MMAP PROBE_SYSCALLS

static __always_inline u32 number_of_socketcall(u32 which)
{
	return PROBE_SYSCALLS;		/* 32-bit programs have it no more (arch/arm64/include/asm/unistd32.h) */
}

static __always_inline u64 argument(struct pt_regs *regs, bool_t narrow, int n)
{
	u64 value;

	switch (n) {
	case 0: value = regs->orig_x0; break;
	case 1: value = regs->regs[1]; break;
	case 2: value = regs->regs[2]; break;
	case 3: value = regs->regs[3]; break;
	case 4: value = regs->regs[4]; break;
	case 5: value = regs->regs[5]; break;
	default: return 0;
	}
	return narrow ? (u32)value : value;
}

#endif

struct call {
	struct pt_regs *regs;
	struct task_struct *task;
	struct probe_call_plan *plan;
	bool_t narrow;
	u32 args;			/* where the arguments are, 32 bits each; 0: in the registers */
	int n_args;			/* so many of them: the others are 0 */
};

static __always_inline bool_t call_get(struct call *call, struct pt_regs *regs)
{
	u32 number = call_number(regs);

	if (number >= PROBE_SYSCALLS)
		return 0;
	call->regs = regs;
	call->task = current_task();
	call->narrow = is_32_bit(call->task);
	call->args = 0;
	call->n_args = 6;
	if (call->narrow) {
		if (number == SOCKETCALL) {
			u32 which = (u32)argument(regs, 1, 0);

			call->args = (u32)argument(regs, 1, 1);
			call->n_args = which == 9 || which == 10 ? 4 : 6;
			number = number_of_socketcall(which);
			if (number >= PROBE_SYSCALLS)
				return 0;
		} else if (number == OLD_MMAP) {
			call->args = (u32)argument(regs, 1, 0);
		}
		number += PROBE_SYSCALLS;
	}
	call->plan = bpf_map_lookup_elem(&plans, &number);
	return call->plan && call->plan->act;
}

static __always_inline u64 call_arg(const struct call *call, int n)
{
	u32 value = 0;

	if (!call->args)
		return argument(call->regs, call->narrow, n);
	if (n < call->n_args)
		bpf_probe_read_user(&value, sizeof(value), (void *)(u64)(call->args + 4 * (u32)n));
	return value;
}

static __always_inline struct probe_record *call_record(const struct call *call, u8 type, u32 class)
{
	struct probe_record *record;

	if (class != PROBE_CLASS_PROCESS && class != PROBE_CLASS_SECURITY && class != PROBE_CLASS_DRIVER && name_is_excluded()) {
		count_dropped(class);
		return NULL;
	}
	record = record_begin(type, class, call->task);

	if (record)
		record->call = call->plan->number;
	return record;
}
