/* `recorder run`: reads the options; the daemon is src/daemon. */

#include "cli/cli.h"
#include "cli/tail.h"
#include "daemon/run.h"

struct command_run_options {
	struct run_options run;
	const char *log_level;
	struct option_list settings;
};

static const struct option options[] = {
	{ .name = "state",
	  .argument = "DIR",
	  .help = "directory for recorder.db, recorder.sock and all other files",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct command_run_options, run.state_dir) },
	{ .name = "config",
	  .argument = "DIR",
	  .help = "directory that holds recorder.conf",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct command_run_options, run.config_dir) },
	{ .name = "subscription",
	  .argument = "FILE",
	  .help = "a subscription to use beside those of the state directory",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct command_run_options, run.subscription_path) },
	{ .name = "source",
	  .argument = "SOURCE",
	  .help = "auto, ebpf, audit, audit-unicast, audit-multicast or audit-pipe",
	  .type = OPTION_CHOICE,
	  .choices = "auto|ebpf|audit|audit-unicast|audit-multicast|audit-pipe",
	  .offset = offsetof(struct command_run_options, run.source) },
	{ .name = "capture",
	  .argument = "FILE",
	  .help = "write the raw records to FILE too, secrets and all, to import them again",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct command_run_options, run.capture_path) },
	{ .name = "set",
	  .argument = "NAME=VALUE",
	  .help = "a setting, before that of recorder.conf; may be repeated",
	  .type = OPTION_LIST,
	  .offset = offsetof(struct command_run_options, settings) },
	{ .name = "log-level",
	  .argument = "LEVEL",
	  .help = "error, warning, info or debug: the setting LogLevel",
	  .type = OPTION_CHOICE,
	  .choices = "error|warning|info|debug",
	  .offset = offsetof(struct command_run_options, log_level) },
	{ .name = "log-file",
	  .argument = "FILE",
	  .help = "messages go into FILE too, of 1 MiB at most; the one before is FILE.1",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct command_run_options, run.log_path) },
	{ .name = "tail",
	  .help = "show events as they happen",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct command_run_options, run.tail) },
	{ .name = NULL },
};

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct command_run_options *o = values;
	struct run_options run_options = o->run;
	const char *items[OPTION_LIST_MAX + 1];
	char level[32];

	memcpy(items, o->settings.items, o->settings.n * sizeof(*items));
	run_options.settings = items;
	run_options.n_settings = o->settings.n;
	if (o->log_level) {
		snprintf(level, sizeof(level), "LogLevel=%s", o->log_level);
		items[run_options.n_settings++] = level;
	}
	run_options.tail_follow = tail_follow_own;
	return daemon_run(&run_options);
}

const struct command command_run = {
	.name = "run",
	.summary = "Records, in the foreground, until SIGINT or SIGTERM",
	.text = "Needs root.  Without --state the installed places are used: /var/lib/recorder, "
		"/run/recorder.\n\n"
		"  recorder run --state ./run --subscription subscriptions/default.json --tail\n",
	.options = options,
	.options_size = sizeof(struct command_run_options),
	.run = run,
};
