/* The fields one by one: copies are few (the newest N of a query), and events keep their layout to themselves. */

#include "cli/event_copy.h"

struct event *event_copy(const struct event *event)
{
	_cleanup_(event_freep) struct event *copy = event_new(event->kind, event->time_ns);

	if (!copy)
		return NULL;
	for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
		if (values_has(&event->values, field))
			values_copy(&copy->values, &event->values, field);
	if (copy->values.failed)
		return NULL;
	copy->origin = event->origin;
	copy->sequence = event->sequence;
	copy->streams = event->streams;
	if (event->context)
		copy->context = context_ref(event->context);
	return TAKE(copy);
}
