#pragma once
/* Options of a command, as a table. */

#include <stdio.h>

#include "base/macro.h"
#include "base/span.h"

enum option_type {
	OPTION_FLAG,			/* bool */
	OPTION_TEXT,			/* const char * */
	OPTION_CHOICE,			/* const char *, one of choices */
	OPTION_NUMBER,			/* uint64_t */
	OPTION_TIME,			/* uint64_t, ns since 1970 */
	OPTION_DURATION,		/* uint64_t, ns */
	OPTION_LIST,			/* struct option_list: may be given again and again */
};

#define OPTION_LIST_MAX 128
struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t n;
};

struct option {
	const char *name;		/* --name; NULL ends the table */
	char letter;			/* -l, or 0 */
	const char *argument;		/* "FILE", NULL for a flag */
	const char *help;
	enum option_type type;
	const char *choices;		/* "a|b|c" */
	size_t offset;			/* of the member it is written to */
};

struct options_error {
	char message[512];
};

/* Reads the options of argv, wherever they stand, up to `--`; moves the other arguments to the front of argv
 * and counts them in *ret_n. --help and -h set *ret_help. 0; -EINVAL. */
int options_parse(const struct option *options, void *values, int argc, char **argv, uint64_t now_ns,
		  size_t *ret_n, bool *ret_help, struct options_error *error);
void options_print(FILE *out, const struct option *options);
