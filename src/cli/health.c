/* `recorder health`: every check of the daemon, why, and what to do about it. */

#include "cli/client.h"
#include "cli/health_fix.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/text.h"

struct health_options {
	struct place_options places;
	struct print_options print;
	struct fix_options fix;
};

static const struct option options[] = {
	{ .name = "json", .help = "JSON: an object {level, checks: [{id, title, level, since, why, mend}]}", .type = OPTION_FLAG,
	  .offset = offsetof(struct health_options, print.json) },
	{ .name = "color", .argument = "WHEN", .help = "auto, always or never", .type = OPTION_CHOICE,
	  .choices = "auto|always|never", .offset = offsetof(struct health_options, print.colour) },
	{ .name = "fix", .help = "remove rules `-a task,never`, from the kernel and from files", .type = OPTION_FLAG,
	  .offset = offsetof(struct health_options, fix.wanted) },
	{ .name = "dry-run", .help = "with --fix: only say what would be removed", .type = OPTION_FLAG,
	  .offset = offsetof(struct health_options, fix.dry_run) },
	{ .name = "yes", .letter = 'y', .help = "with --fix: without a question", .type = OPTION_FLAG,
	  .offset = offsetof(struct health_options, fix.yes) },
	PLACE_OPTIONS(struct health_options, places),
	{ .name = NULL },
};

static const char *text_of(const json_t *check, const char *name)
{
	const char *text = json_string_value(json_object_get(check, name));

	return text ? text : "";
}

static enum colour colour_of(const char *level)
{
	static const struct {
		const char *level;
		enum colour colour;
	} levels[] = { { "ok", COLOUR_GREEN }, { "warn", COLOUR_YELLOW }, { "fail", COLOUR_RED } };

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strcmp(levels[i].level, level) == 0)
			return levels[i].colour;
	return COLOUR_NONE;
}

/* The table is cut at the edge of the screen; what is to be mended is said whole. */
static void print_mends(const json_t *checks, const struct screen *screen)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks, i, check) {
		_cleanup_(buffer_release) struct buffer why = { 0 }, mend = { 0 };
		const char *level = text_of(check, "level");

		if (strcmp(level, "ok") == 0)
			continue;
		text_append_safe(&why, span_of(text_of(check, "why")));
		text_append_safe(&mend, span_of(text_of(check, "mend")));
		fprintf(screen->out, "\n%s%s%s, %s: %s\n    mend: %s\n", screen_colour(screen, colour_of(level)), level,
			screen_end(screen, colour_of(level)), text_of(check, "id"), buffer_text(&why), buffer_text(&mend));
	}
}

static int print_checks(const json_t *checks, const struct screen *screen)
{
	static const char *const titles[] = { "CHECK", "LEVEL", "WHAT", "WHY" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *check;
	size_t i;
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	json_array_foreach(checks, i, check) {
		const char *level = text_of(check, "level");

		table_cell_text(table, text_of(check, "id"), COLOUR_NONE);
		table_cell_text(table, level, colour_of(level));
		table_cell_text(table, text_of(check, "title"), COLOUR_NONE);
		table_cell_text(table, text_of(check, "why"), COLOUR_NONE);
	}
	r = table_print(table, screen);
	if (r >= 0)
		print_mends(checks, screen);
	return r;
}

static int show(const struct health_options *o)
{
	_cleanup_(freep) char *socket = place_socket(&o->places);
	_cleanup_(client_closep) struct client_connection *client = NULL;
	struct screen screen = screen_open(&o->print);
	json_t *request = json_pack("{s:s}", "command", "recorder.health"), *result = NULL;
	int r = socket && request ? client_open(&client, socket) : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE)
		r = client_request(client, request, &result);
	json_decref(request);
	if (r == CLI_DONE && o->print.json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (r == CLI_DONE && print_checks(json_object_get(result, "checks"), &screen) < 0) {
		r = cli_fail(CLI_FAILED, "out of memory");
	}
	if (r == CLI_DONE && strcmp(text_of(result, "level"), "fail") == 0)
		r = CLI_FAILED;
	json_decref(result);
	return r;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct health_options *o = values;

	if (o->fix.wanted)
		return health_fix(&o->fix, &o->places);
	if (o->fix.dry_run || o->fix.yes)
		return cli_fail(CLI_USAGE, "health: --dry-run and --yes go with --fix");
	return show(o);
}

const struct command command_health = {
	.name = "health",
	.summary = "Checks whether all is well: what is not, why, and the mend",
	.text = "Exit code 0: nothing fails (there may be warnings), 1: a check fails.\n"
		"\n"
		"--fix removes rules `-a task,never`, which keep what is born under them from ever being\n"
		"audited: from the kernel and from /etc/audit/rules.d/*.rules and /etc/audit/audit.rules, each\n"
		"file kept as FILE.before-recorder.  It says what it finds, and asks.\n",
	.options = options,
	.options_size = sizeof(struct health_options),
	.run = run,
};
