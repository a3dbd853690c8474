/* Any bytes as a capture, which has everything that the core ever takes: records of audit, of the kernel's programs, of the process
 * connector, answers, setups, what was remembered, clocks.  Every event can be written, and the counters account for all. */

#include <stdlib.h>

#include "event/event_json.h"
#include "pipeline/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *user, struct event *event)
{
	static const struct event_json_options options = { .boot_id = SPAN("boot") };
	_cleanup_(buffer_release) struct buffer json = { 0 };

	event_json(&json, event, &options);
	if (buffer_error(&json) < 0 || json.size < 2 || json.data[0] != '{' || json.data[json.size - 1] != '}')
		abort();
	event_free(event);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char key[32] = "key";
	const struct pipeline_options options = { .assembler = ASSEMBLER_DEFAULTS, .decoder = { .own_key = "recorder" }, .redaction_key = key };
	_cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	struct span rest = { (const char *)data, size };
	struct pipeline_stats s;

	if (size > 8192 || pipeline_new(&pipeline, &options, take, NULL) < 0)
		return 0;
	while (rest.size > 0) {
		const char *newline = memchr(rest.data, '\n', rest.size);
		struct span line = { rest.data, newline ? (size_t)(newline - rest.data) : rest.size };
		size_t taken = line.size + (newline != NULL);

		if (line.size > 0 && pipeline_push(pipeline, &(struct record){ .text = line }) < 0)
			abort();
		rest = (struct span){ rest.data + taken, rest.size - taken };
	}
	if (pipeline_drain(pipeline) < 0)
		abort();
	pipeline_stats(pipeline, &s);
	if (s.held != 0 || s.events != s.emitted + s.merged + s.own + s.filtered_out)
		abort();
	return 0;
}
