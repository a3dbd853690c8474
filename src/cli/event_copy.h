#pragma once
/* Events that are kept after their owner wants them back. */

#include "event/event.h"

struct event *event_copy(const struct event *event);	/* NULL: no memory */
