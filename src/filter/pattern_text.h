#pragma once
/* What every text that a regular expression matches has in it. */

#include "base/span.h"

#define PATTERN_TEXT_MAX 64

/* The longest run of ordinary characters that the pattern cannot do without, cut at PATTERN_TEXT_MAX; its size, 0 if there is
 * none or the pattern has anything in it that this does not understand. */
size_t pattern_required_text(struct span pattern, char ret[static PATTERN_TEXT_MAX]);
