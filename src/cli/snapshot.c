/* `recorder snapshot`: a copy of the history.  Made here, not by the daemon: what can be read needs nobody's leave, the copy
 * belongs to who asked for it, and goes where he may write, which the daemon, that gave its rights away, may not. */

#include <errno.h>
#include <jansson.h>

#include "cli/interrupts.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "daemon/snapshot.h"

struct snapshot_command {
	struct place_options places;
	bool json, force, quiet;
};

static const struct option options[] = {
	{ .name = "force", .letter = 'f', .help = "replace a file that is there", .type = OPTION_FLAG,
	  .offset = offsetof(struct snapshot_command, force) },
	{ .name = "quiet", .letter = 'q', .help = "no progress bar", .type = OPTION_FLAG,
	  .offset = offsetof(struct snapshot_command, quiet) },
	{ .name = "json", .help = "the result as a JSON object", .type = OPTION_FLAG,
	  .offset = offsetof(struct snapshot_command, json) },
	DATABASE_OPTION(struct snapshot_command, places),
	PLACE_OPTIONS(struct snapshot_command, places),
	{ .name = NULL },
};

struct work {
	struct progress progress;
};

static bool on_pause(void *user, uint64_t done, uint64_t total, uint64_t ns)
{
	struct work *work = user;
	_cleanup_(buffer_release) struct buffer tail = { 0 };

	if (progress_is_due(&work->progress)) {
		append_bytes(&tail, done);
		buffer_append_text(&tail, " of ");
		append_bytes(&tail, total);
		progress_show(&work->progress, SPAN(""), done, total, buffer_span(&tail));
	}
	return !interrupts_wait(ns);
}

static int fail(int error, const struct sink_error *why)
{
	if (error == -ECANCELED)
		return cli_fail(CLI_FAILED, "snapshot: interrupted, nothing is left of the copy");
	return cli_fail(error == -EACCES || error == -EPERM ? CLI_PERMISSION : CLI_FAILED, "snapshot: %s%s", why->message,
			error == -EEXIST			? " (--force replaces an ordinary file)" :
			error == -EACCES || error == -EPERM	? " (sudo?)" :
								  "");
}

static void print_result(const struct snapshot_command *o, const char *destination, uint64_t bytes)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };

	if (o->json) {
		json_t *result = json_pack("{s:o?, s:I}", "path", json_string(destination), "bytes", (json_int_t)bytes);

		json_dumpf(result, stdout, JSON_COMPACT);
		json_decref(result);
	} else {
		buffer_append_text(&line, destination);
		buffer_append_text(&line, ": ");
		append_bytes(&line, bytes);
		fputs(buffer_text(&line), stdout);
	}
	putchar('\n');
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct snapshot_command *o = values;
	_cleanup_(freep) char *database = place_database(&o->places), *file = place_config_file(&o->places);
	struct work work = { .progress = progress_open(o->quiet || o->json) };
	const struct snapshot_task task = { .database = database, .destination = arguments[0], .replace = o->force,
					    .pause = on_pause, .user = &work };
	struct settings_error settings_error = { "" };
	struct sink_error error = { "" };
	struct settings settings;
	uint64_t bytes = 0;
	int r;

	if (!database || !file)
		return cli_fail(CLI_FAILED, "out of memory");
	settings_init(&settings);
	r = settings_read(&settings, file, &settings_error);
	if (r < 0 && r != -EACCES)	/* who may read the history need not see the settings: then the defaults do */
		return cli_fail(CLI_FAILED, "%s", settings_error.message);
	interrupts_hold();
	r = snapshot_make(&task, &settings, &bytes, &error);
	progress_end(&work.progress);
	if (r < 0)
		return fail(r, &error);
	print_result(o, arguments[0], bytes);
	return CLI_DONE;
}

const struct command command_snapshot = {
	.name = "snapshot",
	.arguments = "DEST",
	.summary = "Copies the history to DEST as it is at this moment, while recording goes on",
	.text = "The copy is one file that every command reads with --db.  It is written in portions (settings\n"
		"SnapshotWriteSizeMB, SnapshotWriteIntervalMs), and not begun where SnapshotExtraSizeRequiredMB would\n"
		"not remain free beside it.\n\n"
		"  recorder snapshot /mnt/case/host.db\n"
		"  recorder query --db /mnt/case/host.db process.exec\n",
	.options = options,
	.options_size = sizeof(struct snapshot_command),
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
