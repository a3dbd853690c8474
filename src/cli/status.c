/* `recorder status`: what the daemon says of itself. */

#include <inttypes.h>

#include "cli/client.h"
#include "cli/prometheus.h"
#include "cli/screen.h"
#include "cli/table.h"

struct status_options {
	struct place_options places;
	struct print_options print;
	bool prometheus;
};

static const struct option options[] = {
	{ .name = "json", .help = "JSON: an array of {domain, name, value}", .type = OPTION_FLAG,
	  .offset = offsetof(struct status_options, print.json) },
	{ .name = "prometheus", .help = "the text exposition format of Prometheus", .type = OPTION_FLAG,
	  .offset = offsetof(struct status_options, prometheus) },
	{ .name = "color", .argument = "WHEN", .help = "auto, always or never", .type = OPTION_CHOICE,
	  .choices = "auto|always|never", .offset = offsetof(struct status_options, print.colour) },
	PLACE_OPTIONS(struct status_options, places),
	{ .name = NULL },
};

static enum colour colour_of(const char *name, const json_t *value)
{
	static const struct {
		const char *state;
		enum colour colour;
	} states[] = {
		{ "recording", COLOUR_GREEN }, { "idle", COLOUR_YELLOW }, { "suspended", COLOUR_YELLOW },
		{ "degraded", COLOUR_RED },
	};

	if (strncmp(name, "lost", 4) == 0 && json_is_integer(value) && json_integer_value(value) > 0)
		return COLOUR_RED;
	if (strcmp(name, "state") != 0 || !json_is_string(value))
		return COLOUR_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(json_string_value(value), states[i].state) == 0)
			return states[i].colour;
	return COLOUR_NONE;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static void append_value(struct buffer *out, const char *name, const json_t *value)
{
	if (json_is_string(value)) {
		buffer_append_text(out, json_string_value(value));
	} else if (json_is_integer(value) && (ends_with(name, "_bytes") || ends_with(name, ".bytes"))) {
		append_bytes(out, (uint64_t)json_integer_value(value));
	} else if (json_is_integer(value)) {
		json_int_t number = json_integer_value(value);

		if (number < 0)
			buffer_append_i64(out, number);
		else
			append_count(out, (uint64_t)number);
	} else if (json_is_real(value)) {
		buffer_printf(out, "%.2f", json_real_value(value));
	} else if (json_is_boolean(value)) {
		buffer_append_text(out, json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		const json_t *item;
		size_t i;

		json_array_foreach(value, i, item) {
			buffer_append_text(out, i > 0 ? "; " : "");
			append_value(out, name, item);
		}
	} else if (value && !json_is_null(value)) {
		_cleanup_(freep) char *text = json_dumps(value, JSON_COMPACT);

		buffer_append_text(out, text ? text : "");
	}
}

/* The counters of an origin or a class, which add up, in one line: "events.file  12 made: 8 stored, 4 lost.shed". */
struct sum {
	struct buffer name, text;
	unsigned n_terms;
	bool has_losses;
};

static void end_sum(struct sum *sum, struct table *table)
{
	if (sum->name.size == 0)
		return;
	table_cell(table, buffer_span(&sum->name), COLOUR_NONE);
	table_cell(table, buffer_span(&sum->text), sum->has_losses ? COLOUR_RED : COLOUR_NONE);
	buffer_clear(&sum->name);
	buffer_clear(&sum->text);
}

/* "events.lost.shed.file": false if the item is none of a sum. */
static bool add_to_sum(struct sum *sum, struct table *table, const char *name, const json_t *value)
{
	bool is_first = strncmp(name, "records.received.", 17) == 0 || strncmp(name, "events.made.", 12) == 0;
	const char *term = strchr(name, '.'), *of = strrchr(name, '.');
	json_int_t n = json_integer_value(value);

	if (!term || (strncmp(name, "records.", 8) != 0 && strncmp(name, "events.", 7) != 0))
		return false;
	if (is_first) {
		end_sum(sum, table);
		buffer_append(&sum->name, name, (size_t)(term - name));
		buffer_append_text(&sum->name, of);
		*sum = (struct sum){ .name = sum->name, .text = sum->text };
	} else if (n == 0) {
		return true;
	} else {
		buffer_append_text(&sum->text, sum->n_terms++ == 0 ? ": " : ", ");
	}
	sum->has_losses |= strncmp(term, ".lost.", 6) == 0;
	append_count(&sum->text, (uint64_t)MAX(n, 0));
	buffer_append_byte(&sum->text, ' ');
	buffer_append(&sum->text, term + 1, (size_t)(of - term - 1));
	return true;
}

static int print_table(const json_t *items, const struct screen *screen)
{
	struct sum sum = { 0 };
	static const char *const titles[] = { "NAME", "VALUE" };
	_cleanup_(table_freep) struct table *table = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const json_t *item;
	size_t i;
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	json_array_foreach(items, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));
		const json_t *value = json_object_get(item, "value");

		if (!name || add_to_sum(&sum, table, name, value))
			continue;
		end_sum(&sum, table);
		append_value(&text, name, value);
		table_cell_text(table, name, COLOUR_NONE);
		table_cell(table, buffer_span(&text), colour_of(name, value));
		buffer_clear(&text);
	}
	end_sum(&sum, table);
	buffer_release(&sum.name);
	buffer_release(&sum.text);
	return table_print(table, screen);
}

static int print_metrics(const json_t *items)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int r = prometheus_write(&text, items);

	if (r >= 0)
		fwrite(text.data, 1, text.size, stdout);
	return r;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct status_options *o = values;
	_cleanup_(freep) char *socket = place_socket(&o->places);
	_cleanup_(client_closep) struct client_connection *client = NULL;
	struct screen screen = screen_open(&o->print);
	json_t *request = json_pack("{s:s}", "command", "recorder.status"), *result = NULL;
	int r = socket && request ? client_open(&client, socket) : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE)
		r = client_request(client, request, &result);
	json_decref(request);
	if (r == CLI_DONE && o->prometheus) {
		if (print_metrics(result) < 0)
			r = cli_fail(CLI_FAILED, "out of memory");
	} else if (r == CLI_DONE && o->print.json) {
		json_dumpf(result, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (r == CLI_DONE && print_table(result, &screen) < 0) {
		r = cli_fail(CLI_FAILED, "out of memory");
	}
	json_decref(result);
	return r;
}

const struct command command_status = {
	.name = "status",
	.summary = "Shows whether and how the recorder records, what it has stored and what it has lost",
	.options = options,
	.options_size = sizeof(struct status_options),
	.run = run,
};
