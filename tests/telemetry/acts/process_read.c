/* process_read: reads out of the memory of a child of its own; says the child's pid. */

#include <signal.h>
#include <sys/uio.h>

#include "act.h"

int main(void)
{
	static char secret[] = "what another process has", got[sizeof(secret)];
	struct iovec here = { got, sizeof(got) }, there = { secret, sizeof(secret) };
	long child = CALL(clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		for (;;)
			syscall(SYS_ppoll, 0, 0, 0, 0, 0);
	CALL(process_vm_readv, child, &here, 1, &there, 1, 0);
	CALL(kill, child, SIGKILL);
	CALL(wait4, child, 0, 0, 0);
	printf("%ld\n", child);
	return 0;
}
