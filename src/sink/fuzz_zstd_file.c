/* Any bytes as an old file of a journal: read to its end or to where it is damaged, with bounded memory; one that says it is whole tells
 * a size. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sink/zstd_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define READ_MAX (8u << 20)		/* of a bomb */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[65536];
	struct zstd_reader *reader = NULL;
	static int fd = -1;
	char path[32];
	ssize_t n;
	size_t read = 0;

	if (fd < 0)
		fd = memfd_create("zstd", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (zstd_file_is_whole(path, 100) && zstd_file_content_size(path) != 100)
		abort();
	if (zstd_reader_new(&reader, fd) < 0)
		return 0;
	while (read < READ_MAX && (n = zstd_reader_read(reader, text, sizeof(text))) > 0)
		read += (size_t)n;
	zstd_reader_free(reader);
	return 0;
}
