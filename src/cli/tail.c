/* `recorder tail`: events as they happen. The daemon sends them as JSON; here they become events again, so
 * that a line looks the same as in a query. */

#include <errno.h>

#include "cli/client.h"
#include "cli/event_line.h"
#include "cli/event_read.h"
#include "cli/tail.h"

struct tail_options {
	struct place_options places;
	struct print_options print;
	uint64_t limit;
};

static const struct option options[] = {
	{ .name = "limit",
	  .letter = 'n',
	  .argument = "N",
	  .help = "stop after N events",
	  .type = OPTION_NUMBER,
	  .offset = offsetof(struct tail_options, limit) },
	PRINT_OPTIONS(struct tail_options, print),
	PLACE_OPTIONS(struct tail_options, places),
	{ .name = NULL },
};

struct tail {
	struct event_lines lines;
	bool json;
	uint64_t n_events;
};

static json_t *make_request(const struct tail_request *request)
{
	json_t *filters = json_array(), *json = json_object();

	for (size_t i = 0; i < request->n_filters; i++)
		json_array_append_new(filters,
				      json_stringn_nocheck(request->filters[i], strlen(request->filters[i])));
	json_object_set_new(json, "command", json_string("recorder.tail"));
	json_object_set_new(json, "filters", filters);
	return json;
}

static int print_line(struct tail *tail, struct span line)
{
	_cleanup_(event_freep) struct event *event = NULL;
	json_t *json = json_loadb(line.data, line.size, JSON_ALLOW_NUL, NULL);
	const json_t *dropped = json_object_get(json, "dropped");
	int r = 0;

	if (dropped) {
		fprintf(stdout,
			"%s%lld events are not shown: they came faster than they could be printed%s\n",
			screen_colour(&tail->lines.screen, COLOUR_YELLOW),
			(long long)json_integer_value(dropped),
			screen_end(&tail->lines.screen, COLOUR_YELLOW));
	} else if (json && event_read(&event, json) == 0) {
		r = event_line_print(&tail->lines, event);
		tail->n_events++;
	}
	json_decref(json);
	return r;
}

static int follow(struct tail *tail, struct client_connection *client, uint64_t limit)
{
	struct span line;
	int r;

	while ((r = client_line(client, &line)) > 0) {
		if (tail->json) {
			fwrite(line.data, 1, line.size, stdout);
			putchar('\n');
			tail->n_events++;
		} else {
			r = print_line(tail, line);
			if (r < 0)
				return r;
		}
		if (fflush(stdout) != 0 || (limit > 0 && tail->n_events >= limit))
			return 0;
	}
	return r;
}

int tail_follow(const struct tail_request *request)
{
	_cleanup_(client_closep) struct client_connection *client = NULL;
	struct tail tail = { .json = request->print.json };
	struct screen screen = screen_open(&request->print);
	json_t *json = make_request(request);
	int r = json ? client_open(&client, request->socket_path) : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE)
		r = client_request(client, json, NULL);
	json_decref(json);
	if (r != CLI_DONE)
		return r;
	event_lines_init(&tail.lines, &screen);
	r = follow(&tail, client, request->limit);
	event_lines_release(&tail.lines);
	return r < 0 ? cli_fail(CLI_FAILED, "tail: %s", strerror(-r)) : CLI_DONE;
}

int tail_follow_own(const char *socket_path)
{
	return tail_follow(&(struct tail_request){ .socket_path = socket_path });
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct tail_options *o = values;
	_cleanup_(freep) char *socket = place_socket(&o->places);
	const char *filters[64];

	if (!socket)
		return cli_fail(CLI_FAILED, "out of memory");
	for (size_t i = 0; i < n; i++)
		filters[i] = arguments[i];
	return tail_follow(&(struct tail_request){ .socket_path = socket, .filters = filters, .n_filters = n,
						   .print = o->print, .limit = o->limit });
}

const struct command command_tail = {
	.name = "tail",
	.arguments = "[FILTER...]",
	.summary = "Shows events as they happen",
	.text = "Filters are those of `recorder query`.  Needs a recorder that runs.\n\n"
		"  recorder tail process.exec\n"
		"  recorder tail file \"file.path starts with '/etc'\"\n",
	.options = options,
	.options_size = sizeof(struct tail_options),
	.max_arguments = 64,
	.run = run,
};
