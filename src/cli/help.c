/* `recorder help` and `recorder version`. */

#include "cli/cli.h"
#include "cli/manual.h"
#include "config.h"
#include "control/settings_doc.h"
#include "event/fields_doc.h"
#include "filter/names_doc.h"
#include "base/suggest.h"

struct help_options {
	bool fields, settings, names;
	const char *page;
};

static const struct option help_options[] = {
	{ .name = "fields-md",
	  .help = "the reference of all events and fields, in Markdown",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct help_options, fields) },
	{ .name = "settings-md",
	  .help = "the reference of all settings, in Markdown",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct help_options, settings) },
	{ .name = "filter-fields",
	  .help = "the fields that filters may use, as part of recorder-subscription(5)",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct help_options, names) },
	{ .name = "man",
	  .argument = "PAGE",
	  .help = "a page of the manual, for scdoc(1): " MANUAL_PAGES,
	  .type = OPTION_CHOICE,
	  .choices = MANUAL_PAGES,
	  .offset = offsetof(struct help_options, page) },
	{ .name = NULL },
};
static const struct option no_options[] = { { .name = NULL } };

static void print_overview(void)
{
	const struct command *command;

	printf("recorder: a flight recorder for Linux endpoints\n\nusage: recorder COMMAND [OPTIONS] "
	       "[ARGUMENTS]\n\n");
	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (!command->hidden)
			printf("  %-13s %s\n", command->name, command->summary);
	printf("\n`recorder COMMAND --help` tells more of a command; recorder(1), recorder.conf(5), "
	       "recorder-subscription(5) and\nrecorder-events(5) tell all.\n"
	       "Exit codes: 0 done, 1 failed, 2 wrong use, 3 the recorder is not running, 4 permission "
	       "denied.\n");
}

static int print_doc(void (*write)(struct buffer *out))
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	write(&text);
	if (buffer_error(&text) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	fwrite(text.data, 1, text.size, stdout);
	return CLI_DONE;
}

static int run_help(const void *values, size_t n, char *const *arguments)
{
	const struct help_options *o = values;
	const struct command *command;

	if (o && o->fields)
		return print_doc(fields_doc);
	if (o && o->settings)
		return print_doc(settings_doc);
	if (o && o->names)
		return print_doc(names_doc);
	if (o && o->page)
		return print_doc(manual_page(o->page));
	if (n == 0) {
		print_overview();
		return CLI_DONE;
	}
	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (strcmp(command->name, arguments[0]) == 0) {
			command_usage(stdout, command);
			return CLI_DONE;
		}
	return cli_fail(CLI_USAGE, "help: there is no command '%s' (`recorder help` lists them)",
			arguments[0]);
}

static int run_version(const void *values, size_t n, char *const *arguments)
{
	printf("recorder %s\n", RECORDER_VERSION);
	return CLI_DONE;
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "Shows the commands, or how one is used",
	.options = help_options,
	.options_size = sizeof(struct help_options),
	.max_arguments = 1,
	.run = run_help,
};

const struct command command_version = {
	.name = "version",
	.summary = "Shows the version",
	.options = no_options,
	.run = run_version,
};
