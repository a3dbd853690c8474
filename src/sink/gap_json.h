#pragma once
/* Gaps as answers tell them. */

#include "base/buffer.h"
#include "sink/history.h"

/* An object of kind gap, without a newline.  What is not known is null. */
void gap_json(struct buffer *out, const struct history_gap *gap);
/* What lies before the beginning of the history, or of what it still has of a category, is a gap too: those of [since, until), 0:
 * none is told of that nobody asked for. */
int gaps_before(struct history *history, uint64_t since_ns, uint64_t until_ns, history_gap_fn fn, void *user);
