/* `recorder who`: who did what to a file, when, and from which login. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/event_format.h"
#include "cli/event_line.h"
#include "cli/gap_text.h"
#include "cli/place.h"
#include "cli/selection.h"

#define SHOWN 100
#define NAMES_MAX 2			/* as it was given, and where that leads now */

struct who_options {
	struct place_options places;
	struct print_options print;
	struct selection_options selection;
	uint64_t limit;
};

static const struct who_options defaults = { .limit = SHOWN };

static const struct option options[] = {
	SELECTION_OPTIONS(struct who_options, selection),
	{ .name = "limit", .letter = 'n', .argument = "N", .help = "the newest N only (100); 0: all", .type = OPTION_NUMBER,
	  .offset = offsetof(struct who_options, limit) },
	PRINT_OPTIONS(struct who_options, print),
	DATABASE_OPTION(struct who_options, places),
	PLACE_OPTIONS(struct who_options, places),
	{ .name = NULL },
};

/* Where an event names a file.  Of the program alone it is the exec that counts, not all that it did. */
static const enum field named_in[] = { FIELD_path, FIELD_target_path, FIELD_dll_path, FIELD_driver_path, FIELD_executable };
#define N_NAMED_IN ARRAY_SIZE(named_in)

struct who {
	const struct who_options *options;
	struct selection selection;
	struct buffer names[NAMES_MAX];
	size_t n_names;
	bool is_folder;			/* all that is below it */
	uint64_t keys[N_NAMED_IN * NAMES_MAX];
	struct screen screen;
	struct event_lines lines;
	struct event_format format;
	struct event *kept;		/* the oldest first */
	uint64_t n;
};

static void who_release(struct who *who)
{
	while (who->kept) {
		struct event *next = who->kept->next;

		event_free(who->kept);
		who->kept = next;
	}
	selection_release(&who->selection);
	for (size_t i = 0; i < NAMES_MAX; i++)
		buffer_release(&who->names[i]);
	event_lines_release(&who->lines);
	event_format_release(&who->format);
}

/* Whose names */

static int take_names(struct who *who, const char *file)
{
	_cleanup_(freep) char *cwd = getcwd(NULL, 0), *real = realpath(file, NULL);
	size_t size = strlen(file);
	int r;

	if (size == 0)
		return cli_fail(CLI_USAGE, "who: the name of the file is empty");
	r = path_join(&who->names[who->n_names++], span_of(cwd ? cwd : "/"), span_of(file));
	if (r >= 0 && real && !span_eq(span_of(real), buffer_span(&who->names[0])))
		buffer_append_text(&who->names[who->n_names++], real);
	for (size_t i = 0; i < who->n_names && r >= 0; i++)
		r = buffer_error(&who->names[i]);
	who->is_folder = file[size - 1] == '/';
	return r < 0 ? cli_fail(CLI_FAILED, "who: %s: %s", file, strerror(-r)) : CLI_DONE;
}

static bool is_below(struct span folder, struct span path)
{
	if (span_eq(folder, SPAN("/")))
		return true;
	return span_starts(path, folder) && (path.size == folder.size || path.data[folder.size] == '/');
}

static bool is_named(const struct who *who, const struct values *values, enum field field)
{
	struct span path = values_text(values, field);

	if (!values_has(values, field))
		return false;
	for (size_t i = 0; i < who->n_names; i++) {
		struct span name = buffer_span(&who->names[i]);

		if (who->is_folder ? is_below(name, path) : span_eq(name, path))
			return true;
	}
	return false;
}

static bool is_about(const struct who *who, const struct event *event)
{
	for (size_t i = 0; i < N_NAMED_IN; i++)
		if (!fields[named_in[i]].is_context && is_named(who, &event->values, named_in[i]))
			return true;
	return event->kind == KIND_ID(process, exec) && event->context && is_named(who, &event->context->values, FIELD_executable);
}

static void narrow_kinds(bool wanted[N_KINDS])
{
	for (unsigned i = 0; i < N_KINDS; i++) {
		enum category category = kinds[i].category;

		wanted[i] = wanted[i] && (category == CATEGORY_file || category == CATEGORY_image || category == CATEGORY_driver ||
					  i == KIND_ID(process, exec) || i == KIND_ID(security, raw_access));
	}
}

/* The answer */

static int print_event(struct who *who, const struct event *event)
{
	return who->options->print.json ? event_format_write(&who->format, stdout, event) : event_line_print(&who->lines, event);
}

/* The newest come first and are kept, to be printed from the oldest on; all of them are printed as they come. */
static int on_event(void *user, const struct event *event)
{
	struct who *who = user;
	struct event *copy;

	if (!who->selection.kinds[event->kind] || !is_about(who, event))
		return 0;
	if (who->options->limit == 0) {
		who->n++;
		return print_event(who, event);
	}
	copy = event_copy(event);
	if (!copy)
		return -ENOMEM;
	event_line_measure(&who->lines, copy);
	copy->next = who->kept;
	who->kept = copy;
	return ++who->n == who->options->limit;
}

static int print(struct who *who)
{
	int r = 0;

	for (const struct event *event = who->kept; event && r >= 0; event = event->next)
		r = print_event(who, event);
	if (who->n == 0 && !who->options->print.json)
		printf("Nobody is known to have touched it (who reads a file is known only if a subscription asks for reads).\n");
	return r;
}

static int look(struct who *who, struct history *history)
{
	struct history_query ask = selection_ask(&who->selection);
	const struct history_need need = { named_in, who->keys, N_NAMED_IN, N_NAMED_IN * who->n_names };
	const struct gap_range range = { ask.since_ns, ask.until_ns };
	size_t n = 0;
	int r;

	for (size_t f = 0; f < N_NAMED_IN; f++)
		for (size_t i = 0; i < who->n_names; i++)
			if (!history_key_text(named_in[f], buffer_span(&who->names[i]), false, &who->keys[n++]))
				return -EINVAL;
	if (!who->is_folder) {
		ask.needs = &need;
		ask.n_needs = 1;
	}
	ask.newest_first = who->options->limit > 0;
	r = event_format_init(&who->format, history, &who->screen, false);
	if (r >= 0)
		r = history_events(history, &ask, on_event, who);
	if (r >= 0)
		r = print(who);
	return r < 0 ? r : gaps_print(history, &range, &who->screen, who->options->print.json ? GAPS_JSON : GAPS_TABLE);
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct who_options *o = values;
	_cleanup_(history_freep) struct history *history = NULL;
	_cleanup_(who_release) struct who who = { .options = o, .screen = screen_open(&o->print) };
	int r;

	event_lines_init(&who.lines, &who.screen);
	who.lines.with_origin = true;
	r = selection_parse(&who.selection, "who", &o->selection, 0, NULL);
	if (r == CLI_DONE)
		r = take_names(&who, arguments[0]);
	if (r == CLI_DONE)
		r = place_open_history(&history, &o->places);
	if (r == CLI_DONE) {
		int e;

		narrow_kinds(who.selection.kinds);
		e = look(&who, history);
		if (e < 0)
			r = place_fail_reading("who", history, e);
	}
	return r;
}

const struct command command_who = {
	.name = "who",
	.arguments = "FILE|FOLDER/",
	.summary = "Shows who did what to a file, when, and from which login",
	.text = "The login user comes first, with the address that the login came from, then the user that acted:\n"
		"alice@203.0.113.7>root.  A name that ends in a slash is a folder with all that is below it.\n\n"
		"  recorder who /etc/passwd --since yesterday\n"
		"  recorder who /etc/cron.d/ --json\n",
	.options = options,
	.options_size = sizeof(struct who_options),
	.defaults = &defaults,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
