/* process PROGRAM ARGUMENT...: a child that runs the program and waits for it; says the child's pid.  process exit CODE: ends with it. */

#include <signal.h>
#include <sys/wait.h>

#include "act.h"

int main(int argc, char **argv)
{
	int status = 0;
	long child;

	if (strcmp(argument(argc, argv, 1), "exit") == 0)
		syscall(SYS_exit_group, atoi(argument(argc, argv, 2)));
	child = CALL(clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		CALL(execve, argv[1], argv + 1, environ);
	CALL(wait4, child, &status, 0, 0);
	printf("%ld %d\n", child, WEXITSTATUS(status));
	return 0;
}
