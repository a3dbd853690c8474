/* See hindrance.h. */

#include "daemon/hindrance.h"

const struct hindrance_words hindrances[N_HINDRANCES] = {
	[HINDRANCE_NONE] = { "", "", "" },
	[HINDRANCE_LOCKED] = {
		"rules_locked", "the kernel's audit is locked (`-e 2`) and takes no rule before the machine starts again",
		"have the recorder's rules in front of `-e 2` in /etc/audit/rules.d, then restart the machine",
	},
	[HINDRANCE_PANIC] = {
		"rules_panic", "the kernel would panic when it loses a record (`-f 2`), and more rules make that likelier",
		"auditctl -f 1, or CX.recorder.AuditdDisableKernelPanicProtection = 1",
	},
	[HINDRANCE_LOG] = {
		"rules_flood", "auditd would write all that they give to its log",
		"CX.recorder.AuditdRawLoggingWrite = 1 has it stop that, CX.recorder.AuditdEnableRawLoggingRuleLoading = 1 loads them all the same",
	},
};
