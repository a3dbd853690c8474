#pragma once
/* Gaps as answers tell them. */

#include "base/buffer.h"
#include "sink/history.h"

/* An object of kind gap, without a newline.  What is not known is null. */
void gap_json(struct buffer *out, const struct history_gap *gap);
/* What lies before the beginning of the history is a gap too.  false: nothing of [since, until) does. */
bool gap_before_history(struct history *history, uint64_t since_ns, uint64_t until_ns, struct history_gap *ret);
