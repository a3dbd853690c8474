/* The table of commands, each with its table of options, and what they share. */

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <unistd.h>

#include "cli/cli.h"
#include "base/clock.h"
#include "cli/text.h"
#include "cli/time_spec.h"
#include "config.h"
#include "base/suggest.h"

static const struct command *const commands[] = {
	&command_run, &command_query, &command_show, &command_tree, &command_timeline,
	&command_sessions, &command_who, &command_tail, &command_gaps, &command_coverage, &command_status,
	&command_health, &command_config, &command_resume, &command_subscription, &command_snapshot,
	&command_redact, &command_verify, &command_export, &command_audit_rules, &command_audit_pipe, &command_selinux, &command_import, &command_command,
	&command_uninstall, &command_help, &command_version, &command_canary, &command_complete,
};

const struct command *command_at(size_t i)
{
	return i < ARRAY_SIZE(commands) ? commands[i] : NULL;
}

int cli_fail(enum exit_code code, const char *format, ...)
{
	_cleanup_(buffer_release) struct buffer raw = { 0 }, text = { 0 };
	char message[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	buffer_append_text(&raw, "recorder: ");
	buffer_append_text(&raw, message);
	text_append_safe(&text, buffer_span(&raw));
	fprintf(stderr, "%s\n", buffer_text(&text));
	return (int)code;
}

/* Why an earlier write failed nobody kept: most likely another one fails likewise. What is there is cut off in any case. */
static const char *why_not_written(void)
{
	return write(STDOUT_FILENO, "\n", 1) < 0 ? strerror(errno) : "a part of it is missing";
}

int cli_finish(int code)
{
	const char *why = fflush(stdout) != 0 ? strerror(errno) : ferror(stdout) ? why_not_written() : NULL;

	return why && code == CLI_DONE ? cli_fail(CLI_FAILED, "cannot write the output: %s", why) : code;
}

void command_usage(FILE *out, const struct command *command)
{
	fprintf(out, "usage: recorder %s%s%s%s\n\n%s.\n", command->name,
		command->options->name ? " [OPTIONS]" : "", command->arguments ? " " : "",
		command->arguments ? command->arguments : "", command->summary);
	if (command->text)
		fprintf(out, "\n%s", command->text);
	fputs("\noptions:\n", out);
	options_print(out, command->options);
}

static const struct command *find_command(const char *name)
{
	struct suggestion suggestion = suggestion_for(span_of(name));
	struct span best;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
		if (!commands[i]->hidden)
			suggest_offer(&suggestion, span_of(commands[i]->name));
	}
	best = suggest_best(&suggestion);
	if (best.size)
		cli_fail(CLI_USAGE, "unknown command '%s' (did you mean '%.*s'?)", name, (int)best.size,
			 best.data);
	else
		cli_fail(CLI_USAGE, "unknown command '%s' (`recorder help` lists them)", name);
	return NULL;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	_cleanup_(freep) void *options = calloc(1, MAX(command->options_size, 1u));
	struct options_error error;
	bool help;
	size_t n;

	if (!options)
		return cli_fail(CLI_FAILED, "out of memory");
	if (command->defaults)
		memcpy(options, command->defaults, command->options_size);
	if (options_parse(command->options, options, argc, argv, clock_now_ns(), &n, &help, &error) < 0)
		return cli_fail(CLI_USAGE, "%s: %s", command->name, error.message);
	if (help) {
		command_usage(stdout, command);
		return cli_finish(CLI_DONE);
	}
	if (n < command->min_arguments)
		return cli_fail(CLI_USAGE, "%s: an argument is missing (usage: recorder %s %s)",
				command->name, command->name, command->arguments);
	if (n > command->max_arguments)
		return cli_fail(CLI_USAGE, "%s: unexpected argument '%s' (see recorder %s --help)",
				command->name, argv[command->max_arguments], command->name);
	return cli_finish(command->run(options, n, argv));
}

int cli_run(int argc, char **argv)
{
	static const struct {
		const char *word;
		const struct command *command;
	} words[] = {
		{ "--help", &command_help }, { "-h", &command_help }, { "--version", &command_version },
		{ "-V", &command_version },
	};
	const struct command *command = NULL;

	setlocale(LC_TIME, "");
	if (argc < 2) {
		command_help.run(NULL, 0, NULL);
		return cli_finish(CLI_USAGE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(argv[1], words[i].word) == 0)
			command = words[i].command;
	if (!command)
		command = find_command(argv[1]);
	return command ? run_command(command, argc - 2, argv + 2) : CLI_USAGE;
}
