#pragma once
/* What the control thread knows of whom it can trust: its program, its files, its threads. */

#include "base/buffer.h"
#include "daemon/conf.h"

enum kept {
	KEPT_CONFIG, KEPT_REDACTION, KEPT_REDACTION_KEY, KEPT_HISTORY_KEY, KEPT_SUBSCRIPTIONS_KEY, KEPT_SIGNING_KEYS, KEPT_PROGRAM, KEPT_SIGNATURE,
	N_KEPT
};

struct trust {
	struct buffer guarded;		/* files and folders that nobody else is to change, each ended by a NUL */
	char *program, *signature;	/* paths; NULL: not known */
	struct conf_file kept[N_KEPT];	/* as they were at the last look */
	uint64_t refused_calls;
	char refused[256];		/* the last system call that a thread was refused; empty: none */
	char unproved[512];		/* why the program's signature could not be checked; empty: it could, or there is none */
	uint64_t tampered_ns;		/* when somebody last touched something; 0: never */
	char tampered[512];		/* and what */
};
