#pragma once
/* Where a path leads now, with all symbolic links followed. */

#include <stddef.h>

#include "event/file_id.h"

/* *ret_id and the path in the end, NUL-terminated.  0; -EOPNOTSUPP: this kernel cannot be asked safely; -errno: it leads
 * nowhere, or not without waiting for a file system.  Never waits for a disk, a network or a FUSE program. */
int path_lookup(const char *path, struct file_id *ret_id, char *ret, size_t size);
