#pragma once
/* What a recorder that stops had no room to store.  It stands in the lock file behind the pid, where a full disk has room for it, until the
 * next one tells it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAST_WORDS_MAX 256		/* bytes of the lock file */

struct last_words {
	uint64_t stopped_ns;
	uint64_t begin_ns, end_ns;	/* events may be missing from then until then... */
	uint64_t count;			/* ...so many... */
	bool held;			/* ...for want of room in the bound (SINK_HELD), else the disk failed */
};

/* 0 or -errno. */
int last_words_write(int lock_fd, const struct last_words *words);
/* Of what the file held before it was locked.  false: it ends with none. */
bool last_words_read(const char *text, struct last_words *ret);
