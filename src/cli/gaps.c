/* `recorder gaps`: what may be missing, and why. */

#include "cli/gap_text.h"
#include "cli/place.h"

struct gaps_options {
	struct place_options places;
	struct print_options print;
	uint64_t since_ns, until_ns;
};

static const struct option options[] = {
	{ .name = "since",
	  .letter = 's',
	  .argument = "TIME",
	  .help = "gaps that end after it (10m, yesterday, ...)",
	  .type = OPTION_TIME,
	  .offset = offsetof(struct gaps_options, since_ns) },
	{ .name = "until",
	  .letter = 'u',
	  .argument = "TIME",
	  .help = "gaps that begin before it",
	  .type = OPTION_TIME,
	  .offset = offsetof(struct gaps_options, until_ns) },
	PRINT_OPTIONS(struct gaps_options, print),
	DATABASE_OPTION(struct gaps_options, places),
	PLACE_OPTIONS(struct gaps_options, places),
	{ .name = NULL },
};

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct gaps_options *o = values;
	struct screen screen = screen_open(&o->print);
	const struct gap_range range = { o->since_ns, o->until_ns };
	_cleanup_(history_freep) struct history *history = NULL;
	int r;

	if (o->since_ns && o->until_ns && o->since_ns >= o->until_ns)
		return cli_fail(CLI_USAGE, "gaps: --since is not before --until");
	r = place_open_history(&history, &o->places);
	if (r != CLI_DONE)
		return r;
	r = gaps_print(history, &range, &screen, o->print.json ? GAPS_JSON : GAPS_EXPLAINED);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot read the gaps: %s", strerror(-r));
	if (r == 0 && !o->print.json)
		printf("No gap is known%s.\n", o->since_ns || o->until_ns ? " in this time" : "");
	return CLI_DONE;
}

const struct command command_gaps = {
	.name = "gaps",
	.summary = "Shows when events may be missing, which, how many, and why",
	.text = "A gap is a stretch of time in which the kernel or the recorder lost events, or did not "
		"run.\n"
		"MISSING is how many events, or records of the kernel, were lost: exactly, unless it says \"at least\".\n"
		"Below the table each cause is told in words, with what mends it.\n"
		"`recorder query` ends with those that overlap what was asked for.\n",
	.options = options,
	.options_size = sizeof(struct gaps_options),
	.run = run,
};
