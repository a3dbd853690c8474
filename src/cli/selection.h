#pragma once
/* Which events of the history a command is about: filters, types and a time, the same in every command that reads it. */

#include "cli/cli.h"
#include "filter/filter.h"
#include "sink/history.h"

struct selection_options {
	uint64_t since_ns, until_ns;
	const char *types;
};
#define SELECTION_OPTIONS(options_type, member)                                                 \
	{ .name = "since",                                                                      \
	  .letter = 's',                                                                        \
	  .argument = "TIME",                                                                   \
	  .help = "from then on (10m, 2h, yesterday, 14:00, RFC 3339)",                         \
	  .type = OPTION_TIME,                                                                  \
	  .offset = offsetof(options_type, member.since_ns) },                                  \
	{ .name = "until",                                                                      \
	  .letter = 'u',                                                                        \
	  .argument = "TIME",                                                                   \
	  .help = "before then",                                                                \
	  .type = OPTION_TIME,                                                                  \
	  .offset = offsetof(options_type, member.until_ns) },                                  \
	{                                                                                       \
		.name = "type", .letter = 't', .argument = "TYPE,...",                          \
		.help = "only these (file, process.exec, ...)", .type = OPTION_TEXT,            \
		.offset = offsetof(options_type, member.types)                                  \
	}

struct selection {
	const struct selection_options *options;
	struct terms *terms;
	bool kinds[N_KINDS];
	struct history_need needs[16];	/* what the terms need, for the history */
	size_t n_needs;
};

/* The filters are the arguments of the command.  0, or an exit code after the error has been printed. */
int selection_parse(struct selection *ret, const char *command, const struct selection_options *options, size_t n,
		    char *const *filters);
void selection_release(struct selection *selection);
bool selection_has(const struct selection *selection, const struct event *event);
/* What to ask the history for; borrows from the selection. */
struct history_query selection_ask(const struct selection *selection);
