/* tree WIDTH DEPTH: a process with WIDTH children, each of them with as many, DEPTH generations; all of them end when the standard input
 * does.  Says of each: {"what":"process", "pid", "ppid"}, and {"what":"grown"} when all are there. */

#include <sys/wait.h>

#include "truth.h"

static void say_process(void)
{
	struct line line = say("process");

	say_number(&line, "pid", getpid());
	say_number(&line, "ppid", getppid());
	say_done(&line);
}

/* Those below have all been said when this returns.  up: closed when all is grown, which those below must not keep from being; or -1. */
static void grow(int width, int depth, int up)
{
	for (int i = 0; depth > 0 && i < width; i++) {
		int grown[2];
		pid_t child;
		char byte;

		TRY(pipe(grown));
		child = TRY(fork());
		if (child == 0) {
			close(grown[0]);
			if (up >= 0)
				close(up);
			say_process();
			grow(width, depth - 1, grown[1]);
			close(STDOUT_FILENO);
			close(grown[1]);
			while (read(STDIN_FILENO, &byte, 1) > 0)
				;
			while (wait(NULL) > 0)
				;
			_exit(0);
		}
		close(grown[1]);
		while (read(grown[0], &byte, 1) > 0)
			;
		close(grown[0]);
	}
}

int main(int argc, char **argv)
{
	struct line line;
	char byte;

	if (argc != 3)
		return 2;
	grow(atoi(argv[1]), atoi(argv[2]), -1);
	line = say("grown");
	say_done(&line);
	close(STDOUT_FILENO);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	while (wait(NULL) > 0)
		;
	return 0;
}
