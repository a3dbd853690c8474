/* file_delete PATH */

#include "act.h"

int main(int argc, char **argv)
{
	CALL(unlinkat, AT_FDCWD, argument(argc, argv, 1), 0);
	return 0;
}
