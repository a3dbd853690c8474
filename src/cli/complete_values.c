/* What the words in capitals of a usage stand for. */

#include <dirent.h>

#include "cli/complete.h"
#include "cli/place.h"
#include "control/settings.h"
#include "control/subscription_file.h"
#include "daemon/run.h"
#include "filter/term.h"

/* --state and --config, as they stand on the command line. */
static void find_places(const struct completion *c, struct place_options *ret)
{
	*ret = (struct place_options){ 0 };
	for (size_t i = 1; i + 1 < c->n_words; i++) {
		const char *word = c->words[i], *next = i + 2 < c->n_words ? c->words[i + 1] : NULL;

		if (strcmp(word, "--state") == 0)
			ret->state_dir = next;
		else if (strncmp(word, "--state=", strlen("--state=")) == 0)
			ret->state_dir = word + strlen("--state=");
		else if (strcmp(word, "--config") == 0)
			ret->config_dir = next;
	}
}

static void offer_files(struct completion *c, const char *before)
{
	c->asks_files = true;
}

static void offer_folders(struct completion *c, const char *before)
{
	c->asks_folders = true;
}

static void offer_commands(struct completion *c, const char *before)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (!command->hidden)
			completion_offer(c, command->name, command->summary);
}

static void offer_requests(struct completion *c, const char *before)
{
	const char *name;

	for (size_t i = 0; (name = daemon_command_name(i)) != NULL; i++)
		completion_offer(c, name, NULL);
}

static void offer_times(struct completion *c, const char *before)
{
	static const char *const times[] = { "10m", "1h", "today", "yesterday", "now" };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		completion_offer(c, times[i], NULL);
}

/* Settings */

static void offer_settings(struct completion *c, const char *before)
{
	struct span part = { c->word.data + c->fixed.size, c->word.size - c->fixed.size };
	bool prefixed = span_starts(part, SPAN(SETTING_PREFIX));

	for (unsigned i = 0; i < N_SETTINGS; i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s%s", prefixed ? SETTING_PREFIX : "", setting_infos[i].name);
		completion_offer(c, text, setting_infos[i].effect);
	}
}

static void offer_setting_values(struct completion *c, const char *before)
{
	struct settings_error error;
	int id = before ? setting_find(span_of(before), &error) : -1;
	const struct setting_info *info = id >= 0 ? &setting_infos[id] : NULL;
	_cleanup_(buffer_release) struct buffer standard = { 0 };
	struct settings settings;

	if (info && info->type == SETTING_BOOL) {
		completion_offer(c, "0", NULL);
		completion_offer(c, "1", NULL);
	} else if (info && info->type == SETTING_CHOICE) {
		for (const char *word = info->unit;; word++) {
			char text[64];
			size_t n = strcspn(word, ",");

			snprintf(text, sizeof(text), "%.*s", (int)n, word);
			if (n > 0)
				completion_offer(c, text, NULL);
			word += n;
			if (*word == 0)
				break;
		}
	} else if (info) {
		settings_init(&settings);
		setting_append_value(&standard, &settings, (enum setting_id)id);
		if (standard.size > 0)
			completion_offer(c, buffer_text(&standard), "the default");
	}
}

/* NAME=VALUE of --set */
static void offer_assignments(struct completion *c, const char *before)
{
	struct span part = { c->word.data + c->fixed.size, c->word.size - c->fixed.size };
	const char *equals = memchr(part.data, '=', part.size);

	if (equals) {
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)(equals - part.data), part.data);
		c->fixed.data = c->word.data;
		c->fixed.size = (size_t)(equals + 1 - c->word.data);
		offer_setting_values(c, name);
		return;
	}
	for (unsigned i = 0; i < N_SETTINGS; i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s=", setting_infos[i].name);
		completion_offer(c, text, setting_infos[i].effect);
	}
}

/* What lies in the recorder's folders */

static void offer_subscriptions(struct completion *c, const char *before)
{
	struct place_options places;
	_cleanup_(freep) char *folder = NULL;
	struct dirent **entries = NULL;
	int n;

	find_places(c, &places);
	folder = place_subscriptions(&places);
	n = folder ? subscription_files_list(&entries, folder) : -1;
	for (int i = 0; i < n; i++) {
		entries[i]->d_name[strlen(entries[i]->d_name) - strlen(".json")] = 0;
		completion_offer(c, entries[i]->d_name, NULL);
		free(entries[i]);
	}
	free(entries);
}

static void offer_journals(struct completion *c, const char *before)
{
	struct place_options places;
	_cleanup_(freep) char *folder = NULL;
	const struct dirent *entry;
	DIR *dir;

	find_places(c, &places);
	folder = place_journals(&places);
	dir = folder ? opendir(folder) : NULL;
	while (dir && (entry = readdir(dir))) {
		struct span name = span_of(entry->d_name);
		char text[256];

		if (!span_ends(name, SPAN(".jsonl")))
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)(name.size - strlen(".jsonl")), name.data);
		completion_offer(c, text, NULL);
	}
	if (dir)
		closedir(dir);
}

/* Filters */

/* Of a list the last is what is completed. */
static void fix_list(struct completion *c)
{
	for (size_t i = c->word.size; i > c->fixed.size; i--)
		if (c->word.data[i - 1] == ',') {
			c->fixed = (struct span){ c->word.data, i };
			return;
		}
}

static void offer_all_types(struct completion *c)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		completion_offer(c, categories[i].name, NULL);
	for (unsigned i = 0; i < N_KINDS; i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s.%s", categories[kinds[i].category].name, kinds[i].action);
		completion_offer(c, text, kinds[i].meaning);
	}
}

static void offer_all_fields(struct completion *c)
{
	const struct field_name *own;

	for (size_t i = 0; (own = field_name_own(i)) != NULL; i++)
		completion_offer(c, own->name, own->meaning);
	for (unsigned i = 0; i < N_FIELDS; i++)
		completion_offer(c, fields[i].name, fields[i].meaning);
}

static void offer_types(struct completion *c, const char *before)
{
	fix_list(c);
	offer_all_types(c);
}

static void offer_fields(struct completion *c, const char *before)
{
	fix_list(c);
	offer_all_fields(c);
}

/* The field, then the operator. */
static void offer_filters(struct completion *c, const char *before)
{
	const char *blank = memchr(c->word.data, ' ', c->word.size);
	struct field_name name;
	const char *operator;

	if (!blank) {
		offer_all_types(c);
		offer_all_fields(c);
		return;
	}
	if (!field_name_lookup((struct span){ c->word.data, (size_t)(blank - c->word.data) }, &name))
		return;
	c->fixed = (struct span){ c->word.data, (size_t)(blank + 1 - c->word.data) };
	for (size_t i = 0; (operator = term_operator_name(i)) != NULL; i++)
		completion_offer(c, operator, NULL);
}

static const struct {
	const char *command;		/* NULL: any */
	const char *placeholder;
	void (*offer)(struct completion *c, const char *before);
} values[] = {
	{ "config", "NAME", offer_settings },
	{ "config", "VALUE", offer_setting_values },
	{ "subscription", "NAME", offer_subscriptions },
	{ "tail", "NAME", offer_journals },
	{ "command", "NAME", offer_requests },
	{ NULL, "COMMAND", offer_commands },
	{ NULL, "NAME=VALUE", offer_assignments },
	{ NULL, "FILE", offer_files },
	{ NULL, "PATH", offer_files },
	{ NULL, "DEST", offer_files },
	{ NULL, "DIR", offer_folders },
	{ NULL, "FOLDER/", offer_folders },
	{ NULL, "FILTER", offer_filters },
	{ NULL, "FIELD[,FIELD]", offer_fields },
	{ NULL, "TYPE,...", offer_types },
	{ NULL, "TIME", offer_times },
};

void completion_offer_value(struct completion *c, const char *placeholder, const char *argument)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if ((!values[i].command || strcmp(values[i].command, c->command->name) == 0) &&
		    strcmp(values[i].placeholder, placeholder) == 0) {
			values[i].offer(c, argument);
			return;
		}
}
