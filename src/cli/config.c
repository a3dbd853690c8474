/* `recorder config`: shows and changes settings, through the daemon where one runs (it checks, writes the file and obeys at
 * once), else in the file.  Both ways make the same JSON, so what is printed is one code. */

#include <errno.h>

#include "cli/client.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "control/settings_edit.h"
#include "control/settings_json.h"

struct config_options {
	struct place_options places;
	struct print_options print;
};

static const struct option options[] = {
	{ .name = "json", .help = "JSON: the setting as an object, list: an array of them", .type = OPTION_FLAG,
	  .offset = offsetof(struct config_options, print.json) },
	{ .name = "color", .argument = "WHEN", .help = "auto, always or never", .type = OPTION_CHOICE,
	  .choices = "auto|always|never", .offset = offsetof(struct config_options, print.colour) },
	PLACE_OPTIONS(struct config_options, places),
	{ .name = NULL },
};

/* What is to be done, and to what. */
struct change {
	const char *name, *value;	/* NULL: not for this verb */
	const char *file;
	bool by_daemon;
};

static const char *text_of(const json_t *setting, const char *name)
{
	const char *text = json_string_value(json_object_get(setting, name));

	return text ? text : "";
}

static void append_json_value(struct buffer *out, const json_t *value)
{
	if (json_is_integer(value))
		buffer_append_i64(out, json_integer_value(value));
	else if (json_is_string(value))
		buffer_append_text(out, json_string_value(value));
}

/* Printing */

static int print_value(const struct change *change, const json_t *setting, const struct screen *screen)
{
	_cleanup_(buffer_release) struct buffer value = { 0 };

	append_json_value(&value, json_object_get(setting, "value"));
	fprintf(screen->out, "%s\n", buffer_text(&value));
	return 0;
}

static int print_change(const struct change *change, const json_t *setting, const struct screen *screen)
{
	_cleanup_(buffer_release) struct buffer value = { 0 };
	const char *acts = text_of(setting, "acts");

	append_json_value(&value, json_object_get(setting, "value"));
	if (strcmp(text_of(setting, "origin"), "command line") == 0)
		acts = "the command line of the recorder goes before the file";
	else if (!change->by_daemon && strcmp(acts, "at once") == 0)
		acts = "at the next start: the recorder is not running";
	fprintf(screen->out, "%s = %s (%s)\n", text_of(setting, "name"), buffer_text(&value), acts);
	return 0;
}

static const char *short_name(const json_t *setting)
{
	const char *name = text_of(setting, "name");

	return span_starts(span_of(name), SPAN(SETTING_PREFIX)) ? name + sizeof(SETTING_PREFIX) - 1 : name;
}

static int print_list(const struct change *change, const json_t *settings, const struct screen *screen)
{
	static const char *const titles[] = { "NAME", "VALUE", "DEFAULT", "FROM", "PLATFORM", "ACTS", "EFFECT" };
	_cleanup_(table_freep) struct table *table = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const json_t *setting;
	size_t i;
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	json_array_foreach(settings, i, setting) {
		const json_t *in_force = json_object_get(setting, "in_force"), *standard = json_object_get(setting, "default");
		bool is_set = strcmp(text_of(setting, "origin"), "default") != 0;

		table_cell_text(table, short_name(setting), is_set ? COLOUR_BOLD : COLOUR_NONE);
		append_json_value(&text, json_object_get(setting, "value"));
		if (in_force) {
			buffer_append_text(&text, " (now ");
			append_json_value(&text, in_force);
			buffer_append_byte(&text, ')');
		}
		table_cell(table, buffer_span(&text), is_set ? COLOUR_BOLD : COLOUR_NONE);
		buffer_clear(&text);
		append_json_value(&text, standard);
		table_cell(table, buffer_span(&text), COLOUR_NONE);
		buffer_clear(&text);
		table_cell_text(table, text_of(setting, "origin"), COLOUR_NONE);
		table_cell_text(table, text_of(setting, "platform"), COLOUR_NONE);
		table_cell_text(table, text_of(setting, "acts"), COLOUR_NONE);
		table_cell_text(table, text_of(setting, "effect"), COLOUR_NONE);
	}
	return table_print(table, screen);
}

/* In the file */

static int fail_file(int error, const struct settings_error *why)
{
	return cli_fail(error == -EINVAL || error == -ENOENT ? CLI_USAGE :
			error == -EACCES || error == -EPERM  ? CLI_PERMISSION :
							       CLI_FAILED,
			"%s%s", why->message, error == -EACCES || error == -EPERM ? " (sudo?)" : "");
}

/* An empty text with data is a value, one without means the default. */
static int edit_file(const struct change *change, enum setting_id id)
{
	struct settings_error error = { "" };
	struct settings settings;
	int r = 0;

	settings_init(&settings);
	if (change->value)
		r = setting_set(&settings, span_of(change->name), span_of(change->value), ORIGIN_FILE, &error);
	if (r >= 0)
		r = settings_edit(change->file, id, span_of(change->value), &error);
	return r < 0 ? fail_file(r, &error) : CLI_DONE;
}

static int do_in_file(const struct change *change, bool edits, json_t **ret)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct settings_error error = { "" };
	struct settings settings;
	int id = change->name ? setting_find(span_of(change->name), &error) : 0, r;

	if (id < 0)
		return fail_file(id, &error);
	r = edits ? edit_file(change, (enum setting_id)id) : CLI_DONE;
	if (r != CLI_DONE)
		return r;
	settings_init(&settings);
	r = settings_read(&settings, change->file, &error);
	if (r < 0)
		return r == -EINVAL ? cli_fail(CLI_FAILED, "%s", error.message) : fail_file(r, &error);
	if (change->name)
		setting_json(&text, &settings, NULL, (enum setting_id)id);
	else
		settings_json(&text, &settings, NULL);
	*ret = buffer_error(&text) < 0 ? NULL : json_loadb(text.data, text.size, 0, NULL);
	return *ret ? CLI_DONE : cli_fail(CLI_FAILED, "out of memory");
}

/* By the daemon */

static int ask_daemon(const struct change *change, const char *command, const char *socket, json_t **ret)
{
	_cleanup_(client_closep) struct client_connection *client = NULL;
	json_t *request = json_pack("{s:s, s:s*, s:s*}", "command", command, "name", change->name, "value", change->value);
	int r = request ? client_open(&client, socket) : cli_fail(CLI_USAGE, "config: the name or the value is not UTF-8");

	if (r == CLI_DONE)
		r = client_request(client, request, ret);
	json_decref(request);
	return r;
}

static const struct verb {
	const char *name;
	size_t n_arguments;
	bool edits;
	const char *command;
	const char *usage;
	int (*print)(const struct change *change, const json_t *result, const struct screen *screen);
} verbs[] = {
	{ "list", 0, false, "recorder.list-settings", "list", print_list },
	{ "get", 1, false, "recorder.get-setting", "get NAME", print_value },
	{ "set", 2, true, "recorder.set-setting", "set NAME VALUE", print_change },
	{ "reset", 1, true, "recorder.reset-setting", "reset NAME", print_change },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct config_options *o = values;
	const struct verb *verb = find_verb(arguments[0]);
	_cleanup_(freep) char *socket = place_socket(&o->places), *file = place_config_file(&o->places);
	struct change change = { .file = file, .name = n > 1 ? arguments[1] : NULL,
				 .value = n > 2 ? arguments[2] : NULL };
	struct screen screen = screen_open(&o->print);
	json_t *result = NULL;
	int r;

	if (!verb)
		return cli_fail(CLI_USAGE, "config: '%.64s' is none of list, get, set, reset", arguments[0]);
	if (n - 1 != verb->n_arguments)
		return cli_fail(CLI_USAGE, "config: usage: recorder config %s", verb->usage);
	if (!socket || !file)
		return cli_fail(CLI_FAILED, "out of memory");
	change.by_daemon = client_probe(socket) != 0;
	r = change.by_daemon ? ask_daemon(&change, verb->command, socket, &result) :
			       do_in_file(&change, verb->edits, &result);
	if (r == CLI_DONE && o->print.json) {
		json_dumpf(result, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (r == CLI_DONE && verb->print(&change, result, &screen) < 0) {
		r = cli_fail(CLI_FAILED, "out of memory");
	}
	json_decref(result);
	return r;
}

const struct command command_config = {
	.name = "config",
	.arguments = "list | get NAME | set NAME VALUE | reset NAME",
	.summary = "Shows and changes the settings of recorder.conf",
	.text = "A recorder that runs checks, stores and obeys the change at once; without one the file is changed.\n"
		"NAME may have the prefix CX.recorder. or not.\n\n"
		"  recorder config list\n"
		"  recorder config set AuditdRulesBufferSize 65536\n"
		"  recorder config reset CX.recorder.AuditdRulesBufferSize\n",
	.options = options,
	.options_size = sizeof(struct config_options),
	.min_arguments = 1,
	.max_arguments = 3,
	.run = run,
};
