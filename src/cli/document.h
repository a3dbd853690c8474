#pragma once
/* Documents that people name: a file, or - for the standard input. */

#include "base/buffer.h"

/* 0, or an exit code after the error has been printed; `what` stands in it: "subscription register". */
int document_read(struct buffer *ret, const char *what, const char *path);
