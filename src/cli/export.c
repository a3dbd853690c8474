/* `recorder export`: events of the history for other tools, as many as there are: nothing is kept. */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "cli/event_format.h"
#include "cli/gap_text.h"
#include "cli/interrupts.h"
#include "cli/output_file.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/selection.h"

struct export_options {
	struct place_options places;
	struct selection_options selection;
	const char *format, *output;
	bool force, quiet;
};

static const struct option options[] = {
	{ .name = "format",
	  .letter = 'f',
	  .argument = "FORMAT",
	  .help = "ndjson (the default): a JSON object a line; csv",
	  .type = OPTION_CHOICE,
	  .choices = "ndjson|csv",
	  .offset = offsetof(struct export_options, format) },
	{ .name = "output",
	  .letter = 'o',
	  .argument = "FILE",
	  .help = "write to FILE, which is there when it is whole; -: the standard output",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct export_options, output) },
	{ .name = "force", .help = "replace a file that is there", .type = OPTION_FLAG,
	  .offset = offsetof(struct export_options, force) },
	SELECTION_OPTIONS(struct export_options, selection),
	{ .name = "quiet", .letter = 'q', .help = "no progress bar", .type = OPTION_FLAG,
	  .offset = offsetof(struct export_options, quiet) },
	DATABASE_OPTION(struct export_options, places),
	PLACE_OPTIONS(struct export_options, places),
	{ .name = NULL },
};

static bool to_file(const struct export_options *o)
{
	return o->output && strcmp(o->output, "-") != 0;
}

struct export {
	const struct export_options *options;
	struct selection selection;
	struct event_format format;
	struct output_file output;
	FILE *out;
	int write_error;
	struct progress progress;
	uint64_t first, last;		/* sequence numbers, for the bar */
	uint64_t n_written;
};

static void show_progress(struct export *export, uint64_t sequence)
{
	_cleanup_(buffer_release) struct buffer tail = { 0 };

	if (!progress_is_due(&export->progress))
		return;
	append_count(&tail, export->n_written);
	buffer_append_text(&tail, " events");
	progress_show(&export->progress, SPAN(""), sequence - MIN(export->first, sequence),
		      export->last - MIN(export->first, export->last), buffer_span(&tail));
}

static int on_event(void *user, const struct event *event)
{
	struct export *export = user;
	int r;

	show_progress(export, event->sequence);
	if (!selection_has(&export->selection, event))
		return 0;
	r = event_format_write(&export->format, export->out, event);
	if (r < 0)
		return r;
	if (ferror(export->out)) {
		export->write_error = -errno;
		return 1;
	}
	export->n_written++;
	return 0;
}

static int take_sequence(void *user, const struct event *event)
{
	*(uint64_t *)user = event->sequence;
	return 1;
}

/* Between which numbers what is asked for lies. */
static int find_ends(struct export *export, struct history *history)
{
	const struct selection_options *o = &export->options->selection;
	struct history_query ask = { .since_ns = o->since_ns, .until_ns = o->until_ns };
	int r = 0;

	if (!export->progress.shown)
		return 0;
	r = history_events(history, &ask, take_sequence, &export->first);
	ask.newest_first = true;
	return r < 0 ? r : history_events(history, &ask, take_sequence, &export->last);
}

static bool is_interrupted(void *user)
{
	return interrupts_wait(0);
}

/* As those of `recorder query`: CSV has no place for them. */
static int write_gaps(struct export *export, struct history *history)
{
	const struct selection_options *o = &export->options->selection;
	const struct gap_range range = { o->since_ns, o->until_ns };
	struct screen screen = export->format.screen;

	screen.out = export->format.csv ? stderr : export->out;
	return gaps_print(history, &range, &screen, export->format.csv ? GAPS_TABLE : GAPS_JSON);
}

static int write_events(struct export *export, struct history *history)
{
	const struct history_query ask = selection_ask(&export->selection);
	int r = find_ends(export, history);

	event_format_head(&export->format, export->out);
	if (r >= 0)
		r = history_events(history, &ask, on_event, export);
	progress_end(&export->progress);
	return r < 0 || export->write_error ? r : write_gaps(export, history);
}

static int finish(struct export *export)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	int r;

	if (!to_file(export->options))
		return CLI_DONE;	/* what could not be written there is told for every command */
	if (export->write_error)
		return output_file_fail(&export->output, export->write_error);
	r = output_file_finish(&export->output);
	if (r != CLI_DONE)
		return r;
	append_count(&line, export->n_written);
	printf("%s: %s event%s\n", export->options->output, buffer_text(&line), export->n_written == 1 ? "" : "s");
	return CLI_DONE;
}

static int run_export(struct export *export, struct history *history)
{
	struct screen screen = screen_open(&(struct print_options){ .utc = true, .colour = "never" });
	int r = event_format_init(&export->format, history, &screen, export->options->format && strcmp(export->options->format, "csv") == 0);

	if (r >= 0)
		r = write_events(export, history);
	if (r >= 0 && to_file(export->options) && interrupts_wait(0))
		r = -EINTR;
	if (r == -EINTR)
		return cli_fail(CLI_FAILED, "export: interrupted, nothing is left of %s", export->options->output);
	return r < 0 ? place_fail_reading("export", history, r) : finish(export);
}

/* Where it goes: a file, which is taken away again when somebody interrupts, or the standard output, whose reader may go. */
static int open_output(struct export *export, struct history *history)
{
	const struct export_options *o = export->options;
	_cleanup_(freep) char *database = place_database(&o->places);
	int r;

	if (!database)
		return cli_fail(CLI_FAILED, "out of memory");
	if (!to_file(o)) {
		signal(SIGPIPE, SIG_DFL);
		export->out = stdout;
		return CLI_DONE;
	}
	interrupts_hold();
	history_ask(history, is_interrupted, NULL);
	r = output_file_open(&export->output, "export", o->output, o->force, database);
	export->out = export->output.file;
	return r;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct export_options *o = values;
	_cleanup_(history_freep) struct history *history = NULL;
	struct export export = { .options = o, .progress = progress_open(o->quiet || (!to_file(o) && isatty(STDOUT_FILENO))) };
	int r = selection_parse(&export.selection, "export", &o->selection, n, arguments);

	if (r == CLI_DONE && o->force && !to_file(o))
		r = cli_fail(CLI_USAGE, "export: --force goes with --output");
	if (r == CLI_DONE)
		r = place_open_history(&history, &o->places);
	if (r == CLI_DONE)
		r = open_output(&export, history);
	if (r == CLI_DONE)
		r = run_export(&export, history);
	output_file_release(&export.output);
	event_format_release(&export.format);
	selection_release(&export.selection);
	return r;
}

const struct command command_export = {
	.name = "export",
	.arguments = "[FILTER...]",
	.summary = "Writes events of the history for other tools, the oldest first",
	.text = "Filters are those of `recorder query`, and so are the lines; the gaps that overlap the time end\n"
		"them, with csv on the standard error.\n\n"
		"  recorder export --since yesterday --output /mnt/case/host.ndjson\n"
		"  recorder export network --format csv | gzip > network.csv.gz\n",
	.options = options,
	.options_size = sizeof(struct export_options),
	.max_arguments = 64,
	.run = run,
};
