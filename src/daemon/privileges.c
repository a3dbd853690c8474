/* See privileges.h.  Bare capset(2): a library for ten lines would be the larger thing to trust. */

#include "daemon/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#ifndef CAP_AUDIT_READ
#define CAP_AUDIT_READ 37
#endif

static const unsigned kept[] = { CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_NICE };

int privileges_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2] = { 0 }, keep[2] = { 0 };

	if (syscall(SYS_capget, &header, have) < 0)
		return log_errno(errno, "Failed to read the capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		uint32_t bit = 1u << kept[i] % 32, *word = &keep[kept[i] / 32].permitted;

		*word |= have[kept[i] / 32].permitted & bit;
	}
	keep[0].effective = keep[0].permitted;
	keep[1].effective = keep[1].permitted;
	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep[cap / 32].permitted & 1u << cap % 32) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    errno != EPERM)
			return log_errno(errno, "Failed to drop capability %u", cap);
	if (syscall(SYS_capset, &header, keep) < 0)
		return log_errno(errno, "Failed to drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return log_errno(errno, "Failed to set no_new_privs");
	return 0;
}
