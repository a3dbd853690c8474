#pragma once
/* The part of recorder-subscription(5) that lists all fields, in scdoc. */

#include "base/buffer.h"

void names_doc(struct buffer *out);
