#pragma once
/* What the host calls the files of processes whose mount namespace is not its own: containers, services with a /tmp of their own. */

#include "event/path_place.h"

struct mounts;
/* 0 or -errno. */
int mounts_new(struct mounts **ret);
struct mounts *mounts_free(struct mounts *mounts);

/* What `path`, absolute and normal, seen from the root of `from` (from->mount_namespace is known), is called by the host,
 * NUL-terminated, now.  0: and was called so at time_ns (since 1970); 1: the mounts may have been others then.
 * -ENOENT: the host does not see it; -EAGAIN: nor does it now; -ESRCH: nobody is there to be asked; -ENAMETOOLONG; another -errno: not known. */
int mounts_host_path(struct mounts *mounts, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size);
/* Lets go of what was looked at a second ago: a namespace whose mounts are watched cannot go away.  Ns until it wants to be called
 * again; UINT64_MAX: not before it has been asked. */
uint64_t mounts_tick(struct mounts *mounts);
