/* raw_read DEVICE: opens a disk as a whole, past its file system, to read. */

#include "act.h"

int main(int argc, char **argv)
{
	char block[512];
	long fd = CALL(openat, AT_FDCWD, argument(argc, argv, 1), O_RDONLY, 0);

	CALL(read, fd, block, sizeof(block));
	return 0;
}
