/* process_write: writes into the memory of a child of its own by ptrace; says the child's pid. */

#include <signal.h>
#include <sys/ptrace.h>

#include "act.h"

int main(void)
{
	static long word = 1;
	long child = CALL(clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		for (;;)
			syscall(SYS_ppoll, 0, 0, 0, 0, 0);
	CALL(ptrace, PTRACE_ATTACH, child, 0, 0);
	CALL(wait4, child, 0, 0, 0);
	CALL(ptrace, PTRACE_POKEDATA, child, &word, 2);
	CALL(kill, child, SIGKILL);
	CALL(wait4, child, 0, 0, 0);
	printf("%ld\n", child);
	return 0;
}
