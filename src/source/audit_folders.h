#pragma once
/* Which folders rules of audit name so that of files with certain paths nothing is missed: what audit_folders.c says of why those. */

#include "source/audit_rules.h"
#include "source/source.h"

struct audit_folders {
	char paths[AUDIT_SCOPE_FOLDERS][AUDIT_FOLDER_MAX];	/* `/etc`; none: the paths have no such bound */
	size_t n;
	uint32_t root;			/* inode of `/`, where folders may be made whose paths are wanted too; 0: none may */
	uint64_t identity;		/* of all that the answer hangs on: with another one rules of before miss something */
	const char *why;		/* there is no bound, in words */
};

/* Where the host is seen from, for tests: NULL for all of it. */
struct audit_folders_host {
	const char *root;		/* in front of its paths */
	const char *proc;		/* instead of /proc */
};

/* As the host is now: looks at the folders above the paths and at the mounts of all mount namespaces. */
void audit_folders_find(struct audit_folders *ret, const struct source_exclusion *paths, size_t n, const struct audit_folders_host *host);
