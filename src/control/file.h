#pragma once
/* Small files of the recorder's own folders: read whole or not at all, and why not. */

#include <sys/stat.h>

#include "base/buffer.h"

/* Without the name of the file, which the caller has: "a symbolic link, which is not followed (...)". */
struct file_error {
	char message[512];
};

/* Both return r. */
int file_fail(struct file_error *error, int r, const char *format, ...) _printf_(3, 4);
int file_fail_errno(struct file_error *error, int r, const char *what);	/* "WHAT: text of the error" */

/* An ordinary file, not by way of a link: a descriptor to read from.  -errno. */
int file_open(const char *path, struct stat *ret, struct file_error *error);
/* All that it holds, appended in one piece: no copies are left in memory that was given back.  -EFBIG: more than max. */
int file_read(struct buffer *ret, int fd, size_t max, struct file_error *error);
int file_write(int fd, struct span text);	/* all of it, and onto the disk.  -errno */
/* A file that is written beside the one whose place it takes: whole, or not at all.  -errno: what was there stays. */
struct new_file {
	char *path;			/* hidden: nobody takes it for the other */
	int fd;
};

int new_file_open(struct new_file *ret, const char *path);	/* of mode 0600 */
int new_file_place(struct new_file *file, const char *path);
void new_file_release(struct new_file *file);	/* for _cleanup_; what was not placed is gone */
int file_replace(const char *path, struct span text);	/* all of these, with this text */
int file_sync_folder(const char *path);		/* the folder that a file is in: its name is on the disk.  -errno */
void file_close(int *fd);			/* for _cleanup_; not if it is -1 */
