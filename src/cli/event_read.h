#pragma once
/* An event from its JSON (event/event_json.h), as a daemon sends it and a journal holds it. */

#include <jansson.h>

#include "event/event.h"

/* 0; -EINVAL: it is no event; -ENOMEM.  Of parent and ancestors there is what the JSON tells: entity_id, pid, name, executable and
 * user, of the parent the command line too. */
int event_read(struct event **ret, const json_t *json);
