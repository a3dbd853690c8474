#pragma once
/* Folders as programs name them: what each text leads to when its symbolic links are followed.  Inside `track` only.
 *
 * Every answer is held against the inode that the kernel told with the event: what matches is certain, however long ago
 * it was asked and whatever the folder is called by now. */

#include "base/buffer.h"
#include "event/file_id.h"
#include "event/path_place.h"

/* As tracker_options.resolve_path. */
typedef int (*folder_lookup_fn)(void *user, const struct path_place *from, const char *path, struct file_id *ret_id,
				char *ret, size_t size);

struct folders;
int folders_new(struct folders **ret, folder_lookup_fn lookup, void *user);
struct folders *folders_free(struct folders *folders);
void folders_clear(struct folders *folders);
DEFINE_CLEANUP(struct folders, folders_free)

enum folder_answer {
	FOLDER_UNKNOWN,			/* nobody can be asked */
	FOLDER_OTHER,			/* the text leads elsewhere, or nowhere, by now, or only the disk could tell (-EAGAIN) */
	FOLDER_SURE,			/* *ret is the path in the end */
};
/* ids: what it must be, one of them.  *ret is borrowed until the next call. */
enum folder_answer folders_find(struct folders *folders, struct span text, const struct file_id *ids, size_t n_ids,
				struct span *ret);
/* Without a witness: where the text leads now, or led at most FOLDER_FRESH_NS ago, seen from there (NULL: as the recorder does).
 * FOLDER_SURE is no more than that here. */
#define FOLDER_FRESH_NS NS_PER_SEC
enum folder_answer folders_ask(struct folders *folders, const struct path_place *from, struct span text, uint64_t now_ns,
			       struct span *ret);
/* The text has no link in it now. */
bool folders_is_plain(struct folders *folders, struct span text);
/* A folder was made: `path` is real and leads to `id`. */
void folders_learn(struct folders *folders, struct span path, struct file_id id);
