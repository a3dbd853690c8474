/* See audit_arch.h.  Names and numbers are libaudit's; calls younger than it, and the x32 ones it refuses,
 * are listed here (arch/x86/entry/syscalls/syscall_64.tbl; from 424 on numbers are the same on all machines).
 */

#include "decode/audit_arch.h"

#include <libaudit.h>

#include "decode/audit_text.h"

static const struct call_info infos[] = {
#define CALL(name_, act_, at_, at2_, flags_, value_) \
	{ { name_, sizeof(name_) - 1 }, ACT_##act_, at_, at2_, flags_, value_ },
#include "decode/audit_syscall.def"
};

/* riscv64 and loongarch64 use the generic numbers, as aarch64 does; libaudit 3.0 does not know them. */
static const struct {
	uint32_t elf;
	int machine;
	const char *name;
	bool x86_flags, clone_backwards2;
} known[N_ARCHS] = {
	{ 0xc000003e, MACH_86_64, "x86_64", true, false },
	{ 0x40000003, MACH_X86, "i386", true, false },
	{ 0xc00000b7, MACH_AARCH64, "aarch64", false, false },
	{ 0x40000028, MACH_ARM, "arm", false, false },
	{ 0xc0000015, MACH_PPC64LE, "ppc64le", false, false },
	{ 0x80000015, MACH_PPC64, "ppc64", false, false },
	{ 0x80000016, MACH_S390X, "s390x", true, true },
	{ 0xc00000f3, MACH_AARCH64, "riscv64", true, false },
	{ 0xc0000102, MACH_AARCH64, "loongarch64", true, false },
};

#define X32_BIT 0x40000000u

static const char *const young_calls[] = {
	[438] = "pidfd_getfd",	     [447] = "memfd_secret",
	[451] = "cachestat",	     [452] = "fchmodat2",	 [453] = "map_shadow_stack",
	[454] = "futex_wake",	     [455] = "futex_wait",	 [456] = "futex_requeue",
	[457] = "statmount",	     [458] = "listmount",	 [459] = "lsm_get_self_attr",
	[460] = "lsm_set_self_attr", [461] = "lsm_list_modules", [462] = "mseal",
	[463] = "setxattrat",	     [464] = "getxattrat",	 [465] = "listxattrat",
	[466] = "removexattrat",     [467] = "open_tree_attr",	 [468] = "file_getattr",
	[469] = "file_setattr",	     [470] = "listns",
};

/* Numbers from 512 on belong to x32 alone. */
static const char *const x32_calls[] = {
	"rt_sigaction",
	"rt_sigreturn",
	"ioctl",
	"readv",
	"writev",
	"recvfrom",
	"sendmsg",
	"recvmsg",
	"execve",
	"ptrace",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigqueueinfo",
	"sigaltstack",
	"timer_create",
	"mq_notify",
	"kexec_load",
	"waitid",
	"set_robust_list",
	"get_robust_list",
	"vmsplice",
	"move_pages",
	"preadv",
	"pwritev",
	"rt_tgsigqueueinfo",
	"recvmmsg",
	"sendmmsg",
	"process_vm_readv",
	"process_vm_writev",
	"setsockopt",
	"getsockopt",
	"io_setup",
	"io_submit",
	"execveat",
	"preadv2",
	"pwritev2",
};
#define X32_FIRST 512u

/* include/uapi/linux/io_uring.h, enum io_uring_op: those that are audited and mean an event. */
static const char *const uring_calls[] = {
	[13] = "accept",   [16] = "connect",   [18] = "openat",	   [28] = "openat2", [35] = "renameat",
	[36] = "unlinkat", [37] = "mkdirat",   [38] = "symlinkat", [39] = "linkat",  [41] = "fsetxattr",
	[42] = "setxattr", [55] = "ftruncate", [56] = "bind",	   [57] = "listen",
};

static const struct call_info *info_of(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++)
		if (span_eq(infos[i].name, name))
			return &infos[i];
	return NULL;
}

void arch_fill(struct arch archs[static N_ARCHS])
{
	for (unsigned i = 0; i < N_ARCHS; i++) {
		struct arch *arch = &archs[i];

		arch->elf = known[i].elf;
		arch->name = known[i].name;
		arch->x86_flags = known[i].x86_flags;
		arch->clone_backwards2 = known[i].clone_backwards2;
		for (unsigned number = 0; number < ARCH_CALLS; number++) {
			const char *name = audit_syscall_to_name((int)number, known[i].machine);

			if (!name && number < ARRAY_SIZE(young_calls))
				name = young_calls[number];
			if (!name && known[i].elf == 0xc000003e && number >= X32_FIRST &&
			    number - X32_FIRST < ARRAY_SIZE(x32_calls))
				name = x32_calls[number - X32_FIRST];
			arch->calls[number].name = name;
			arch->calls[number].info = name ? info_of(span_of(name)) : NULL;
		}
	}
}

const struct arch *arch_lookup(const struct arch archs[static N_ARCHS], struct span value)
{
	uint64_t elf;

	if (span_hex_to_u64(value, &elf) == 0) {
		for (unsigned i = 0; i < N_ARCHS; i++)
			if (archs[i].elf == elf)
				return &archs[i];
		return NULL;
	}
	for (unsigned i = 0; i < N_ARCHS; i++)
		if (span_eq(span_of(archs[i].name), value))
			return &archs[i];
	return NULL;
}

const char *arch_call(const struct arch *arch, struct span value, const struct call_info **ret)
{
	struct audit_value text = { value.data, (uint32_t)value.size, false };
	uint32_t number;

	*ret = NULL;
	if (!arch || value.size > UINT16_MAX)
		return NULL;
	if (audit_u32(text, &number)) {
		if (arch->elf == 0xc000003e)
			number &= ~X32_BIT;
		if (number >= ARCH_CALLS)
			return NULL;
		*ret = arch->calls[number].info;
		return arch->calls[number].name;
	}
	for (unsigned i = 0; i < ARCH_CALLS; i++) {
		const struct arch_call *call = &arch->calls[i];

		if (call->name && span_eq(span_of(call->name), value)) {
			*ret = call->info;
			return call->name;
		}
	}
	return NULL;
}

const char *uring_name(uint64_t op, const struct call_info **ret)
{
	const char *name = op < ARRAY_SIZE(uring_calls) ? uring_calls[op] : NULL;

	*ret = name ? info_of(span_of(name)) : NULL;
	return name;
}
