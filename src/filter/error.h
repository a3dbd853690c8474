#pragma once
/* Words for what is wrong with a filter. */

#include "base/macro.h"
#include "filter/filter.h"

/* Writes the message and returns -EINVAL: `return filter_fail(error, "unknown field %s", ...)`. */
int filter_fail(struct filter_error *error, const char *format, ...) _printf_(2, 3);
/* Puts a place before the message that is there: `streams[0]` and `name: bad` give `streams[0].name: bad`,
 * any other message follows after a colon. Returns -EINVAL. */
int filter_fail_at(struct filter_error *error, const char *format, ...) _printf_(2, 3);

/* A word of the user's in quotes, cut if long, nothing in it that a terminal would obey. */
struct quoted {
	char text[80];
};
struct quoted quote(struct span word);
/* ", did you mean 'NAME'?", or nothing. */
struct quoted quote_suggestion(struct span name);
