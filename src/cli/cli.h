#pragma once
/* Commands of the program. */

#include "cli/options.h"

enum exit_code {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NO_DAEMON = 3,
	CLI_PERMISSION = 4,
};

struct command {
	const char *name;
	const char *arguments;		/* "[FILTER...]", NULL: none */
	const char *summary;
	const char *text;		/* more, with examples; NULL: nothing */
	const struct option *options;	/* ends with a name of NULL */
	size_t options_size;		/* of the struct they are read into */
	const void *defaults;		/* what that struct is before; NULL: zeroed */
	unsigned min_arguments, max_arguments;
	int (*run)(const void *options, size_t n, char *const *arguments);
	bool hidden;
};

extern const struct command command_run, command_query, command_show, command_tree, command_sessions,
	command_timeline, command_who, command_gaps, command_coverage, command_export, command_tail, command_status,
	command_health, command_canary, command_config, command_resume, command_subscription, command_snapshot,
	command_redact, command_verify, command_audit_rules, command_audit_pipe, command_selinux, command_command, command_import, command_uninstall,
	command_help, command_version, command_complete;

int cli_run(int argc, char **argv);	/* an exit code */

/* All of them; NULL after the last. */
const struct command *command_at(size_t i);
void command_usage(FILE *out, const struct command *command);

/* Prints `recorder: ...`, nothing in it that a terminal obeys, and returns the code. */
int cli_fail(enum exit_code code, const char *format, ...) _printf_(2, 3);
/* The end of a command that writes to stdout: what could not be written is an error. */
int cli_finish(int code);

/* Where a command finds the daemon and its history. */
struct place_options {
	const char *state_dir;
	const char *config_dir;
	const char *database;
};
#define PLACE_OPTIONS(options_type, member)                                                     \
	{ .name = "state",                                                                      \
	  .argument = "DIR",                                                                    \
	  .help = "directory that holds recorder.db and recorder.sock",                         \
	  .type = OPTION_TEXT,                                                                  \
	  .offset = offsetof(options_type, member.state_dir) },                                 \
	{                                                                                       \
		.name = "config", .argument = "DIR", .help = "directory that holds recorder.conf", \
		.type = OPTION_TEXT, .offset = offsetof(options_type, member.config_dir)        \
	}
#define DATABASE_OPTION(options_type, member)                                                   \
	{                                                                                       \
		.name = "db", .argument = "FILE", .help = "database to read instead",           \
		.type = OPTION_TEXT, .offset = offsetof(options_type, member.database)          \
	}

/* How a command prints. */
struct print_options {
	bool json;
	bool utc;
	const char *colour;		/* auto, always, never */
};
#define PRINT_OPTIONS(options_type, member)                                                     \
	{ .name = "json",                                                                       \
	  .help = "JSON, one object a line",                                                    \
	  .type = OPTION_FLAG,                                                                  \
	  .offset = offsetof(options_type, member.json) },                                      \
	{ .name = "utc",                                                                        \
	  .help = "times in UTC, not local time",                                               \
	  .type = OPTION_FLAG,                                                                  \
	  .offset = offsetof(options_type, member.utc) },                                       \
	{                                                                                       \
		.name = "color", .argument = "WHEN", .help = "auto, always or never",           \
		.type = OPTION_CHOICE, .choices = "auto|always|never",                          \
		.offset = offsetof(options_type, member.colour)                                 \
	}
