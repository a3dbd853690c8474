/* The program. */

#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"

/* Whoever started us may have closed 0, 1 or 2. The next file opened would have that number: messages would be
 * written into the database, or it would be read as the standard input. What would go to a standard output that
 * is closed still fails. */
static int keep_standard_numbers(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) < 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	if (keep_standard_numbers() < 0)
		return CLI_FAILED;
	return cli_run(argc, argv);
}
