#pragma once
/* Who else than root and this user can write to a file, or put another in its place: what a process of root reads, or keeps, is only
 * worth what its folders are. */

#include "control/file.h"

/* Why nobody else can be ruled out, though nothing is open to all: a folder on the way is another user's, or a group may write to it. */
struct path_doubt {
	bool foreign;			/* else a group */
	char message[512];		/* empty: none */
};

/* A file or folder that is there, and all that lead to it, links followed.
 * 0: nobody else can write to it, but for *ret_doubt (may be NULL).
 * -EPERM: it belongs to another user, others may write to it, or anybody can replace it: *error says what and the mend.
 * Other -errno: it could not be looked at; -ENOENT: it, or a folder on the way, is not there. */
int path_trust(const char *path, struct path_doubt *ret_doubt, struct file_error *error);
