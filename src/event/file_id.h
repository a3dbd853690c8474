#pragma once
/* What a file is, whatever its names: its device and inode, as far as they are known. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>

struct file_id {
	uint64_t device, inode;
	bool known;
	uint64_t changed_ns;		/* when it last changed (ctime), since 1970, of who looked at the file itself; 0: not known */
};

/* Of two ids, one as the kernel's audit tells it, one of stat(2).  Where stat has a device of its own making (major 0:
 * btrfs, overlayfs) the inode has to do. */
static inline bool file_id_is(struct file_id a, struct file_id b)
{
	return a.known && b.known && a.inode == b.inode &&
	       (a.device == b.device || major(a.device) == 0 || major(b.device) == 0);
}

static inline bool file_id_is_one_of(struct file_id id, const struct file_id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (file_id_is(id, ids[i]))
			return true;
	return false;
}
