/* image_load PATH: maps the file executable, as the dynamic linker does. */

#include <sys/mman.h>

#include "act.h"

int main(int argc, char **argv)
{
	long fd = CALL(openat, AT_FDCWD, argument(argc, argv, 1), O_RDONLY, 0);

	CALL(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	return 0;
}
