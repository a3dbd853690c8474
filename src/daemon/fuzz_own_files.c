/* Any bytes as files of our own that a crash, a full disk or somebody may have left in any state: proc.bin, the last words. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/last_words.h"
#include "daemon/process_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buffer_release) struct buffer lines = { 0 };
	char path[64], text[LAST_WORDS_MAX] = "";
	uint64_t taken_ns;
	struct last_words words;
	FILE *file;

	if (size < LAST_WORDS_MAX)
		memcpy(text, data, size);
	(void)last_words_read(text, &words);
	snprintf(path, sizeof(path), "/dev/shm/fuzz-proc-%d", getpid());
	file = fopen(path, "we");
	if (!file)
		return 0;
	fwrite(data, 1, size, file);
	fclose(file);
	if (process_file_read(path, SPAN("b0a1c2d3-0000-4000-8000-123456789abc"), &lines, &taken_ns) == 0 && lines.size > size)
		abort();
	unlink(path);
	return 0;
}
