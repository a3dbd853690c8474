#pragma once
/* Reads the body of a RECORD_REMEMBERED (event/remembered.h). */

#include "event/remembered.h"

/* ret: scratch, reset by the caller.  0; -EINVAL: it names no process, or no image. */
int decode_remembered(struct span body, struct remembered *ret_about, struct context *ret);
