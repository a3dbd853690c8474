/* file_create PATH [TEXT]: makes the file, which must not be there, and writes the text into it. */

#include "act.h"

int main(int argc, char **argv)
{
	const char *path = argument(argc, argv, 1);
	long fd = CALL(openat, AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0644);

	if (argc > 2)
		CALL(write, fd, argv[2], strlen(argv[2]));
	CALL(close, fd);
	return 0;
}
