#pragma once
/* The accounts and groups that this host has (event/account.h), and what has become of them when somebody touched one of their files.  All
 * four are looked at together: who makes an account writes to each of them.
 *
 * Bounded: of a file with more than ACCOUNTS_MAX accounts only that it changed is told, of more than ACCOUNT_TELL_MAX accounts that differ
 * at once how many those are. */

#include "base/buffer.h"
#include "base/macro.h"

#define ACCOUNT_TELL_MAX 1024u
#define ACCOUNT_SETTLE_NS (300 * NS_PER_MS)	/* nobody has written to any of them for so long */

struct account_files;
/* As they are now.  root: the folder that the paths begin in, "" for the host's.  Borrowed.  0; -ENOMEM; -EIO: there are no random
 * numbers. */
int account_files_new(struct account_files **ret, const char *root);
struct account_files *account_files_free(struct account_files *files);
DEFINE_CLEANUP(struct account_files, account_files_free)

/* What a RECORD_ACCOUNT says, borrowed until it returns. */
typedef void (*account_fn)(void *user, struct span said);
/* Looks at them, and says what has become of each account that differs.  0; -EAGAIN: somebody is writing (may_wait), nothing was said;
 * -ENOMEM: not all was said. */
int account_files_look(struct account_files *files, bool may_wait, uint64_t now_ns, account_fn fn, void *user);
