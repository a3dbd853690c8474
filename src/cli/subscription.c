/* `recorder subscription`: what is recorded.  The daemon compiles, keeps and obeys; `check` and `test` compile here, and need
 * none. */

#include <errno.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/document.h"
#include "cli/subscription.h"
#include "cli/table.h"
#include "cli/text.h"
#include "filter/subscription.h"

static const struct option options[] = {
	{ .name = "since", .letter = 's', .argument = "TIME", .help = "test: the history from then on (10m, yesterday, ...)",
	  .type = OPTION_TIME, .offset = offsetof(struct subscription_options, since_ns) },
	{ .name = "until", .letter = 'u', .argument = "TIME", .help = "test: the history before then", .type = OPTION_TIME,
	  .offset = offsetof(struct subscription_options, until_ns) },
	{ .name = "yes", .letter = 'y', .help = "clear: do not ask", .type = OPTION_FLAG,
	  .offset = offsetof(struct subscription_options, yes) },
	PRINT_OPTIONS(struct subscription_options, print),
	DATABASE_OPTION(struct subscription_options, places),
	PLACE_OPTIONS(struct subscription_options, places),
	{ .name = NULL },
};

/* Parts of answers */

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "";
}

static void cell_number(struct table *table, const json_t *json, const char *name)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	append_count(&text, (uint64_t)MAX(json_integer_value(json_object_get(json, name)), 0));
	table_cell(table, buffer_span(&text), COLOUR_NONE);
}

static void print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
}

/* A line with a word of somebody else's in it. */
static _printf_(1, 2) void print_safe(const char *format, ...)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_append_safe(&line, span_of(text));
	printf("%s\n", buffer_text(&line));
}

/* Verbs that ask the daemon */

static int print_registered(const json_t *result, const struct screen *screen)
{
	const json_t *warning;
	size_t i;

	print_safe("Registered '%s'%s%s.", text_of(result, "name"),
		   json_is_true(json_object_get(result, "replaced")) ? " in place of the one before" : "",
		   json_is_true(json_object_get(result, "protected")) ? ", stored encrypted" : "");
	json_array_foreach(json_object_get(result, "warnings"), i, warning)
		print_safe("Note: %s", json_string_value(warning) ? json_string_value(warning) : "");
	return 0;
}

/* As it was registered, byte for byte; a terminal gets nothing that it would obey. */
static int print_document(const json_t *result, const struct screen *screen)
{
	const json_t *document = json_object_get(result, "document");
	struct span text = { json_string_value(document), json_string_length(document) };
	_cleanup_(buffer_release) struct buffer safe = { 0 };

	if (!text.data)
		return -EBADMSG;
	if (!isatty(STDOUT_FILENO)) {
		fwrite(text.data, 1, text.size, stdout);
		return 0;
	}
	while (text.size > 0) {
		const char *newline = memchr(text.data, '\n', text.size);
		size_t n = newline ? (size_t)(newline - text.data) : text.size;

		for (; n > 0 && text.data[0] == '\t'; n--, text.data++, text.size--)
			buffer_append_text(&safe, "        ");
		text_append_safe(&safe, (struct span){ text.data, n });
		buffer_append_byte(&safe, '\n');
		n += newline != NULL;
		text = (struct span){ text.data + n, text.size - n };
	}
	fputs(buffer_text(&safe), stdout);
	return buffer_error(&safe);
}

static int print_refused(const json_t *refused, const struct screen *screen)
{
	static const char *const titles[] = { "FILE", "WHY" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *item;
	size_t i;
	int r = json_array_size(refused) > 0 ? table_new(&table, titles, ARRAY_SIZE(titles)) : 0;

	if (!table)
		return r;
	json_array_foreach(refused, i, item) {
		table_cell_text(table, text_of(item, "file"), COLOUR_YELLOW);
		table_cell_text(table, text_of(item, "why"), COLOUR_NONE);
	}
	printf("\n%snot in force:%s\n", screen_colour(screen, COLOUR_YELLOW), screen_end(screen, COLOUR_YELLOW));
	return table_print(table, screen);
}

static int print_list(const json_t *result, const struct screen *screen)
{
	static const char *const titles[] = { "NAME", ">STREAMS", ">FILTERS", ">SIGNALS", "STORED" };
	const json_t *list = json_object_get(result, "subscriptions"), *item;
	_cleanup_(table_freep) struct table *table = NULL;
	size_t i;
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	json_array_foreach(list, i, item) {
		bool is_saved = json_is_true(json_object_get(item, "saved")),
		     is_protected = json_is_true(json_object_get(item, "protected"));

		table_cell_text(table, text_of(item, "name"), COLOUR_BOLD);
		cell_number(table, item, "streams");
		cell_number(table, item, "filters");
		cell_number(table, item, "signals");
		table_cell_text(table, !is_saved ? "no, for this run" : is_protected ? "encrypted" : "as a file", COLOUR_NONE);
	}
	if (table_rows(table) == 0)
		printf("There is no subscription: nothing is recorded.\n");
	else
		r = table_print(table, screen);
	return r < 0 ? r : print_refused(json_object_get(result, "refused"), screen);
}

static int print_removed(const json_t *result, const struct screen *screen)
{
	print_safe("Removed '%s'.", text_of(result, "name"));
	return 0;
}

static int print_cleared(const json_t *result, const struct screen *screen)
{
	long long n = json_integer_value(json_object_get(result, "removed"));

	printf("Removed %lld subscription%s: nothing is recorded.\n", n, n == 1 ? "" : "s");
	return 0;
}

static int make_register(json_t **ret, const struct subscription_options *o, const char *path)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	json_t *document;
	int r = document_read(&text, "subscription register", path);

	if (r != CLI_DONE)
		return r;
	document = json_stringn(text.size ? text.data : "", text.size);
	if (!document)
		return cli_fail(CLI_USAGE, "subscription register: %s is not UTF-8", path);
	*ret = json_pack("{s:s, s:o}", "command", "recorder.register-subscription", "document", document);
	return CLI_DONE;
}

static int make_show(json_t **ret, const struct subscription_options *o, const char *name)
{
	*ret = json_pack("{s:s, s:s}", "command", "recorder.get-subscription", "name", name);
	return *ret ? CLI_DONE : cli_fail(CLI_USAGE, "subscription show: the name is not UTF-8");
}

static int make_list(json_t **ret, const struct subscription_options *o, const char *unused)
{
	*ret = json_pack("{s:s}", "command", "recorder.list-subscriptions");
	return CLI_DONE;
}

static int make_remove(json_t **ret, const struct subscription_options *o, const char *name)
{
	*ret = json_pack("{s:s, s:s}", "command", "recorder.unregister-subscription", "name", name);
	return *ret ? CLI_DONE : cli_fail(CLI_USAGE, "subscription remove: the name is not UTF-8");
}

static int make_clear(json_t **ret, const struct subscription_options *o, const char *unused)
{
	char answer[16] = "";

	if (!o->yes && !isatty(STDIN_FILENO))
		return cli_fail(CLI_USAGE, "subscription clear: nobody can be asked here (--yes removes all without asking)");
	if (!o->yes) {
		fputs("Remove all subscriptions?  Nothing is recorded then.  [y/N] ", stderr);
		if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
			return cli_fail(CLI_FAILED, "subscription clear: nothing was removed");
	}
	*ret = json_pack("{s:s}", "command", "recorder.clear-subscriptions");
	return CLI_DONE;
}

/* Verbs that do not */

int subscription_read(struct subscription **ret, struct buffer *text, const char *path)
{
	struct filter_error error = { "" };
	int r = document_read(text, "subscription", path);

	if (r != CLI_DONE)
		return r;
	r = subscription_parse(ret, buffer_span(text), &error);
	if (r == -EINVAL)
		return cli_fail(CLI_USAGE, "%s: %s", path, error.message);
	return r < 0 ? cli_fail(CLI_FAILED, "out of memory") : CLI_DONE;
}

static int check(const struct subscription_options *o, const char *path)
{
	_cleanup_(subscription_freep) struct subscription *subscription = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct stream *streams;
	size_t n_streams, n_filters = 0, n_signals = 0;
	json_t *result;
	int r = subscription_read(&subscription, &text, path);

	if (r != CLI_DONE)
		return r;
	n_streams = subscription_streams(subscription, &streams);
	for (size_t i = 0; i < n_streams; i++) {
		n_filters += subscription_filters(subscription, i)->n;
		n_signals += streams[i].type == STREAM_SIGNAL;
	}
	n_streams -= n_signals;
	if (!o->print.json) {
		print_safe("'%s' can be registered: streams %zu, filters %zu, signals %zu.", subscription_name(subscription),
			   n_streams, n_filters, n_signals);
		return CLI_DONE;
	}
	result = json_pack("{s:s, s:I, s:I, s:I}", "name", subscription_name(subscription), "streams", (json_int_t)n_streams,
			   "filters", (json_int_t)n_filters, "signals", (json_int_t)n_signals);
	print_json(result);
	json_decref(result);
	return CLI_DONE;
}

static const struct verb {
	const char *name, *argument;	/* NULL: none */
	int (*run)(const struct subscription_options *o, const char *argument);
	int (*make)(json_t **ret, const struct subscription_options *o, const char *argument);	/* a request to the daemon */
	int (*print)(const json_t *result, const struct screen *screen);
} verbs[] = {
	{ "register", "FILE|-", NULL, make_register, print_registered },
	{ "show", "NAME", NULL, make_show, print_document },
	{ "list", NULL, NULL, make_list, print_list },
	{ "remove", "NAME", NULL, make_remove, print_removed },
	{ "clear", NULL, NULL, make_clear, print_cleared },
	{ "check", "FILE|-", check, NULL, NULL },
	{ "test", "FILE|-", subscription_try, NULL, NULL },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* What is saved is files: a person can do it without a daemon, and is told how. */
static int fail_no_daemon(const struct subscription_options *o)
{
	_cleanup_(freep) char *folder = place_subscriptions(&o->places), *socket = place_socket(&o->places);

	return cli_fail(CLI_NO_DAEMON,
			"the recorder is not running: nobody listens at %s (start it, or name its directory with --state DIR; "
			"subscriptions are the files %s/NAME.json, it takes what lies there)",
			socket ? socket : "", folder ? folder : "");
}

static int ask(const struct subscription_options *o, const struct verb *verb, const char *argument)
{
	_cleanup_(freep) char *socket = place_socket(&o->places);
	struct screen screen = screen_open(&o->print);
	json_t *request = NULL, *result = NULL;
	int r;

	if (!socket)
		return cli_fail(CLI_FAILED, "out of memory");
	if (client_probe(socket) == 0)
		return fail_no_daemon(o);
	r = verb->make(&request, o, argument);
	if (r == CLI_DONE)
		r = client_ask(&o->places, request, &result);
	if (r == CLI_DONE && o->print.json)
		print_json(result);
	else if (r == CLI_DONE && verb->print(result, &screen) < 0)
		r = cli_fail(CLI_FAILED, "the answer of the recorder cannot be shown (--json shows it as it is)");
	json_decref(result);
	return r;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct subscription_options *o = values;
	const struct verb *verb = find_verb(arguments[0]);

	if (!verb)
		return cli_fail(CLI_USAGE, "subscription: '%.64s' is none of register, show, list, remove, clear, check, test",
				arguments[0]);
	if (n - 1 != (verb->argument != NULL))
		return cli_fail(CLI_USAGE, "subscription: usage: recorder subscription %s%s%s", verb->name,
				verb->argument ? " " : "", verb->argument ? verb->argument : "");
	if ((o->since_ns || o->until_ns || o->places.database) && verb->run != subscription_try)
		return cli_fail(CLI_USAGE, "subscription %s: --since, --until and --db are for test", verb->name);
	return verb->run ? verb->run(o, arguments[1]) : ask(o, verb, arguments[1]);
}

const struct command command_subscription = {
	.name = "subscription",
	.arguments = "register|check|test FILE | show|remove NAME | list | clear",
	.summary = "Says what is recorded: shows, changes and tries subscriptions",
	.text = "A recorder that runs takes a change at once and keeps it; a document with a mistake changes nothing.\n"
		"check says whether a document can be registered, test what it would have matched in the history, and\n"
		"what its exclusions leave out.  Neither needs a recorder.\n\n"
		"  recorder subscription check mine.json\n"
		"  recorder subscription test mine.json --since yesterday\n"
		"  recorder subscription register mine.json\n"
		"  recorder subscription show mine > mine.json\n",
	.options = options,
	.options_size = sizeof(struct subscription_options),
	.min_arguments = 1,
	.max_arguments = 2,
	.run = run,
};
