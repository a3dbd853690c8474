#pragma once
/* What the host answered in a live run, read back from its capture: the text of a process, the path of a descriptor.  Answers
 * stand before the record whose handling asked, and nothing else asks for them. */

#include "base/buffer.h"

struct answers;
int answers_new(struct answers **ret);
struct answers *answers_free(struct answers *answers);
/* What was asked: a process is (pid, ANSWERS_PROCESS), a descriptor (pid, fd), a path (hash of its text, ANSWERS_PATH), an
 * account (id, ANSWERS_USER or ANSWERS_GROUP), a socket (pid, ANSWERS_SOCKET(fd)). */
#define ANSWERS_PROCESS (-1)
#define ANSWERS_PATH (-2)
#define ANSWERS_USER (-3)
#define ANSWERS_GROUP (-4)
#define ANSWERS_HOST_PATH (-5)	/* (path_place_host_hash(), this): a byte, 1 if the mounts may have been others, and the path */
#define ANSWERS_SOCKET(fd) (INT32_MIN + (fd))	/* (pid, this): a struct socket_ends */
/* A record of a capture, its type, its body and all of its text.  Of more than a bounded number of answers the oldest are
 * forgotten.  0: it is no answer; 1: it was; -EINVAL: it should be one; -ENOMEM. */
int answers_read(struct answers *answers, uint32_t type, struct span body, struct span text);
/* Takes the first such answer out, appends its text.  0; the -errno that was the answer; -ENODATA: there is no answer. */
int answers_take(struct answers *answers, uint32_t pid, int32_t fd, struct buffer *text);
/* The record was handled. */
void answers_clear(struct answers *answers);
/* Bytes that stand in hex.  0, -EINVAL or -ENOMEM. */
int answers_unhex(struct buffer *buffer, struct span hex);
