/* `recorder command`: any command of the daemon by its name, for which there is no form yet, or for programs. */

#include <errno.h>

#include "cli/client.h"
#include "cli/document.h"

#define PREFIX "recorder."

struct command_options {
	struct place_options places;
};

static const struct option options[] = {
	PLACE_OPTIONS(struct command_options, places),
	{ .name = NULL },
};

static int parse(json_t **ret, struct span text)
{
	json_error_t error;
	json_t *json = json_loadb(text.data ? text.data : "", text.size, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		return cli_fail(CLI_USAGE, "command: the JSON, line %d, column %d: %s", error.line, error.column, error.text);
	if (!json_is_object(json) || json_object_get(json, "command")) {
		json_decref(json);
		return cli_fail(CLI_USAGE, "command: the JSON must be an object without the key 'command'");
	}
	*ret = json;
	return CLI_DONE;
}

static int make_request(json_t **ret, const char *name, const char *document)
{
	_cleanup_(buffer_release) struct buffer text = { 0 }, full = { 0 };
	json_t *request = NULL;
	int r = CLI_DONE;

	if (document && strcmp(document, "-") == 0)
		r = document_read(&text, "command", document);
	else
		buffer_append_text(&text, document ? document : "{}");
	if (r == CLI_DONE)
		r = parse(&request, buffer_span(&text));
	if (r != CLI_DONE)
		return r;
	if (!strchr(name, '.'))
		buffer_append_text(&full, PREFIX);
	buffer_append_text(&full, name);
	if (json_object_set_new(request, "command", json_string(buffer_text(&full))) < 0) {
		json_decref(request);
		return cli_fail(CLI_USAGE, "command: the name is not UTF-8");
	}
	*ret = request;
	return CLI_DONE;
}

static void print(const json_t *result)
{
	json_dumpf(result, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
}

static int follow(struct client_connection *client)
{
	struct span line;
	json_t *result = NULL;
	int r, code;

	while ((r = client_line(client, &line)) > 0) {
		if (client_line_is_last(line, &code, &result)) {
			if (result)
				print(result);
			json_decref(result);
			return code;
		}
		fwrite(line.data, 1, line.size, stdout);
		putchar('\n');
		if (fflush(stdout) != 0)
			return CLI_FAILED;	/* told at the end */
	}
	return r < 0 ? cli_fail(CLI_FAILED, "cannot talk to the recorder: %s", strerror(-r)) :
		       cli_fail(CLI_NO_DAEMON, "the recorder closed the connection (its log says why)");
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct command_options *o = values;
	_cleanup_(client_closep) struct client_connection *client = NULL;
	_cleanup_(freep) char *socket = place_socket(&o->places);
	json_t *request = NULL, *result = NULL;
	int r = make_request(&request, arguments[0], n > 1 ? arguments[1] : NULL);

	if (r == CLI_DONE)
		r = socket ? client_open(&client, socket) : cli_fail(CLI_FAILED, "out of memory");
	if (r == CLI_DONE)
		r = client_request(client, request, &result);
	if (r == CLI_DONE && client_streams(client))
		r = follow(client);
	else if (r == CLI_DONE)
		print(result);
	json_decref(request);
	json_decref(result);
	return r;
}

const struct command command_command = {
	.name = "command",
	.arguments = "NAME [JSON|-]",
	.summary = "Sends a command to the recorder that runs and prints its result, as JSON",
	.text = "JSON is an object with what the command takes; - reads it from the standard input.\n"
		"Lines that follow the answer (recorder.tail, recorder.query) are printed as they come.\n\n"
		"  recorder command recorder.status\n"
		"  recorder command recorder.query '{\"filters\":[\"process.exec\"],\"limit\":10}'\n"
		"  recorder command recorder.get-setting '{\"name\":\"StatusUpdateInterval\"}'\n",
	.options = options,
	.options_size = sizeof(struct command_options),
	.min_arguments = 1,
	.max_arguments = 2,
	.run = run,
};
