/* Any bytes as a settings file: refused with a message or accepted with every value in its range.  A value that is set in an
 * accepted file is the only one that changes, and goes when it is reset. */

#include <errno.h>

#include "base/log.h"
#include "control/settings_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_values(const struct settings *settings, bool is_refused)
{
	for (size_t i = 0; i < N_SETTINGS; i++) {
		if (settings->value[i] < setting_infos[i].min || settings->value[i] > setting_infos[i].max)
			abort();
		if (!memchr(settings->text[i], '\0', sizeof(settings->text[i])))
			abort();
		if (is_refused && settings->origin[i] != ORIGIN_DEFAULT)
			abort();
	}
}

/* The file with one setting changed must read as the settings with that one changed. */
static void edit(struct span text, const struct settings *settings, enum setting_id id, const struct settings *wanted)
{
	_cleanup_(buffer_release) struct buffer value = { 0 }, edited = { 0 };
	struct settings read;
	struct settings_error error;
	bool resets = wanted->origin[id] == ORIGIN_DEFAULT;

	setting_append_value(&value, wanted, id);
	if (settings_edit_text(&edited, text, id, resets ? (struct span){ NULL, 0 } : span_of(buffer_text(&value))) < 0)
		abort();
	settings_init(&read);
	if (settings_parse(&read, buffer_span(&edited), "recorder.conf", &error) < 0)
		abort();
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (!setting_is_same(&read, i == id ? wanted : settings, (enum setting_id)i) ||
		    read.origin[i] != (i == id ? wanted : settings)->origin[i])
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct settings settings, wanted;
	struct settings_error error = { "" };
	enum setting_id id = (enum setting_id)(span_hash(text, 0) % N_SETTINGS);
	int r;

	log_set_level(LOG_LEVEL_ERROR);
	settings_init(&settings);
	wanted = settings;
	r = settings_parse(&settings, text, "recorder.conf", &error);
	if (r < 0 ? r != -EINVAL || error.message[0] == '\0' : error.message[0] != '\0')
		abort();
	check_values(&settings, r < 0);
	if (r < 0)
		return 0;
	edit(text, &settings, id, &wanted);
	wanted.value[id] = setting_infos[id].type == SETTING_TEXT ? 0 : setting_infos[id].max;
	wanted.origin[id] = ORIGIN_FILE;
	edit(text, &settings, id, &wanted);
	return 0;
}
