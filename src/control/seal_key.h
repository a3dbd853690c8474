#pragma once
/* The file of the key with which subscriptions are sealed: 32 random bytes, root's alone, made when one is first needed. */

#include "control/file.h"
#include "control/sealed.h"

/* What would be lost with it: says what a person may do about one that cannot be trusted. */
enum seal_key_use {
	SEAL_KEY_OF_SUBSCRIPTIONS,
	SEAL_KEY_OF_HISTORY,
	SEAL_KEY_OF_REDACTION,
};

/* *ret is the caller's to wipe.  0; -ENOENT: there is none; -errno: it cannot be trusted.  *error says why, with the path. */
int seal_key_read(struct seal_key *ret, enum seal_key_use use, const char *path, struct file_error *error);
/* The same, and makes it where there is none.  Of several who make it at once all get the one that is there in the end. */
int seal_key_need(struct seal_key *ret, enum seal_key_use use, const char *path, struct file_error *error);
