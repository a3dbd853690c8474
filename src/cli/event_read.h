#pragma once
/* An event from its JSON (event/event_json.h), as a daemon sends it: what a line of text needs of it. */

#include <jansson.h>

#include "event/event.h"

/* 0; -EINVAL: it is no event; -ENOMEM.  Of the ancestors the parent's pid alone is read. */
int event_read(struct event **ret, const json_t *json);
