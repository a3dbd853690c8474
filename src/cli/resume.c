/* `recorder resume`: a suspension of the resource monitor ends. */

#include "cli/client.h"
#include "cli/screen.h"

struct resume_options {
	struct place_options places;
	bool json;
};

static const struct option options[] = {
	{ .name = "json", .help = "the answer as a JSON object: {was_suspended}", .type = OPTION_FLAG,
	  .offset = offsetof(struct resume_options, json) },
	PLACE_OPTIONS(struct resume_options, places),
	{ .name = NULL },
};

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct resume_options *o = values;
	_cleanup_(freep) char *socket = place_socket(&o->places);
	_cleanup_(client_closep) struct client_connection *client = NULL;
	json_t *request = json_pack("{s:s}", "command", "recorder.resume"), *result = NULL;
	int r = socket && request ? client_open(&client, socket) : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE)
		r = client_request(client, request, &result);
	json_decref(request);
	if (r == CLI_DONE && o->json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (r == CLI_DONE) {
		puts(json_is_true(json_object_get(result, "was_suspended")) ? "Recording goes on" : "Recording was not suspended");
	}
	json_decref(result);
	return r;
}

const struct command command_resume = {
	.name = "resume",
	.summary = "Ends a suspension: recording goes on, and suspensions of before do not count any more",
	.text = "The resource monitor suspends recording when the recorder takes too much of the CPU for too long (settings\n"
		"ResourceMonitorCPUPercent, ResourceMonitorSustainedSecs), first for a while, then until this command.\n"
		"`recorder health` says so.\n",
	.options = options,
	.options_size = sizeof(struct resume_options),
	.run = run,
};
