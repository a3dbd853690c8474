/* The program that others start: it does nothing but end, as its environment says.  TINY_EXIT=N: with that status;
 * TINY_FAULT=1: by reading what is not there. */

#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	const char *status = getenv("TINY_EXIT");
	const char *volatile nowhere = NULL;

	if (getenv("TINY_FAULT"))
		return *nowhere;
	_exit(status ? atoi(status) : 0);
}
