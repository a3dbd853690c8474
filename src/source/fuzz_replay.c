/* Bytes as a file, plain or compressed -> records. The first byte says how much is asked for at once. */

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/source.h"

static int check(void *user, const struct record *record)
{
	if (record->text.size == 0 || memchr(record->text.data, '\n', record->text.size))
		__builtin_trap();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source *source = NULL;
	char path[32];
	int fd;

	if (size < 1 || (fd = memfd_create("replay", MFD_CLOEXEC)) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (pwrite(fd, data + 1, size - 1, 0) == (ssize_t)size - 1 &&
	    source_replay.open(&source, &(struct source_options){ .path = path }) == 0) {
		while (source_replay.read(source, data[0], check, NULL) > 0)
			;
		source_replay.free(source);
	}
	close(fd);
	return 0;
}
