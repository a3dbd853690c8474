#pragma once
/* What files and folders were called lately: audit tells of an act by a descriptor the inode alone, of some not even that, and the
 * process may have ended before /proc can be asked what its descriptor is.  By the inode, since descriptors are duplicated, inherited and
 * sent to others without a word; and by the descriptor of who opened it.  Bounded: a file may take the place of another.  Inside `track`
 * only. */

#include "base/span.h"
#include "event/file_id.h"

/* A device and an inode, as audit has them, or a process (its entity id) and a descriptor. */
struct file_key {
	uint64_t of, number;
	bool known;			/* else there is no such file */
};

static inline struct file_key key_of_file(struct file_id id)
{
	return (struct file_key){ id.device, id.inode, id.known };
}

static inline struct file_key key_of_descriptor(uint64_t entity_id, int32_t fd)
{
	return (struct file_key){ entity_id, (uint32_t)fd, fd >= 0 };
}

struct file_names;

int file_names_new(struct file_names **ret);
struct file_names *file_names_free(struct file_names *names);
void file_names_clear(struct file_names *names);
/* A process named the file so at that time.  0 or -ENOMEM. */
int file_names_learn(struct file_names *names, struct file_key key, struct span path, uint32_t pid, uint64_t time_ns);
/* It is not called so any more.  path.data NULL: whatever it was called. */
void file_names_forget(struct file_names *names, struct file_key key, struct span path);
/* The folder is not called so any more, nor is what it holds. */
void file_names_forget_below(struct file_names *names, struct span folder);
/* What it was called within max_age_ns before that time, borrowed until the next call of another function; empty: nobody said so.
 * *ret_pid (may be NULL): who did. */
struct span file_names_find(const struct file_names *names, struct file_key key, uint64_t time_ns, uint64_t max_age_ns, uint32_t *ret_pid);
