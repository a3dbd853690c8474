#pragma once
/* Pages of the manual that are made from the tables (docs/man): `recorder help --man PAGE`. */

#include "base/buffer.h"

#define MANUAL_PAGES "recorder.conf|recorder-events"

typedef void (*manual_write_fn)(struct buffer *out);
manual_write_fn manual_page(const char *name);	/* one of MANUAL_PAGES */
