#pragma once
/* docs/fields.md: the reference of all events and fields, made from the tables. */

#include "base/buffer.h"

void fields_doc(struct buffer *out);
void fields_man(struct buffer *out);	/* recorder-events(5), for scdoc, up to what is not of an event */
