#pragma once
/* Files of the host that the recorder changes: whole or not at all, as they were for whom, and with what they were kept beside. */

#include "control/file.h"

#define HOST_FILE_KEPT ".before-recorder"

/* A file with this text, of the owner, group and mode of `like`.  0 or -errno. */
int host_file_write(const char *path, const struct stat *like, struct span text);
/* The first time, what it was is kept as FILE.before-recorder.  0 or -errno: all is as it was; -ELOOP: it is a symbolic link. */
int host_file_change(const char *path, struct span before, struct span after);
