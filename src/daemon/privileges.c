/* See privileges.h.  Bare capset(2): a library for ten lines would be the larger thing to trust. */

#include "daemon/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#ifndef CAP_AUDIT_READ
#define CAP_AUDIT_READ 37
#endif
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static const struct {
	unsigned capability;
	bool always;			/* else only while the sources are opened */
} kept[] = {
	{ CAP_AUDIT_CONTROL, true },
	{ CAP_AUDIT_READ, true },
	{ CAP_SYS_PTRACE, true },
	{ CAP_DAC_READ_SEARCH, true },
	{ CAP_SYS_NICE, true },
	{ CAP_BPF, false },
	{ CAP_PERFMON, false },
	{ CAP_NET_ADMIN, false },
};

#define WORDS 2

static struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

/* What is permitted stays so, of this process or thread; of that is in force what is kept, or what is kept always. */
static int use(bool all)
{
	struct __user_cap_data_struct have[WORDS] = { 0 };

	if (syscall(SYS_capget, &header, have) < 0)
		return -errno;
	for (size_t i = 0; i < WORDS; i++)
		have[i].effective = have[i].inheritable = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (all || kept[i].always)
			have[kept[i].capability / 32].effective |=
				have[kept[i].capability / 32].permitted & 1u << kept[i].capability % 32;
	return syscall(SYS_capset, &header, have) < 0 ? -errno : 0;
}

int privileges_drop(void)
{
	struct __user_cap_data_struct have[WORDS] = { 0 }, keep[WORDS] = { 0 };
	int r;

	if (syscall(SYS_capget, &header, have) < 0)
		return log_errno(errno, "Failed to read the capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		keep[kept[i].capability / 32].permitted |=
			have[kept[i].capability / 32].permitted & 1u << kept[i].capability % 32;
	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep[cap / 32].permitted & 1u << cap % 32) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    errno != EPERM)
			return log_errno(errno, "Failed to drop capability %u", cap);
	if (syscall(SYS_capset, &header, keep) < 0)
		return log_errno(errno, "Failed to drop capabilities");
	r = use(false);
	if (r < 0)
		return log_errno(r, "Failed to use capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return log_errno(errno, "Failed to set no_new_privs");
	return 0;
}

int privileges_drop_all(void)
{
	const struct __user_cap_data_struct none[WORDS] = { 0 };

	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
			return -errno;
	if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int privileges_keep(uint64_t capabilities)
{
	struct __user_cap_data_struct have[WORDS] = { 0 };

	if (syscall(SYS_capget, &header, have) < 0)
		return -errno;
	for (size_t i = 0; i < WORDS; i++) {
		have[i].permitted &= (uint32_t)(capabilities >> 32 * i);
		have[i].effective = have[i].permitted;
		have[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, have) < 0 ? -errno : 0;
}

void privileges_raise(void)
{
	int r = use(true);

	if (r < 0)
		log_errno(r, "Failed to use the capabilities that open the sources, ignoring");
}

void privileges_lower(void)
{
	int r = use(false);

	if (r < 0)
		log_errno(r, "Failed to put capabilities away, ignoring");
}
