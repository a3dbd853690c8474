#pragma once
/* Text on a terminal: nothing in it that the terminal obeys, and how many columns it takes. */

#include "base/buffer.h"

/* Appends any bytes as text that can be shown: controls, bytes that are not UTF-8 and characters that change
 * the direction of writing become \n, \x1b, \u{202e}. */
void text_append_safe(struct buffer *out, struct span bytes);
/* Columns of text that text_append_safe() made. */
size_t text_width(struct span text);
/* The longest beginning that takes at most `width` columns. */
struct span text_prefix(struct span text, size_t width);
/* Appends text of at most `width` columns, with an ellipsis at the end if it was cut. */
void text_append_cut(struct buffer *out, struct span text, size_t width);
