#pragma once
/* Types of records as a term names them: by number or by name. */

#include "filter/error.h"

/* event.code holds the name of a type where there is one, else its number: a number in a term means both.
 * ret: room for twice n.  The number of texts written. */
size_t record_type_texts(const struct span *values, size_t n, struct span *ret);
/* A number, or a name that some record can have.  0; -EINVAL. */
int record_type_check(struct span value, struct filter_error *error);
