/* A ring of the latest answers.  In a capture an answer stands right before the record whose handling asked for it,
 * so the one wanted is among the last few: a linear search from the newest is short. */

#include "pipeline/answers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"

#define N_ANSWERS 256

struct answer {
	uint32_t pid;
	int32_t fd;
	bool used;
	bool exists;
	struct buffer text;
};

struct answers {
	struct answer ring[N_ANSWERS];
	size_t next;
	size_t n_waiting;		/* 0, as a rule: nothing to search */
};

int answers_new(struct answers **ret)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return -ENOMEM;
	*ret = answers;
	return 0;
}

struct answers *answers_free(struct answers *answers)
{
	if (!answers)
		return NULL;
	for (size_t i = 0; i < N_ANSWERS; i++)
		buffer_release(&answers->ring[i].text);
	free(answers);
	return NULL;
}

int answers_put(struct answers *answers, uint32_t pid, int32_t fd, bool exists, struct span text)
{
	struct answer *answer = &answers->ring[answers->next++ % N_ANSWERS];

	buffer_release(&answer->text);	/* one answer may be megabytes: 256 of them are not kept */
	buffer_append_span(&answer->text, text);
	answer->pid = pid;
	answer->fd = fd;
	answer->exists = exists;
	answers->n_waiting += !answer->used;
	answer->used = true;
	return buffer_error(&answer->text);
}

int answers_take(struct answers *answers, uint32_t pid, int32_t fd, struct buffer *text)
{
	for (size_t i = 1; i <= N_ANSWERS && answers->n_waiting > 0; i++) {
		struct answer *answer = &answers->ring[(answers->next - i) % N_ANSWERS];

		if (!answer->used || answer->pid != pid || answer->fd != fd)
			continue;
		answer->used = false;
		answers->n_waiting--;
		if (!answer->exists)
			return -ESRCH;
		buffer_append_span(text, buffer_span(&answer->text));
		buffer_release(&answer->text);
		return buffer_error(text);
	}
	return -ENODATA;
}
