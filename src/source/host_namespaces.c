/* See host_namespaces.h. */

#include "source/host_namespaces.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"

unsigned namespaces_read(int folder, uint32_t ret[static N_NAMESPACES])
{
	unsigned n = 0;

	for (size_t i = 0; i < N_NAMESPACES; i++) {
		char name[16], target[32];	/* `cgroup:[4026531835]` */
		ssize_t size;
		char *number;

		ret[i] = 0;
		snprintf(name, sizeof(name), "ns/%s", namespace_names[i]);
		size = readlinkat(folder, name, target, sizeof(target) - 1);
		if (size <= 0)
			continue;
		target[size] = 0;
		number = strchr(target, '[');
		ret[i] = number ? (uint32_t)strtoul(number + 1, NULL, 10) : 0;
		n += ret[i] != 0;
	}
	return n;
}

void host_namespaces(uint32_t ret[static N_NAMESPACES])
{
	static const char *const of[] = { "/proc/1", "/proc/self" };
	unsigned n = 0;

	memset(ret, 0, N_NAMESPACES * sizeof(*ret));
	for (size_t i = 0; n == 0 && i < ARRAY_SIZE(of); i++) {
		int folder = open(of[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (folder < 0)
			continue;
		n = namespaces_read(folder, ret);
		close(folder);
	}
}
