#pragma once
/* Text of a file of `key = value` lines, as auditd reads it (auditd.conf(5)): keys in any case, the last of a key counts, lines that
 * begin with # are comments. */

#include "base/buffer.h"

/* The value of a key, without what follows a blank; empty: there is none. */
struct span conf_text_get(struct span text, const char *key);
/* Appends the text with this value (NULL: without the key) and all else as it was: an older line is changed in place, a new one stands
 * behind the comment that names the key, or at the end. */
void conf_text_set(struct buffer *ret, struct span text, const char *key, const char *value);
