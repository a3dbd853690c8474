#pragma once
/* Where the daemon keeps what (SPEC section 6): the installed places, or all below one folder. */

#include <stdbool.h>

#include "control/path_trust.h"

struct places {
	char *config_file;		/* recorder.conf */
	char *redaction_file;		/* redaction.conf: patterns of secrets */
	char *redaction_key;		/* of the digests that stand for them */
	char *signing_keys;		/* public ones that the program may be signed by (daemon/self.h), if root puts some there */
	char *state_dir;		/* "the recorder directory" */
	char *database;
	char *history_key;		/* of the database's chain (sink/chain.h) */
	char *subscriptions_dir;
	char *subscriptions_key;	/* what they are sealed with, where they are */
	char *journals_dir;
	char *socket;
	char *pipe;			/* where auditd's plugin connects */
	char *user_rules;		/* audit rules that a user gave us */
	char *kernel_state;		/* what the kernel's audit was like before us */
	char *lock;
	char *host_root;		/* below which the files of the host lie that it may change (/etc/audit): empty, or the folder */
};

/* NULL: the installed places.  0 or -ENOMEM. */
int places_init(struct places *places, const char *config_dir, const char *state_dir);
void places_release(struct places *places);
/* Makes the folders that are missing, 0700.  -errno, logged. */
int places_make(const struct places *places);
/* Nobody but root and we can write to any of it, or put another in its place: 0.  -EPERM: somebody can, logged with the mend.  *ret_doubt:
 * what keeps that from being certain, or empty. */
int places_check(const struct places *places, struct path_doubt *ret_doubt);
/* Takes the lock of the state folder: a descriptor that holds it.  -EBUSY: another daemon has it, logged.  ret_before (may be NULL):
 * what the file held, LAST_WORDS_MAX bytes at most (last_words.h). */
int places_lock(const struct places *places, char *ret_before);
