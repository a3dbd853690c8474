/* file_modify PATH TEXT: appends the text. */

#include "act.h"

int main(int argc, char **argv)
{
	const char *path = argument(argc, argv, 1), *text = argument(argc, argv, 2);
	long fd = CALL(openat, AT_FDCWD, path, O_WRONLY | O_APPEND, 0);

	CALL(write, fd, text, strlen(text));
	CALL(close, fd);
	return 0;
}
