#pragma once
/* A file that a command writes: it is there whole or not at all. */

#include <stdbool.h>
#include <stdio.h>

#include "base/macro.h"

struct output_file {
	const char *command, *path;	/* borrowed; the command is for messages */
	char *part;			/* its name until it is whole */
	FILE *file;			/* NULL: not open */
	bool replace;
};

/* Opens PATH.part.  replace: what is there under either name.  `not`: a file that may not be replaced all the same.  0, or an
 * exit code after the error has been printed. */
int output_file_open(struct output_file *ret, const char *command, const char *path, bool replace, const char *not);
/* Gives it its name.  0, or so too. */
int output_file_finish(struct output_file *output);
/* Of one that was not finished nothing is left. */
void output_file_release(struct output_file *output);
/* What writing failed with. */
int output_file_fail(const struct output_file *output, int error);
