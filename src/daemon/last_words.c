/* See last_words.h. */

#include "daemon/last_words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FORM "stopped=%" PRIu64 " begin=%" PRIu64 " end=%" PRIu64 " count=%" PRIu64 " held=%u"
#define READ "stopped=%" SCNu64 " begin=%" SCNu64 " end=%" SCNu64 " count=%" SCNu64 " held=%u"

int last_words_write(int lock_fd, const struct last_words *words)
{
	char text[LAST_WORDS_MAX];
	int n = snprintf(text, sizeof(text), "%d\n" FORM "\n", getpid(), words->stopped_ns, words->begin_ns, words->end_ns, words->count,
			 words->held);

	return pwrite(lock_fd, text, (size_t)n, 0) == n ? 0 : -errno;
}

bool last_words_read(const char *text, struct last_words *ret)
{
	const char *line = strchr(text, '\n');
	struct last_words words;
	unsigned held;

	if (!line || sscanf(line + 1, READ, &words.stopped_ns, &words.begin_ns, &words.end_ns, &words.count, &held) != 5 ||
	    words.begin_ns > words.end_ns || words.end_ns > words.stopped_ns)
		return false;
	words.held = held != 0;
	*ret = words;
	return true;
}
