#pragma once
/* An event as one JSON object on one line: ECS names, nested, always the same order of keys; bytes that are
 * not UTF-8 are percent-escaped and the field is named in recorder.escaped[]. */

#include "base/buffer.h"
#include "event/event.h"
#include "event/json_text.h"

struct event_json_options {
	struct span host_id;		/* /etc/machine-id, may be empty */
	struct span host_name;
	struct span boot_id;
	const char *const *subscription_names;	/* by bit of event->streams, may be NULL */
};

/* Appends the object and no newline. */
void event_json(struct buffer *buffer, const struct event *event, const struct event_json_options *options);
