#pragma once
/* Paths as text: joined and made normal without asking the file system. Symbolic links are not known here, so "a/.."
 * is the folder of a only if a is not one. */

#include "base/buffer.h"

/* Nothing to remove: no empty, `.` or `..` part, no slash at the end (but of the root). */
bool path_is_normal(struct span path);
/* `name` as seen from the absolute folder `folder`, appended to `ret`: absolute and normal. An absolute name ignores
 * the folder. 0; -EINVAL: neither is absolute; -ENOMEM. */
int path_join(struct buffer *ret, struct span folder, struct span name);

/* What stands behind the last slash; all of it, if there is none. */
struct span path_last(struct span path);

/* The path is one of the places, each ended by a NUL, or lies below one. */
bool path_lies_in(struct span path, struct span places);

#define NAME_LENGTH_MAX 64

/* What becomes the name of a file: 1 to 64 letters, digits, '-', '_' and '.', which is not the first. */
bool path_is_name(struct span name);
