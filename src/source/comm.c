/* See comm.h. */

#include "source/comm.h"

#include <stdio.h>
#include <string.h>

bool comm_read(uint32_t pid, char ret[static COMM_BYTES])
{
	char path[32], line[COMM_BYTES + 1] = "";
	FILE *file;

	*ret = 0;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		memcpy(ret, line, COMM_BYTES);
	}
	fclose(file);
	return *ret != 0;
}
