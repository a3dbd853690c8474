#pragma once
/* `recorder complete`: what may stand where a shell is asked to complete a word. */

#include "base/buffer.h"
#include "cli/cli.h"

struct completion {
	const struct command *command;
	char *const *words;		/* of the command line, behind `recorder`; the last one is to be completed */
	size_t n_words;
	struct span word;		/* what there is of that, or of its value (--option=VALUE) */
	struct span fixed;		/* what stands in front of the part that is completed: `process,` */
	bool asks_files, asks_folders;
	struct buffer *out;
};

/* Appends what `recorder complete` prints for these words.  An exit code. */
int completion_make(struct buffer *out, size_t n_words, char *const *words);
/* A candidate, if it begins as the word does.  A shell adds a blank unless it ends with `=`. */
void completion_offer(struct completion *c, const char *text, const char *what);
/* What a word in capitals of a usage stands for: FILE, NAME, FILTER.  argument: what was written before it, or NULL. */
void completion_offer_value(struct completion *c, const char *placeholder, const char *argument);
