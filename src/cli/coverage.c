/* `recorder coverage`: which classes of events and which processes are not covered, and why. */

#include "cli/client.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/time_spec.h"
#include "base/clock.h"

struct coverage_options {
	struct place_options places;
	struct print_options print;
};

static const struct option options[] = {
	PRINT_OPTIONS(struct coverage_options, print),
	PLACE_OPTIONS(struct coverage_options, places),
	{ .name = NULL },
};

static const char *text_of(const json_t *item, const char *name)
{
	const char *text = json_string_value(json_object_get(item, name));

	return text ? text : "";
}

static enum colour colour_of(const char *covered)
{
	static const struct {
		const char *covered;
		enum colour colour;
	} colours[] = { { "yes", COLOUR_GREEN }, { "partly", COLOUR_YELLOW }, { "unknown", COLOUR_YELLOW }, { "no", COLOUR_RED } };

	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (strcmp(colours[i].covered, covered) == 0)
			return colours[i].colour;
	return COLOUR_NONE;
}

static int print_classes(const json_t *classes, const struct screen *screen)
{
	static const char *const titles[] = { "CLASS", "SOURCE", "COVERED", "WHY" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *item;
	size_t i;
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	json_array_foreach(classes, i, item) {
		const char *covered = text_of(item, "covered");

		table_cell_text(table, text_of(item, "class"), COLOUR_NONE);
		table_cell_text(table, text_of(item, "source"), COLOUR_NONE);
		table_cell_text(table, covered, colour_of(covered));
		table_cell_text(table, text_of(item, "why"), COLOUR_NONE);
	}
	return table_print(table, screen);
}

static long long count_of(const json_t *processes, const char *name)
{
	return json_integer_value(json_object_get(processes, name));
}

static int print_listed(const json_t *listed, const struct screen *screen)
{
	static const char *const titles[] = { ">PID", "STARTED", "NAME", "COVERED", "WHY" };
	_cleanup_(table_freep) struct table *table = NULL;
	uint64_t now_ns = clock_now_ns();
	const json_t *item;
	size_t i;
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	json_array_foreach(listed, i, item) {
		_cleanup_(buffer_release) struct buffer pid = { 0 }, started = { 0 };
		const char *covered = text_of(item, "covered");
		uint64_t start_ns;

		buffer_append_u64(&pid, (uint64_t)count_of(item, "pid"));
		if (time_spec_parse(text_of(item, "start"), now_ns, &start_ns) >= 0)
			screen_append_moment(screen, &started, start_ns, now_ns);
		table_cell(table, buffer_span(&pid), COLOUR_NONE);
		table_cell(table, buffer_span(&started), COLOUR_NONE);
		table_cell_text(table, text_of(item, "name"), COLOUR_NONE);
		table_cell_text(table, covered, colour_of(covered));
		table_cell_text(table, text_of(item, "why"), COLOUR_NONE);
	}
	return table_rows(table) > 0 ? table_print(table, screen) : 0;
}

static int print(const json_t *result, const struct screen *screen)
{
	const json_t *processes = json_object_get(result, "processes");
	const char *why = text_of(processes, "why");
	long long inferred = count_of(processes, "inferred"), left_out = count_of(processes, "left_out");
	int r = print_classes(json_object_get(result, "classes"), screen);

	if (r < 0)
		return r;
	if (*why) {
		fprintf(screen->out, "\nProcesses: none is covered: %s\n", why);
		return 0;
	}
	fprintf(screen->out, "\nProcesses (by %s): %lld covered", text_of(processes, "source"), count_of(processes, "covered"));
	if (inferred > 0)
		fprintf(screen->out, " (%lld of them since the kernel was started with audit=1)", inferred);
	fprintf(screen->out, ", %lld not, of %lld nobody knows; %lld threads of the kernel make no system calls.\n",
		count_of(processes, "not_covered"), count_of(processes, "unknown"), count_of(processes, "kernel_threads"));
	r = print_listed(json_object_get(processes, "listed"), screen);
	if (left_out > 0)
		fprintf(screen->out, "... and %lld more\n", left_out);
	return r;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct coverage_options *o = values;
	struct screen screen = screen_open(&o->print);
	json_t *result = NULL;
	int r = client_ask(&o->places, json_pack("{s:s}", "command", "recorder.coverage"), &result);

	if (r == CLI_DONE && o->print.json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (r == CLI_DONE && print(result, &screen) < 0) {
		r = cli_fail(CLI_FAILED, "out of memory");
	}
	json_decref(result);
	return r;
}

const struct command command_coverage = {
	.name = "coverage",
	.summary = "Shows which events and which processes are not recorded, and why",
	.text = "With the kernel's audit as the source it is decided when a process is born whether it is ever\n"
		"audited: not if audit had never been on since boot, or while a rule `-a task,never` was loaded.\n"
		"Nothing shows later what was decided, so of processes older than the recorder it may be unknown.\n"
		"Of those that are not covered it is told all the same that they begin and end.\n"
		"--json: an object {classes: [{class, source, covered, why}], processes: {source, listed: [{pid,\n"
		"name, start, covered, why}], covered, inferred, not_covered, unknown, kernel_threads, left_out}}.\n",
	.options = options,
	.options_size = sizeof(struct coverage_options),
	.run = run,
};
