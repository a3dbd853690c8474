/* `recorder query`: events of the history.
 *
 * Without a limit events are printed as they are read. With one, the newest are wanted but shown oldest
 * first, so they are read backwards and kept until there are enough. */

#include <errno.h>

#include "cli/event_csv.h"
#include "cli/event_line.h"
#include "cli/gap_text.h"
#include "cli/place.h"
#include "event/event_json.h"
#include "filter/filter.h"

struct query_options {
	struct place_options places;
	struct print_options print;
	uint64_t since_ns, until_ns, limit;
	const char *types;
	bool csv, table, reverse;
};

static const struct option options[] = {
	{ .name = "since",
	  .letter = 's',
	  .argument = "TIME",
	  .help = "from then on (10m, 2h, yesterday, 14:00, RFC 3339)",
	  .type = OPTION_TIME,
	  .offset = offsetof(struct query_options, since_ns) },
	{ .name = "until",
	  .letter = 'u',
	  .argument = "TIME",
	  .help = "before then",
	  .type = OPTION_TIME,
	  .offset = offsetof(struct query_options, until_ns) },
	{ .name = "type",
	  .letter = 't',
	  .argument = "TYPE,...",
	  .help = "only these (file, process.exec, ...)",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct query_options, types) },
	{ .name = "limit",
	  .letter = 'n',
	  .argument = "N",
	  .help = "the newest N only; 0: all",
	  .type = OPTION_NUMBER,
	  .offset = offsetof(struct query_options, limit) },
	{ .name = "reverse",
	  .letter = 'r',
	  .help = "newest first",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct query_options, reverse) },
	{ .name = "table",
	  .help = "aligned columns (the default)",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct query_options, table) },
	{ .name = "csv",
	  .help = "comma-separated values",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct query_options, csv) },
	PRINT_OPTIONS(struct query_options, print),
	DATABASE_OPTION(struct query_options, places),
	PLACE_OPTIONS(struct query_options, places),
	{ .name = NULL },
};

struct query {
	const struct query_options *options;
	struct terms *terms;
	bool kinds[N_KINDS];
	struct screen screen;
	struct event_lines lines;
	struct event_json_options json;
	struct buffer out;
	uint64_t n_found;
	struct event *kept;		/* newest last found first */
	bool keep;
};

/* --type: a list, joined by OR; each as a term. */
static int narrow_types(struct query *query, const char *types, struct filter_error *error)
{
	bool any[N_KINDS] = { false };

	while (types) {
		size_t n = strcspn(types, ",");
		_cleanup_(freep) char *type = strndup(types, n);
		_cleanup_(terms_freep) struct terms *terms = NULL;
		bool of_type[N_KINDS];
		int r = type ? terms_parse(&terms, (const char *const[]){ type }, 1, error) : -ENOMEM;

		if (r < 0)
			return r;
		terms_kinds(terms, of_type);
		for (unsigned kind = 0; kind < N_KINDS; kind++)
			any[kind] = any[kind] || of_type[kind];
		types = types[n] ? types + n + 1 : NULL;
	}
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		query->kinds[kind] = query->kinds[kind] && any[kind];
	return 0;
}

static int parse_filters(struct query *query, size_t n, char *const *arguments)
{
	struct filter_error error = { "" };
	const char *texts[64];
	int r;

	if (n > ARRAY_SIZE(texts))
		return cli_fail(CLI_USAGE, "query: more than %zu filters", ARRAY_SIZE(texts));
	for (size_t i = 0; i < n; i++)
		texts[i] = arguments[i];
	r = terms_parse(&query->terms, texts, n, &error);
	if (r == 0) {
		terms_kinds(query->terms, query->kinds);
		r = query->options->types ? narrow_types(query, query->options->types, &error) : 0;
	}
	if (r == -EINVAL)
		return cli_fail(CLI_USAGE, "query: %s", error.message);
	return r < 0 ? cli_fail(CLI_FAILED, "out of memory") : CLI_DONE;
}

static int print_event(struct query *query, const struct event *event)
{
	int r;

	if (!query->options->print.json && !query->options->csv)
		return event_line_print(&query->lines, event);
	buffer_clear(&query->out);
	if (query->options->csv) {
		event_csv(&query->out, &query->screen, event);
	} else {
		event_json(&query->out, event, &query->json);
		buffer_append_byte(&query->out, '\n');
	}
	r = buffer_error(&query->out);
	if (r < 0)
		return r;
	fwrite(query->out.data, 1, query->out.size, stdout);
	return 0;
}

static int keep_event(struct query *query, const struct event *event)
{
	struct event *copy = event_copy(event);

	if (!copy)
		return -ENOMEM;
	event_line_measure(&query->lines, copy);
	copy->next = query->kept;
	query->kept = copy;
	return 0;
}

static int on_event(void *user, const struct event *event)
{
	struct query *query = user;
	uint64_t limit = query->options->limit;
	int r;

	if (!query->kinds[event->kind] || !terms_match(query->terms, event))
		return 0;
	r = query->keep ? keep_event(query, event) : print_event(query, event);
	if (r < 0)
		return r;
	if (ferror(stdout))
		return 1;
	return ++query->n_found == limit && limit > 0;
}

static int print_kept(struct query *query)
{
	int r = 0;

	while (query->kept) {
		struct event *event = query->kept;

		query->kept = TAKE(event->next);
		if (r >= 0)
			r = print_event(query, event);
		event_free(event);
	}
	return r;
}

static void begin_output(struct query *query, struct history *history)
{
	struct history_stats stats = { 0 };

	if (history_stats(history, &stats) >= 0) {
		query->json.host_id = span_of(stats.host_id);
		query->json.host_name = span_of(stats.host_name);
		query->json.boot_id = span_of(stats.boot_id);
	}
	if (!query->options->csv)
		return;
	event_csv_head(&query->out);
	fwrite(query->out.data, 1, query->out.size, stdout);
}

/* Gaps go where they do not break the format: CSV has no place for them. */
static int print_gaps(struct query *query, struct history *history)
{
	const struct gap_range range = { query->options->since_ns, query->options->until_ns };
	struct screen screen = query->screen;

	if (query->options->csv) {
		fflush(stdout);
		screen.out = stderr;
		screen.colour = false;
	}
	return gaps_print(history, &range, &screen, query->options->print.json);
}

static int read_events(struct query *query, struct history *history)
{
	const struct query_options *o = query->options;
	struct history_query ask = {
		.since_ns = o->since_ns,
		.until_ns = o->until_ns,
		.categories = terms_categories(query->terms),
		.kinds = query->kinds,
		.newest_first = o->reverse || o->limit > 0,
	};
	int r;

	query->keep = o->limit > 0 && !o->reverse;
	begin_output(query, history);
	r = history_events(history, &ask, on_event, query);
	if (r >= 0)
		r = print_kept(query);
	if (r >= 0 && query->n_found == 0 && !o->print.json && !o->csv)
		fprintf(stdout, "No such event in the history.\n");
	return r < 0 ? r : print_gaps(query, history);
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct query_options *o = values;
	_cleanup_(history_freep) struct history *history = NULL;
	struct query query = { .options = o, .screen = screen_open(&o->print) };
	int r;

	if (o->csv + o->table + o->print.json > 1)
		return cli_fail(CLI_USAGE, "query: only one of --json, --csv and --table can be");
	if (o->since_ns && o->until_ns && o->since_ns >= o->until_ns)
		return cli_fail(CLI_USAGE, "query: --since is not before --until");
	event_lines_init(&query.lines, &query.screen);
	r = parse_filters(&query, n, arguments);
	if (r == CLI_DONE)
		r = place_open_history(&history, &o->places);
	if (r == CLI_DONE) {
		int e = read_events(&query, history);

		if (e < 0)
			r = cli_fail(CLI_FAILED, "query: reading the history failed: %s", strerror(-e));
	}
	while (query.kept) {
		struct event *event = query.kept;

		query.kept = TAKE(event->next);
		event_free(event);
	}
	terms_free(query.terms);
	event_lines_release(&query.lines);
	buffer_release(&query.out);
	return r;
}

const struct command command_query = {
	.name = "query",
	.arguments = "[FILTER...]",
	.summary = "Shows events of the history, the newest last, and what may be missing among them",
	.text = "A filter is an event type or FIELD [not] OPERATOR 'VALUE' (recorder-subscription(5)); all "
		"must hold.\n\n"
		"  recorder query process.exec --since 10m\n"
		"  recorder query \"process.path is '/usr/bin/curl'\" network\n"
		"  recorder query file \"file.path starts with '/etc'\" \"process.login_user_name is "
		"'alice'\" --json\n",
	.options = options,
	.options_size = sizeof(struct query_options),
	.max_arguments = 64,
	.run = run,
};
