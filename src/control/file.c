/* See file.h. */

#include "control/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int file_fail(struct file_error *error, int r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error->message, sizeof(error->message), format, ap);
	va_end(ap);
	return r;
}

int file_fail_errno(struct file_error *error, int r, const char *what)
{
	char why[128];

	return file_fail(error, r, "%s: %s", what, strerror_r(-r, why, sizeof(why)));
}

int file_open(const char *path, struct stat *ret, struct file_error *error)
{
	/* O_NONBLOCK: a FIFO that nobody writes to is not waited for. */
	_cleanup_(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	int opened;

	if (fd < 0 && errno == ELOOP)
		return file_fail(error, -ELOOP, "a symbolic link, which is not followed (put the file itself there)");
	if (fd < 0 && errno != ENXIO)
		return file_fail_errno(error, -errno, "cannot be opened");
	if (fd >= 0 && fstat(fd, ret) < 0)
		return file_fail_errno(error, -errno, "cannot be looked at");
	if (fd >= 0 && S_ISDIR(ret->st_mode))
		return file_fail(error, -EISDIR, "a folder, not a file");
	if (fd < 0 || !S_ISREG(ret->st_mode))
		return file_fail(error, -EINVAL, "not an ordinary file");
	opened = fd;
	fd = -1;
	return opened;
}

int file_read(struct buffer *ret, int fd, size_t max, struct file_error *error)
{
	char *room = buffer_reserve(ret, max + 1);
	size_t size = 0;

	if (!room)
		return file_fail_errno(error, -ENOMEM, "cannot be read");
	while (size <= max) {
		ssize_t n = read(fd, room + size, max + 1 - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_fail_errno(error, -errno, "cannot be read");
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > max)
		return file_fail(error, -EFBIG, "larger than %zu bytes", max);
	ret->size += size;
	return 0;
}

int file_write(int fd, struct span text)
{
	while (text.size > 0) {
		ssize_t n = write(fd, text.data, text.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text = (struct span){ text.data + n, text.size - (size_t)n };
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int file_sync_folder(const char *path)
{
	_cleanup_(freep) char *copy = strdup(path);
	_cleanup_(file_close) int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int new_file_open(struct new_file *ret, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct new_file file;

	if (asprintf(&file.path, "%.*s.%s.XXXXXX", (int)(name - path), path, name) < 0)
		return -ENOMEM;
	file.fd = mkostemp(file.path, O_CLOEXEC);
	if (file.fd < 0) {
		int r = -errno;

		free(file.path);
		return r;
	}
	*ret = file;
	return 0;
}

int new_file_place(struct new_file *file, const char *path)
{
	if (rename(file->path, path) < 0)
		return -errno;
	free(TAKE(file->path));
	/* It is in its place; that the disk does not say so is no reason to say it is not. */
	(void)file_sync_folder(path);
	return 0;
}

void new_file_release(struct new_file *file)
{
	if (file->path)
		unlink(file->path);
	free(file->path);
	file_close(&file->fd);
}

int file_replace(const char *path, struct span text)
{
	_cleanup_(new_file_release) struct new_file file = { NULL, -1 };
	int r = new_file_open(&file, path);

	if (r >= 0)
		r = file_write(file.fd, text);
	return r < 0 ? r : new_file_place(&file, path);
}

void file_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
