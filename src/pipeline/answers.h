#pragma once
/* What /proc answered in a live run, read back from its capture: the text of a process, the path of a descriptor. */

#include "base/buffer.h"

struct answers;
int answers_new(struct answers **ret);
struct answers *answers_free(struct answers *answers);
/* What was asked: a process is (pid, ANSWERS_PROCESS), a descriptor (pid, fd), a path (hash of its text, ANSWERS_PATH). */
#define ANSWERS_PROCESS (-1)
#define ANSWERS_PATH (-2)
/* Copies.  Of more than a bounded number the oldest are forgotten.  0 or -ENOMEM. */
int answers_put(struct answers *answers, uint32_t pid, int32_t fd, bool exists, struct span text);
/* Takes the answer out, appends its text.  0; -ESRCH: the answer was that there is nothing; -ENODATA: there is no answer. */
int answers_take(struct answers *answers, uint32_t pid, int32_t fd, struct buffer *text);
