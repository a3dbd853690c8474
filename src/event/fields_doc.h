#pragma once
/* docs/fields.md: the reference of all events and fields, made from the tables. */

#include "base/buffer.h"

void fields_doc(struct buffer *out);
