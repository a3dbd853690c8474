/* Any bytes as the fields of an event: the line must always be one JSON object (jansson reads it back). */

#include <jansson.h>
#include <stdlib.h>

#include "event/event_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct event_json_options options = { .host_name = { "h\"\xff", 3 } };
	_cleanup_(buffer_release) struct buffer line = { 0 };
	_cleanup_(event_freep) struct event *event = NULL;
	struct context *parent;
	json_t *json;

	if (size < 2)
		return 0;
	event = event_new(data[0] % N_KINDS, data[1]);
	event->context = context_new();
	parent = context_new();
	/* The rest: field, length, bytes, again and again; every third field of the context goes to the
	 * parent. */
	for (size_t i = 2; i + 2 < size;) {
		unsigned field = data[i] % N_FIELDS;
		struct span text = { (const char *)data + i + 2,
				     data[i + 1] < size - i - 2 ? data[i + 1] : size - i - 2 };
		struct values *values = field >= N_CONTEXT_FIELDS ? &event->values
					: i % 3			  ? &event->context->values
								  : &parent->values;
		uint64_t number = 0;

		i += 2 + text.size;
		memcpy(&number, text.data, text.size < 8 ? text.size : 8);
		if (field_type_is_text(fields[field].type))
			values_set_text(values, (enum field)field, text);
		else
			values_set_number(values, (enum field)field, number);
		if (number & 1)
			values_set_inferred(values, (enum field)field);
	}
	event->context->ancestry_cut = data[1] & 1;
	context_set_parent(event->context, parent);
	context_unref(parent);
	event_json(&line, event, &options);
	json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
	if (!json)
		abort();
	json_decref(json);
	return 0;
}
