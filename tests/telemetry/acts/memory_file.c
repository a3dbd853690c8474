/* memory_file: a file that is in memory alone, with something in it. */

#include "act.h"

int main(void)
{
	long fd = CALL(memfd_create, "telemetry", 0);

	CALL(write, fd, "x", 1);
	return 0;
}
