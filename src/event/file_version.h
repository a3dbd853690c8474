#pragma once
/* Which version of a file: another as soon as anybody writes to it, and as soon as its mode, owner or number of names changes.  The
 * kernel sets the time of change; nobody else can.  It goes by the kernel's clock of files, so that what changes twice within a tick
 * (10 ms at most) may stay the same version. */

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct file_version {
	uint64_t device;		/* as stat(2) has it */
	uint64_t inode;
	uint64_t changed_ns;		/* ctime, since 1970 */
};

/* The same for the same version everywhere.  Who makes files cannot choose it. */
uint64_t file_version_id(const struct file_version *version);

/* Whose hashes are asked for. */
struct hash_wish {
	struct file_version version;
	uint32_t pid;			/* of a process that sees the file */
	bool is_program;		/* that runs it */
	bool is_script;			/* that an interpreter of it reads: its text is asked for too */
	uint32_t uid, gid;		/* for the file system; UINT32_MAX: not known */
	struct span path;		/* as that process named it */
};
