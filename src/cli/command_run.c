/* `recorder run`: reads the options; the daemon is src/daemon. */

#include "cli/cli.h"
#include "cli/tail.h"
#include "daemon/run.h"

static const struct option options[] = {
	{ .name = "state",
	  .argument = "DIR",
	  .help = "directory for recorder.db, recorder.sock and all other files",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct run_options, state_dir) },
	{ .name = "config",
	  .argument = "DIR",
	  .help = "directory that holds recorder.conf",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct run_options, config_dir) },
	{ .name = "subscription",
	  .argument = "FILE",
	  .help = "a subscription to use beside those of the state directory",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct run_options, subscription_path) },
	{ .name = "source",
	  .argument = "SOURCE",
	  .help = "auto, ebpf, audit, audit-unicast or audit-multicast",
	  .type = OPTION_CHOICE,
	  .choices = "auto|ebpf|audit|audit-unicast|audit-multicast",
	  .offset = offsetof(struct run_options, source) },
	{ .name = "capture",
	  .argument = "FILE",
	  .help = "write the raw records to FILE too, to import them again",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct run_options, capture_path) },
	{ .name = "tail",
	  .help = "show events as they happen",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct run_options, tail) },
	{ .name = NULL },
};

static int run(const void *values, size_t n, char *const *arguments)
{
	struct run_options run_options = *(const struct run_options *)values;

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
	.options_size = sizeof(struct run_options),
	.run = run,
};
