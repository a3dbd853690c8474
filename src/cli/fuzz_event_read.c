/* Any bytes as lines of a journal: no event, or one that can be written and read again. */

#include <stdlib.h>

#include "cli/event_read.h"
#include "event/event_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_line(struct span line)
{
	static const struct event_json_options options = { .boot_id = SPAN("boot") };
	json_t *json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL), *again;
	_cleanup_(buffer_release) struct buffer written = { 0 };
	struct event *event = NULL;

	if (json && json_is_object(json) && event_read(&event, json) == 0) {
		event_json(&written, event, &options);
		again = json_loadb(written.data, written.size, JSON_DECODE_INT_AS_REAL, NULL);
		if (!again)
			abort();
		json_decref(again);
		event_free(event);
	}
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };

	while (rest.size > 0) {
		const char *newline = memchr(rest.data, '\n', rest.size);
		struct span line = { rest.data, newline ? (size_t)(newline - rest.data) : rest.size };
		size_t taken = line.size + (newline != NULL);

		if (line.size > 0)
			read_line(line);
		rest = (struct span){ rest.data + taken, rest.size - taken };
	}
	return 0;
}
