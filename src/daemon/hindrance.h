#pragma once
/* What keeps the recorder's audit rules out of the kernel, though they are needed: no fault, but somebody's wish. */

enum hindrance {
	HINDRANCE_NONE,
	HINDRANCE_LOCKED,		/* -e 2 */
	HINDRANCE_PANIC,		/* -f 2, and not allowed by AuditdDisableKernelPanicProtection */
	HINDRANCE_LOG,			/* auditd would store all, and not allowed by AuditdEnableRawLoggingRuleLoading */
	N_HINDRANCES
};

extern const struct hindrance_words {
	const char *cause;		/* of the gap */
	const char *why, *mend;
} hindrances[N_HINDRANCES];
