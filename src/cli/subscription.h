#pragma once
/* `recorder subscription`, and what its two files share. */

#include "cli/screen.h"
#include "filter/filter.h"

struct subscription_options {
	struct place_options places;
	struct print_options print;
	uint64_t since_ns, until_ns;
	bool yes;
};

/* Reads and compiles a document: `text` stays the caller's.  0, or an exit code after the error has been printed. */
int subscription_read(struct subscription **ret, struct buffer *text, const char *path);
/* What it would have matched in the history. */
int subscription_try(const struct subscription_options *options, const char *path);
