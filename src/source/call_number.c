/* See call_number.h. */

#include "source/call_number.h"

#include <libaudit.h>
#include <string.h>

#include "base/macro.h"

/* Calls that this libaudit may be too old to know: since 5.1 they have one number on every architecture. */
static const struct {
	const char *name;
	int number;
} new_calls[] = {
	{ "pidfd_send_signal", 424 }, { "move_mount", 429 },   { "fsmount", 432 },
	{ "clone3", 435 },	      { "openat2", 437 },      { "pidfd_getfd", 438 },
	{ "memfd_secret", 447 },      { "fchmodat2", 452 },
	{ "lsm_set_self_attr", 460 }, { "setxattrat", 463 },   { "removexattrat", 466 },
	{ "file_setattr", 469 },
};

/* libaudit's names of some on some architectures: of the generic table (arm64) those of the functions in the kernel. */
static const struct {
	const char *name, *other;
} aliases[] = {
	{ "pread64", "pread" }, { "pwrite64", "pwrite" }, { "getdents64", "getdents" }, { "fstat", "newfstat" },
};

static const struct call_machines machines[] = {
	{ MACH_86_64, MACH_X86 },
	{ MACH_AARCH64, MACH_ARM },
	{ MACH_PPC64, MACH_PPC },
	{ MACH_S390X, MACH_S390 },
};

struct call_machines call_machines(void)
{
	int native = audit_detect_machine();

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].native == native)
			return machines[i];
	return (struct call_machines){ native, -1 };
}

int call_number(const char *name, int machine)
{
	int number = audit_name_to_syscall(name, machine);

	for (size_t i = 0; number < 0 && i < ARRAY_SIZE(new_calls); i++)
		if (strcmp(new_calls[i].name, name) == 0)
			number = new_calls[i].number;
	for (size_t i = 0; number < 0 && i < ARRAY_SIZE(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			number = audit_name_to_syscall(aliases[i].other, machine);
	return number;
}

const char *call_name(int number, int machine)
{
	const char *name = audit_syscall_to_name(number, machine);

	for (size_t i = 0; !name && i < ARRAY_SIZE(new_calls); i++)
		if (new_calls[i].number == number)
			name = new_calls[i].name;
	return name;
}
