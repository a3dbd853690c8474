#pragma once
/* Where a path leads now, with all symbolic links followed, for a process of whatever root. */

#include <stdbool.h>
#include <stddef.h>

#include "event/file_id.h"
#include "event/path_place.h"

/* The file below that folder of /proc/PID is this root. */
bool path_has_root(int folder, const char *name, struct path_root root);
/* The number of the mount that this is the root of.  false: it is of none. */
bool path_mount_of(int folder, const char *path, uint32_t *ret);
/* *ret_id and the path in the end, NUL-terminated: both paths are from the root of the mount namespace, as the kernel's programs
 * walk them.  from NULL: the process is where this one is.
 * 0; -EOPNOTSUPP: this kernel cannot be asked safely; -ESRCH: nobody there is left to be asked; -errno: it leads nowhere, or
 * (-EAGAIN) not without waiting for a file system, or by /proc/self.  Never waits for a disk, a network or a FUSE program. */
int path_lookup(const struct path_place *from, const char *path, struct file_id *ret_id, char *ret, size_t size);
