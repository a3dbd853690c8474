/* driver_load PATH NAME: loads the module of that file, and takes it out again. */

#include "act.h"

int main(int argc, char **argv)
{
	long fd = CALL(openat, AT_FDCWD, argument(argc, argv, 1), O_RDONLY, 0);

	CALL(finit_module, fd, "", 0);
	CALL(delete_module, argument(argc, argv, 2), O_NONBLOCK);
	return 0;
}
