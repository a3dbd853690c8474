#pragma once
/* Text of manual pages, in the language of scdoc(5). */

#include "base/buffer.h"

/* Text as it is: nothing in it is formatting. */
void scdoc_append_text(struct buffer *out, const char *text);
