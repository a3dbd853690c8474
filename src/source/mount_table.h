#pragma once
/* The mounts of a mount namespace, as /proc/PID/mountinfo tells them (proc_pid_mountinfo(5)), and where a path leads through them. */

#include <stdint.h>

#include "base/buffer.h"

struct mount_table;

/* text: all of a mountinfo, from which the table takes what it holds (it is empty then).  Lines that are none are left out.
 * 0 or -ENOMEM. */
int mount_table_new(struct mount_table **ret, struct buffer *text);
struct mount_table *mount_table_free(struct mount_table *table);
DEFINE_CLEANUP(struct mount_table, mount_table_free)

struct mount_point {
	uint32_t id;
	uint64_t device;		/* major and minor, 32 bits each */
	struct span point;		/* where; of `/` it is empty */
};
typedef void (*mount_point_fn)(void *user, const struct mount_point *mount);
void mount_table_each(const struct mount_table *table, mount_point_fn fn, void *user);

/* The path that `from` sees as `path` (absolute and normal), as `to` sees it, appended: by the file system that it is in, whatever
 * links the path goes through.  Of several, that through the mount that shows most of the file system.
 * 0; -ENOENT: `to` does not see it, or `from` sees nothing there; -EINVAL: not absolute; -ENOMEM. */
int mount_table_translate(const struct mount_table *from, const struct mount_table *to, struct span path, struct buffer *ret);
