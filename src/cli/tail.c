/* `recorder tail`: events as they happen, from the daemon or from a journal. */

#include <errno.h>

#include "cli/client.h"
#include "cli/place.h"
#include "cli/tail.h"
#include "cli/tail_journal.h"
#include "cli/tail_lines.h"

struct tail_options {
	struct place_options places;
	struct print_options print;
	uint64_t limit;
	const char *journal;
	uint64_t n_last, since_ns;
	bool once;
};

static const struct option options[] = {
	{ .name = "journal",
	  .letter = 'j',
	  .argument = "NAME",
	  .help = "those of a journal; no recorder need run",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct tail_options, journal) },
	{ .name = "lines",
	  .argument = "N",
	  .help = "begin with the last N that are there (--journal)",
	  .type = OPTION_NUMBER,
	  .offset = offsetof(struct tail_options, n_last) },
	{ .name = "since",
	  .letter = 's',
	  .argument = "TIME",
	  .help = "begin with those from then on (--journal)",
	  .type = OPTION_TIME,
	  .offset = offsetof(struct tail_options, since_ns) },
	{ .name = "no-follow",
	  .help = "end with the last that is there (--journal)",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct tail_options, once) },
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

static int follow(struct tail_lines *lines, struct client_connection *client)
{
	struct span line;
	int r;

	while ((r = client_line(client, &line)) > 0) {
		r = tail_lines_print(lines, line);
		/* What a daemon of another version sends may be no event here. */
		if (r == 1 || (r < 0 && r != -EINVAL))
			return MIN(r, 0);
	}
	return r;
}

int tail_follow(const struct tail_request *request)
{
	_cleanup_(client_closep) struct client_connection *client = NULL;
	struct tail_lines lines;
	json_t *json = make_request(request);
	int r = json ? client_open(&client, request->socket_path) : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE)
		r = client_request(client, json, NULL);
	json_decref(json);
	if (r != CLI_DONE)
		return r;
	tail_lines_init(&lines, &request->print, request->limit);
	r = follow(&lines, client);
	tail_lines_release(&lines);
	return r < 0 ? cli_fail(CLI_FAILED, "tail: %s", strerror(-r)) : CLI_DONE;
}

int tail_follow_own(const char *socket_path)
{
	return tail_follow(&(struct tail_request){ .socket_path = socket_path });
}

static int run_journal(const struct tail_options *o, const char *const *filters, size_t n)
{
	_cleanup_(freep) char *folder = place_journals(&o->places);

	if (!folder)
		return cli_fail(CLI_FAILED, "out of memory");
	return tail_journal(&(struct tail_journal_request){ .folder = folder, .name = o->journal, .filters = filters,
							    .n_filters = n, .print = o->print, .limit = o->limit,
							    .n_last = o->n_last, .since_ns = o->since_ns,
							    .once = o->once });
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct tail_options *o = values;
	_cleanup_(freep) char *socket = NULL;
	const char *filters[64];

	for (size_t i = 0; i < n; i++)
		filters[i] = arguments[i];
	if (o->journal)
		return run_journal(o, filters, n);
	if (o->n_last || o->since_ns || o->once)
		return cli_fail(CLI_USAGE, "tail: --lines, --since and --no-follow need --journal NAME (`recorder query` "
					   "shows the history)");
	socket = place_socket(&o->places);
	if (!socket)
		return cli_fail(CLI_FAILED, "out of memory");
	return tail_follow(&(struct tail_request){ .socket_path = socket, .filters = filters, .n_filters = n,
						   .print = o->print, .limit = o->limit });
}

const struct command command_tail = {
	.name = "tail",
	.arguments = "[FILTER...]",
	.summary = "Shows events as they happen",
	.text = "Filters are those of `recorder query`.  Needs a recorder that runs, but for a journal, which "
		"it\nfollows across rotations.\n\n"
		"  recorder tail process.exec\n"
		"  recorder tail file \"file.path starts with '/etc'\"\n"
		"  recorder tail --journal logins --lines 20\n",
	.options = options,
	.options_size = sizeof(struct tail_options),
	.max_arguments = 64,
	.run = run,
};
