/* `recorder import`: recordings of other systems through the same pipeline as live events.
 *
 * The same bytes always give the same events, ids included: time is that of the records, nothing is asked of
 * this host, and no name is looked up on it. */

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "cli/client.h"
#include "base/clock.h"
#include "cli/import_writer.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/time_spec.h"
#include "control/settings.h"
#include "pipeline/pipeline.h"
#include "pipeline/redaction_conf.h"
#include "source/audit_rules.h"
#include "source/source.h"

#define READ_AT_ONCE 4096

struct import_options {
	struct place_options places;
	struct print_options print;
	bool quiet;
};

static const struct option options[] = {
	{ .name = "quiet",
	  .letter = 'q',
	  .help = "no progress bar",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct import_options, quiet) },
	{ .name = "json",
	  .help = "the summary as a JSON object",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct import_options, print.json) },
	{ .name = "db",
	  .argument = "FILE",
	  .help = "database to write to, without it the recorder's own; \"none\": decode only",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct import_options, places.database) },
	PLACE_OPTIONS(struct import_options, places),
	{ .name = NULL },
};

/* Kinds of recordings; each is a source of records for the one pipeline. */
static const struct {
	const char *name;
	const struct source_ops *source;
} formats[] = {
	{ "audit", &source_replay },
};

struct import {
	const struct import_options *options;
	const struct source_ops *ops;
	struct pipeline *pipeline;
	struct import_writer *writer;	/* NULL: decode only */
	struct settings settings;
	struct redaction_conf redaction;
	uint64_t begin_ns;
	struct progress progress;
	uint64_t too_long;		/* lines dropped by the sources */
	uint64_t not_stored;		/* events that the database had no room for */
	size_t n_opened;
	char *const *files;
	size_t n_files, at_file;
};

static int on_record(void *user, const struct record *record)
{
	struct import *import = user;

	return pipeline_push(import->pipeline, record);
}

static int on_event(void *user, struct event *event)
{
	struct import *import = user;

	if (import->writer)
		return import_writer_push(import->writer, event);
	event_free(event);
	return 0;
}

static void show_progress(struct import *import, const struct source *source)
{
	_cleanup_(buffer_release) struct buffer head = { 0 }, tail = { 0 };
	uint64_t done, total, elapsed_ns;
	struct pipeline_stats stats;

	if (!progress_is_due(&import->progress))
		return;
	elapsed_ns = MAX(clock_now_ns() - import->begin_ns, 1u);
	source_replay_progress(source, &done, &total);
	pipeline_stats(import->pipeline, &stats);
	buffer_printf(&head, "%zu/%zu  ", import->at_file + 1, import->n_files);
	append_count(&tail, stats.received);
	buffer_append_text(&tail, " records, ");
	append_count(&tail, (uint64_t)((double)stats.received * 1e9 / (double)elapsed_ns));
	buffer_append_text(&tail, "/s");
	progress_show(&import->progress, buffer_span(&head), done, total, buffer_span(&tail));
}

static int read_all(struct import *import, struct source *source)
{
	int r;

	while ((r = import->ops->read(source, READ_AT_ONCE, on_record, import)) >= 0)
		show_progress(import, source);
	return r == -ENODATA ? 0 : r;
}

static int import_file(struct import *import, const char *path)
{
	struct source *source = NULL;
	int r = import->ops->open(&source, &(struct source_options){ .path = path });

	if (r < 0) {
		progress_end(&import->progress);
		return cli_fail(r == -EACCES ? CLI_PERMISSION : CLI_FAILED, "import: cannot read %s: %s",
				path, strerror(-r));
	}
	import->n_opened++;
	r = pipeline_begin_file(import->pipeline);
	if (r >= 0)
		r = read_all(import, source);
	import->too_long += import->ops->stats(source)->too_long;
	import->ops->free(source);
	if (r >= 0)
		return CLI_DONE;
	progress_end(&import->progress);
	if (r == -EIO || r == -EBADMSG)
		return cli_fail(CLI_FAILED, "import: %s is damaged; what stands before that was imported",
				path);
	return cli_fail(CLI_FAILED, "import: %s: %s", path, strerror(-r));
}

static void append_things(struct buffer *out, uint64_t n, const char *thing)
{
	append_count(out, n);
	buffer_printf(out, " %s%s", thing, n == 1 ? "" : "s");
}

static void append_problem(struct buffer *out, uint64_t n, const char *thing, const char *problem)
{
	if (n == 0)
		return;
	buffer_append_text(out, "; ");
	append_things(out, n, thing);
	buffer_append_text(out, problem);
}

static void print_summary(const struct import *import, double seconds)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct pipeline_stats stats;
	uint64_t errors;

	pipeline_stats(import->pipeline, &stats);
	errors = stats.malformed + stats.decoder->errors + import->too_long;
	if (import->options->print.json) {
		printf("{\"records\":%" PRIu64 ",\"events\":%" PRIu64 ",\"partial\":%" PRIu64
		       ",\"merged\":%" PRIu64 ",\"unknown_types\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"seconds\":%.3f",
		       stats.received, stats.events, stats.decoder->partial, stats.merged, stats.decoder->unknown_types,
		       errors, seconds);
		if (import->not_stored > 0)
			printf(",\"not_stored\":%" PRIu64, import->not_stored);
		printf("}\n");
		return;
	}
	append_things(&line, stats.received, "record");
	buffer_append_text(&line, " gave ");
	append_things(&line, stats.events, "event");
	buffer_printf(&line, " in %.2f s (", seconds);
	append_count(&line, (uint64_t)((double)stats.received / MAX(seconds, 1e-6)));
	buffer_append_text(&line, " records/s)");
	append_problem(&line, stats.merged, "event", " merged into others");
	append_problem(&line, stats.decoder->partial, "event", " with a record missing");
	append_problem(&line, stats.decoder->unknown_types, "record", " of an unknown type");
	append_problem(&line, errors, "record", " not read in full");
	append_problem(&line, import->not_stored, "event", " not stored");
	printf("%s.\n", buffer_text(&line));
}

/* All that came was no record: the files are none of that kind. */
static bool is_nothing(const struct import *import)
{
	struct pipeline_stats stats;

	pipeline_stats(import->pipeline, &stats);
	return stats.malformed + import->too_long > 0 && stats.malformed == stats.received;
}

/* The writer of a database is one: a daemon that records into it would be disturbed. */
static int open_writer(struct import *import)
{
	const struct place_options *places = &import->options->places;
	_cleanup_(freep) char *path = place_database(places), *socket = place_socket(places);
	struct sink_error error = { "" };
	struct sink *sink;
	int r;

	if (!path || !socket)
		return cli_fail(CLI_FAILED, "out of memory");
	if (!*path)
		return cli_fail(CLI_USAGE, "import: --db: a file has no empty name");
	if (!places->database && client_probe(socket) > 0)
		return cli_fail(CLI_FAILED,
				"import: the recorder is writing %s (give --db FILE to import into another)",
				path);
	r = sink_database.open(&sink, &(struct sink_options){ .path = path, .bulk = true, .error = &error });
	if (r >= 0)
		r = import_writer_new(&import->writer, &sink_database, sink);
	if (r == -EACCES || r == -EPERM)
		return cli_fail(CLI_PERMISSION,
				"import: cannot write %s: permission denied (give --db FILE, or sudo)", path);
	if (r == -ENOENT || r == -ENOTDIR)
		return cli_fail(CLI_FAILED,
				"import: cannot write %s: its directory does not exist (give --db FILE)",
				path);
	if (r < 0)
		return cli_fail(CLI_FAILED, "import: cannot write %s: %s", path,
				error.message[0] ? error.message : strerror(-r));
	return CLI_DONE;
}

/* Secrets in what others recorded are replaced as in what is recorded here. */
static int read_redaction(struct import *import)
{
	const struct place_options *places = &import->options->places;
	_cleanup_(freep) char *key = place_redaction_key(places), *patterns = place_redaction_file(places);
	_cleanup_(freep) char *config = place_config_file(places);
	struct redaction_error error = { "" };
	struct settings_error why;
	int r;

	if (!key || !patterns || !config)
		return cli_fail(CLI_FAILED, "out of memory");
	settings_init(&import->settings);
	r = settings_read(&import->settings, config, &why);
	if (r < 0 && r != -EACCES)	/* who may not read it has no wish of his own in it */
		return cli_fail(CLI_FAILED, "import: %s", why.message);
	r = redaction_conf_read(&import->redaction, key, patterns, &error);
	if (r < 0)
		return cli_fail(CLI_FAILED, "import: %s", error.message[0] ? error.message : strerror(-r));
	if (import->redaction.key_is_of_this_run)
		cli_fail(CLI_FAILED, "import: secrets of this import alone can be matched with one another: %s", error.message);
	return CLI_DONE;
}

static int open_pipeline(struct import *import)
{
	const struct pipeline_options pipeline_options = {
		.decoder = { .own_key = AUDIT_OWN_KEY },	/* as live: a capture gives what the run gave */
		.assembler = ASSEMBLER_DEFAULTS,
		.decode_only = !import->writer,
		.redaction_key = import->writer ? import->redaction.key : NULL,
		.redaction_patterns = buffer_span(&import->redaction.patterns),
		.no_redaction = !import->settings.value[SETTING_EnableRedaction],
	};
	int r = pipeline_new(&import->pipeline, &pipeline_options, on_event, import);

	return r < 0 ? cli_fail(CLI_FAILED, "import: %s", strerror(-r)) : CLI_DONE;
}

static int run_import(struct import *import)
{
	char why[BALANCE_WHY_MAX];
	struct pipeline_stats stats;
	int code = CLI_DONE, r = 0;

	for (import->at_file = 0; import->at_file < import->n_files; import->at_file++) {
		int file_code = import_file(import, import->files[import->at_file]);

		code = code == CLI_DONE ? file_code : code;
	}
	r = pipeline_drain(import->pipeline);
	pipeline_stats(import->pipeline, &stats);
	if (import->writer) {
		int stored = import_writer_finish(import->writer, &stats.balance);

		import->not_stored = balance_events_sum(&stats.balance, EVENTS_NOT_STORED) + stats.balance.events[CATEGORY_signal][EVENTS_NOT_STORED];
		r = stored < 0 ? stored : r;
	}
	balance_demand(&stats.balance, why);
	code = *why ? CLI_FAILED : code;
	progress_end(&import->progress);
	return r < 0 ? cli_fail(CLI_FAILED, "import: storing failed: %s", strerror(-r)) : code;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	struct import import = {
		.options = values, .begin_ns = clock_now_ns(), .files = arguments + 1, .n_files = n - 1
	};
	bool decode_only = import.options->places.database &&
			   strcmp(import.options->places.database, "none") == 0;
	int code = CLI_DONE;

	for (size_t i = 0; i < ARRAY_SIZE(formats) && !import.ops; i++)
		if (strcmp(arguments[0], formats[i].name) == 0)
			import.ops = formats[i].source;
	if (!import.ops)
		return cli_fail(CLI_USAGE,
				"import: unknown kind of recording '%s' (audit is the one there is)",
				arguments[0]);
	import.progress = progress_open(import.options->quiet);
	if (!decode_only)
		code = open_writer(&import);
	if (code == CLI_DONE && !decode_only)
		code = read_redaction(&import);
	if (code == CLI_DONE)
		code = open_pipeline(&import);
	if (code == CLI_DONE) {
		code = run_import(&import);
		if (import.n_opened > 0)
			print_summary(&import, (double)(clock_now_ns() - import.begin_ns) / 1e9);
		if (code == CLI_DONE && is_nothing(&import))
			code = cli_fail(CLI_FAILED, "import: no line of it is an audit record");
	}
	pipeline_free(import.pipeline);
	import_writer_free(import.writer);
	redaction_conf_release(&import.redaction);
	return code;
}

const struct command command_import = {
	.name = "import",
	.arguments = "audit FILE...",
	.summary = "Reads recordings of other systems into the history",
	.text = "audit: audit.log files of auditd, RAW or ENRICHED, also rotated and .gz; - is the standard "
		"input.\n"
		"Give the files of one host in the order of their time: events may go from one file into the "
		"next.\n\n"
		"  recorder import audit /var/log/audit/audit.log.1 /var/log/audit/audit.log --db "
		"incident.db\n",
	.options = options,
	.options_size = sizeof(struct import_options),
	.min_arguments = 2,
	.max_arguments = UINT32_MAX,
	.run = run,
};
