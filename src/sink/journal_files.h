#pragma once
/* The files of a journal: NAME.jsonl, which is written, and the old ones, NAME.jsonl.1 (the newest) to NAME.jsonl.KEEP, plain
 * or with .zst behind. */

#include <limits.h>
#include <stdbool.h>

#include "base/macro.h"

struct journal_limits {
	uint64_t max_size_bytes;	/* 0: there are no old files, whatever `keep` says, and none is removed */
	unsigned keep;
	bool compress;
};

/* The writer thread alone calls these. */
struct journal_files;
/* Sets right what a crash left, removes what is more than is to be kept.  `path`: of NAME.jsonl, which need not be there. */
int journal_files_new(struct journal_files **ret, const char *path, const struct journal_limits *limits);
/* The limits from now on; what is more than they allow goes. */
void journal_files_set_limits(struct journal_files *files, const struct journal_limits *limits);
/* NAME.jsonl becomes the newest old file, or goes if none is kept; a descriptor of an empty one in its place.  < 0: NAME.jsonl is
 * what it was. */
int journal_files_rotate(struct journal_files *files);
/* Begins, in a thread of its own, what is to be done to old files; call it now and then.  Not before privileges were dropped: the
 * thread has those of its caller. */
void journal_files_work(struct journal_files *files);
/* -errno of the last compression if it failed, else 0. */
int journal_files_error(const struct journal_files *files);
struct journal_files *journal_files_free(struct journal_files *files);

/* Opens, or makes, a file that is appended to. */
int journal_file_open(const char *path);	/* a descriptor; -EBADMSG: what has the name is no file; another -errno */
