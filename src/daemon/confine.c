/* See confine.h.  The filter is written here rather than by libseccomp: it is a list of equal tests, and a library that a process of
 * root must trust is more than that. */

#include "daemon/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "daemon/privileges.h"
#include "source/call_number.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0u			/* nothing is filtered */
#endif

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

#define R (1u << CONFINED_READER)
#define C (1u << CONFINED_CORE)
#define W (1u << CONFINED_WRITER)
#define H (1u << CONFINED_HASHER)
#define J (1u << CONFINED_JOB)
#define CAP(name) (UINT64_C(1) << CAP_##name)

/* Folders of others lie on the way to files of everybody, to ours too (a work tree in somebody's home). */
static const struct {
	const char *name;
	uint64_t capabilities;
} confinements[N_CONFINED] = {
	[CONFINED_NONE] = { "helper", 0 },	/* of one of these, which has its filter */
	/* /proc of all, at the start; the pace of others, when it comes too late. */
	[CONFINED_READER] = { "reader", CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH) | CAP(SYS_NICE) },
	/* /proc of whoever is met; where paths lead; the pace. */
	[CONFINED_CORE] = { "core", CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH) | CAP(SYS_NICE) },
	[CONFINED_WRITER] = { "writer", CAP(DAC_READ_SEARCH) },
	/* Programs and scripts, by way of the process. */
	[CONFINED_HASHER] = { "hasher", CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH) },
	[CONFINED_JOB] = { "job", CAP(DAC_READ_SEARCH) },
};

enum condition { ALWAYS, WITHOUT, WITH, TO_US };

static const struct line {
	const char *name;
	unsigned threads, argument;
	enum condition condition;
	uint32_t bits;
} lines[] = {
#define CALL(name, threads, why) { #name, threads, 0, ALWAYS, 0 },
#define CALL_WITHOUT(name, threads, argument, bits, why) { #name, threads, argument, WITHOUT, bits },
#define CALL_WITH(name, threads, argument, bits, why) { #name, threads, argument, WITH, bits },
#define CALL_TO_US(name, threads, why) { #name, threads, 0, TO_US, 0 },
#include "daemon/confine.def"
#ifdef RECORDER_SANITIZED	/* the shadow of memory; a report: who runs it, and a symbolizer */
#define CALL(name) { #name, ~0u, 0, ALWAYS, 0 },
	CALL(prctl) CALL(clone) CALL(fork) CALL(vfork) CALL(execve) CALL(wait4) CALL(pipe) CALL(pipe2) CALL(dup2) CALL(dup3)
	CALL(getppid) CALL(getrlimit) CALL(prlimit64) CALL(rt_sigaction) CALL(ioctl) CALL(uname) CALL(access)
	CALL(set_tid_address) CALL(sched_getaffinity) CALL(mincore) CALL(kill)
#undef CALL
#endif
};

/* What a signal handler writes. */
static struct {
	_Atomic uint64_t count;
	_Atomic int number;
	_Atomic bool foreign;
} refused[N_CONFINED];
static uint64_t told[N_CONFINED];
static _Thread_local enum confined self;
static bool is_wanted, has_filters;

static void set_result(ucontext_t *context, long result)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long)result;
#endif
}

static void on_refused(int signal, siginfo_t *info, void *context)
{
	if (info->si_code != SYS_SECCOMP)
		return;			/* somebody sent it */
	refused[self].number = info->si_syscall;
	refused[self].foreign = info->si_arch != ARCHITECTURE;
	refused[self].count++;
	set_result(context, -EPERM);
}

int confine_prepare(void)
{
	const struct sigaction action = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_RESTART };
	uint32_t trap = SECCOMP_RET_TRAP;
	int r = 0;

	is_wanted = true;
	if (ARCHITECTURE == 0)
		r = -EOPNOTSUPP;
	else if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &trap) < 0 || sigaction(SIGSYS, &action, NULL) < 0)
		r = -errno;
	if (r < 0)
		return log_errno(r, "No thread can be confined to the system calls that it needs (seccomp), ignoring");
	has_filters = true;
	return 0;
}

/* The filter */

#define STEPS_MAX 512

struct filter_program {
	struct sock_filter steps[STEPS_MAX];
	unsigned short n;
};

static void put(struct filter_program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (program->n < STEPS_MAX)	/* the table is shorter, see the test */
		program->steps[program->n++] = (struct sock_filter){ code, yes, no, k };
}

static void put_load(struct filter_program *program, size_t offset)
{
	put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void put_return(struct filter_program *program, uint32_t action)
{
	put(program, BPF_RET | BPF_K, action, 0, 0);
}

/* Both architectures are little-endian: the low half of an argument comes first. */
static void put_argument(struct filter_program *program, const struct line *line)
{
	put_load(program, offsetof(struct seccomp_data, args) + line->argument * sizeof(uint64_t));
	if (line->condition == TO_US)
		put(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 1, 0);
	else if (line->condition == WITH)
		put(program, BPF_JMP | BPF_JSET | BPF_K, line->bits, 1, 0);
	else
		put(program, BPF_JMP | BPF_JSET | BPF_K, line->bits, 0, 1);
	put_return(program, SECCOMP_RET_TRAP);
	put_return(program, SECCOMP_RET_ALLOW);
}

static void put_line(struct filter_program *program, const struct line *line, int number)
{
	put(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, line->condition == ALWAYS ? 1 : 4);
	if (line->condition == ALWAYS)
		put_return(program, SECCOMP_RET_ALLOW);
	else
		put_argument(program, line);
}

/* Numbers of x32 are those of x86_64 with a bit that none of ours has. */
static void make_filter(struct filter_program *program, enum confined as)
{
	int machine = call_machines().native, clone3 = call_number("clone3", machine);

	program->n = 0;
	put_load(program, offsetof(struct seccomp_data, arch));
	put(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	put_return(program, SECCOMP_RET_TRAP);
	put_load(program, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		int number = lines[i].threads & 1u << as ? call_number(lines[i].name, machine) : -1;

		if (number >= 0)
			put_line(program, &lines[i], number);
	}
	/* Its arguments lie in memory, where a filter cannot look: libc does it by clone then. */
	put(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)clone3, 0, 1);
	put_return(program, SECCOMP_RET_ERRNO | ENOSYS);
	put_return(program, SECCOMP_RET_TRAP);
}

void confine_thread(enum confined as)
{
	struct filter_program program;
	struct sock_fprog filter = { .filter = program.steps };
	int r;

	if (!is_wanted || self != CONFINED_NONE)
		return;
	r = privileges_keep(confinements[as].capabilities);
	if (r < 0)
		log_errno(r, "Failed to drop capabilities of the thread '%s', ignoring", confinements[as].name);
	self = as;
	if (!has_filters)
		return;
	make_filter(&program, as);
	filter.len = program.n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
		log_errno(errno, "Failed to confine the thread '%s' to the system calls that it needs, ignoring", confinements[as].name);
}

/* Told */

unsigned confine_refused(struct refused_call ret[static N_CONFINED])
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_CONFINED; i++) {
		uint64_t count = refused[i].count;

		if (count == told[i])
			continue;
		ret[n++] = (struct refused_call){ .thread = i, .more = count - told[i], .number = refused[i].number, .foreign = refused[i].foreign };
		told[i] = count;
	}
	return n;
}

const char *confined_name(enum confined as)
{
	return confinements[as].name;
}

const char *refused_call_name(const struct refused_call *call)
{
	static char number[32];
	const char *name = call->foreign ? NULL : call_name(call->number, call_machines().native);

	if (name)
		return name;
	snprintf(number, sizeof(number), "%d%s", call->number, call->foreign ? " of another architecture" : "");
	return number;
}
