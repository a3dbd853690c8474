/* See document.h. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/document.h"

#define MAX_BYTES (1u << 20)	/* what the socket takes */

static int read_all(struct buffer *ret, int fd)
{
	while (ret->size <= MAX_BYTES) {
		char *room = buffer_reserve(ret, 65536);
		ssize_t n = room ? read(fd, room, 65536) : -1;

		if (!room)
			return -ENOMEM;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		ret->size += (size_t)n;
	}
	return -EFBIG;
}

int document_read(struct buffer *ret, const char *what, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;

	r = fd < 0 ? -errno : read_all(ret, fd);
	if (fd >= 0 && !is_stdin)
		close(fd);
	if (r == -EACCES || r == -EPERM)
		return cli_fail(CLI_PERMISSION, "%s: cannot read %s: permission denied (sudo?)", what, path);
	if (r == -EFBIG)
		return cli_fail(CLI_FAILED, "%s: %s is larger than 1 MiB", what, path);
	return r < 0 ? cli_fail(CLI_FAILED, "%s: cannot read %s: %s", what, path, strerror(-r)) : CLI_DONE;
}
