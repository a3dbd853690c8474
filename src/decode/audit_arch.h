#pragma once
/* System calls by machine and number: tables made once, so that a record needs one array look-up. */

#include "base/macro.h"
#include "base/span.h"

/* What makes the event of a call: act_*.c. */
enum act {
	ACT_none,
	ACT_exec, ACT_fork, ACT_exit,
	ACT_open, ACT_truncate, ACT_rename, ACT_delete, ACT_create, ACT_link, ACT_symlink, ACT_chmod,
	ACT_chown, ACT_xattr, ACT_mount, ACT_unmount,
	ACT_connect, ACT_accept, ACT_bind, ACT_listen, ACT_send, ACT_socketcall,
	ACT_setuid, ACT_setgid, ACT_capset, ACT_setns, ACT_unshare, ACT_ptrace, ACT_signal,
	ACT_driver, ACT_bpf, ACT_time, ACT_protect, ACT_map, ACT_memfd,
	N_ACTS,
};

struct call_info {
	struct span name;
	enum act act;
	int8_t at, at2, flags, value;	/* arguments, -1: none */
};

#define ARCH_CALLS 600

struct arch_call {
	const char *name;		/* NULL: no such call */
	const struct call_info *info;	/* NULL: makes no event of its own kind */
};

struct arch {
	uint32_t elf;			/* AUDIT_ARCH_* */
	const char *name;
	bool x86_flags;			/* O_DIRECTORY and its neighbours as on x86, else as on ARM */
	bool clone_backwards2;		/* clone's flags are its second argument (s390) */
	struct arch_call calls[ARCH_CALLS];
};

#define N_ARCHS 9

void arch_fill(struct arch archs[static N_ARCHS]);
/* By the value of arch= (hex, or a machine's name); NULL: unknown. */
const struct arch *arch_lookup(const struct arch archs[static N_ARCHS], struct span value);
/* By the value of syscall= (a number, or a name).  Returns its name, NULL if unknown. */
const char *arch_call(const struct arch *arch, struct span value, const struct call_info **ret);
/* io_uring operation -> the call that does the same; NULL: none. */
const char *uring_name(uint64_t op, const struct call_info **ret);
