/* The settings file, read whole or not at all: a line that is wrong refuses the file with its place and the reason, so that
 * nobody believes in a value that is not in force.  Single values, of a command, are checked by the same code. */

#include "control/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
#include "control/settings_line.h"

const struct setting_info setting_infos[N_SETTINGS] = {
#define SETTING(name, type, min, max, def, unit, platform, acts, issue, where, effect) \
	{ #name, SETTING_##type, min, max, def, unit, PLATFORM_##platform, ACTS_##acts, issue, where, effect },
#include "control/settings.def"
};

const char *const setting_type_words[] = {
	[SETTING_BOOL] = "bool", [SETTING_INT] = "int", [SETTING_CHOICE] = "enum", [SETTING_TEXT] = "string",
};
const char *const setting_platform_words[] = {
	[PLATFORM_ALL] = "all", [PLATFORM_LINUX] = "linux", [PLATFORM_WINDOWS] = "windows", [PLATFORM_MACOS] = "macos",
};
const char *const setting_origin_words[] = {
	[ORIGIN_DEFAULT] = "default", [ORIGIN_FILE] = "file", [ORIGIN_COMMAND_LINE] = "command line",
};

/* Where a value comes from that is read now. */
struct reader {
	struct settings settings;
	const char *path;		/* NULL: from no file */
	unsigned line;
	unsigned lines[N_SETTINGS];	/* where a name was set; 0: it was not */
	struct settings_error *error;
};

/* Foreign text for a message: short, and nothing in it that a terminal would obey. */
struct shown {
	char text[72];
};

static struct shown show(struct span s)
{
	struct shown shown;
	size_t n = MIN(s.size, sizeof(shown.text) - sizeof("..."));

	for (size_t i = 0; i < n; i++)
		shown.text[i] = s.data[i] >= ' ' && s.data[i] <= '~' ? s.data[i] : '?';
	snprintf(shown.text + n, sizeof(shown.text) - n, "%s", n < s.size ? "..." : "");
	return shown;
}

/* The end of a long path says more than its beginning. */
static const char *short_path(const char *path)
{
	size_t size = strlen(path);

	return size > 240 ? path + size - 240 : path;
}

static _printf_(2, 3) int fail(const struct reader *reader, const char *format, ...)
{
	char *message = reader->error->message;
	size_t size = sizeof(reader->error->message);
	int n = reader->path ? snprintf(message, size, "%s:%u: ", short_path(reader->path), reader->line) : 0;
	va_list ap;

	va_start(ap, format);
	if (n >= 0 && (size_t)n < size)
		vsnprintf(message + n, size - (size_t)n, format, ap);
	va_end(ap);
	return -EINVAL;
}

/* Words of a CHOICE: the next, taken off *rest. */
static struct span take_word(const char **rest)
{
	size_t n = strcspn(*rest, ",");
	struct span word = { *rest, n };

	*rest += n + ((*rest)[n] == ',');
	return word;
}

static struct span word_at(const struct setting_info *info, int64_t number)
{
	const char *rest = info->unit;
	struct span word = take_word(&rest);

	while (number-- > 0)
		word = take_word(&rest);
	return word;
}

static void append_words(struct buffer *out, const struct setting_info *info)
{
	for (int64_t i = info->min; i <= info->max; i++) {
		struct span word = word_at(info, i);

		buffer_append_text(out, i == info->min ? "" : i == info->max ? " or " : ", ");
		if (word.size > 0)
			buffer_append_span(out, word);
		else
			buffer_append_text(out, "nothing");
	}
}

void setting_append_range(struct buffer *out, enum setting_id id)
{
	const struct setting_info *info = &setting_infos[id];

	switch (info->type) {
	case SETTING_BOOL:
		buffer_append_text(out, "0 or 1");
		break;
	case SETTING_INT:
		buffer_printf(out, "%" PRId64 " to %" PRId64 "%s%s", info->min, info->max, *info->unit ? " " : "", info->unit);
		break;
	case SETTING_CHOICE:
		append_words(out, info);
		break;
	case SETTING_TEXT:
		buffer_printf(out, "text of at most %" PRId64 " bytes", info->max);
		break;
	}
}

static int out_of_range(const struct reader *reader, enum setting_id id, struct span text, const char *what)
{
	_cleanup_(buffer_release) struct buffer range = { 0 };
	bool quoted = *what != 'o';

	setting_append_range(&range, id);
	return fail(reader, "%s: %s%s%s is %s (%s)", setting_infos[id].name, quoted ? "'" : "", show(text).text,
		    quoted ? "'" : "", what, buffer_text(&range));
}

static int read_number(struct reader *reader, enum setting_id id, struct span text)
{
	const struct setting_info *info = &setting_infos[id];
	bool is_bool = info->type == SETTING_BOOL;
	int64_t value = 0;
	int r;

	if (text.size == 0)
		return fail(reader, "%s: the value is missing", info->name);
	r = span_to_i64(text, &value);
	if (r == -ERANGE)
		value = text.data[0] == '-' ? INT64_MIN : INT64_MAX;
	if (is_bool && (r < 0 || value < 0 || value > 1))
		return fail(reader, "%s: '%s' is neither 0 nor 1", info->name, show(text).text);
	if (r < 0 && r != -ERANGE)
		return out_of_range(reader, id, text, "not a whole number");
	if (value < info->min || value > info->max)
		return out_of_range(reader, id, text, "out of range");
	reader->settings.value[id] = value;
	return 0;
}

static int read_choice(struct reader *reader, enum setting_id id, struct span text)
{
	const struct setting_info *info = &setting_infos[id];

	for (int64_t i = info->min; i <= info->max; i++)
		if (span_eq(word_at(info, i), text)) {
			reader->settings.value[id] = i;
			return 0;
		}
	return out_of_range(reader, id, text, "not one of its words");
}

static int read_text(struct reader *reader, enum setting_id id, struct span text)
{
	const struct setting_info *info = &setting_infos[id];

	if ((int64_t)text.size > info->max)
		return fail(reader, "%s: '%s' has %zu bytes, it may have %" PRId64, info->name, show(text).text, text.size,
			    info->max);
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' || text.data[i] > '~' || text.data[i] == '#')
			return fail(reader, "%s: '%s': byte %zu is %s", info->name, show(text).text, i + 1,
				    text.data[i] == '#' ? "#, which begins a comment" : "not printable ASCII");
	if (span_starts(text, SPAN(" ")) || span_ends(text, SPAN(" ")))
		return fail(reader, "%s: '%s' has a blank at its end", info->name, show(text).text);
	memcpy(reader->settings.text[id], text.data ? text.data : "", text.size);
	reader->settings.text[id][text.size] = '\0';
	return 0;
}

static int read_value(struct reader *reader, enum setting_id id, struct span text, enum setting_origin origin)
{
	static int (*const by_type[])(struct reader *reader, enum setting_id id, struct span text) = {
		[SETTING_BOOL] = read_number, [SETTING_INT] = read_number,
		[SETTING_CHOICE] = read_choice, [SETTING_TEXT] = read_text,
	};

	reader->settings.origin[id] = origin;
	return by_type[setting_infos[id].type](reader, id, text);
}

static int unknown_name(const struct reader *reader, struct span name)
{
	const char *dot = memrchr(name.data, '.', name.size);
	struct suggestion suggestion = suggestion_for(name);

	/* Of a mistyped prefix only what is behind it can resemble a name. */
	if (dot)
		suggestion.word = (struct span){ dot + 1, name.size - (size_t)(dot + 1 - name.data) };
	for (size_t i = 0; i < N_SETTINGS; i++)
		suggest_offer(&suggestion, span_of(setting_infos[i].name));
	if (suggest_best(&suggestion).size == 0)
		return fail(reader, "%s: unknown setting (recorder config list shows all)", show(name).text);
	return fail(reader, "%s: unknown setting, did you mean '%s'?", show(name).text, suggest_best(&suggestion).data);
}

static size_t name_index(struct span name)
{
	size_t i = 0;

	while (i < N_SETTINGS && !span_eq(name, span_of(setting_infos[i].name)))
		i++;
	return i;
}

static int read_line(struct reader *reader, struct span text)
{
	struct settings_line line = settings_line_split(text);
	size_t i;

	if (line.is_empty)
		return 0;
	if (!line.has_value)
		return fail(reader, "'%s' is not a setting (NAME = VALUE)", show(line.name).text);
	if (line.name.size == 0)
		return fail(reader, "the name before '=' is missing");
	i = name_index(line.name);
	if (i == N_SETTINGS)
		return unknown_name(reader, line.name);
	if (reader->lines[i] != 0)
		return fail(reader, "%s: set in line %u already", setting_infos[i].name, reader->lines[i]);
	reader->lines[i] = reader->line;
	return read_value(reader, (enum setting_id)i, line.value, ORIGIN_FILE);
}

/* A file that is no text at all is told so, not that its first line is no setting. */
static int check_text(struct reader *reader, struct span text)
{
	const char *nul = text.size > 0 ? memchr(text.data, '\0', text.size) : NULL;

	if (span_starts(text, SPAN("\xff\xfe")) || span_starts(text, SPAN("\xfe\xff")))
		return fail(reader, "the file is UTF-16 text, it must be UTF-8");
	if (!nul)
		return 0;
	for (const char *p = text.data; p < nul; p++)
		reader->line += *p == '\n';
	return fail(reader, "a NUL byte: this is not a text file");
}

void settings_init(struct settings *settings)
{
	*settings = (struct settings){ 0 };
	for (size_t i = 0; i < N_SETTINGS; i++)
		settings->value[i] = setting_infos[i].standard;
}

int settings_parse(struct settings *settings, struct span text, const char *path, struct settings_error *error)
{
	struct reader reader = { .settings = *settings, .path = path, .line = 1, .error = error };
	int r = check_text(&reader, text);

	if (r < 0)
		return r;
	/* Editors of other systems write a byte order mark. */
	if (span_starts(text, SPAN("\xef\xbb\xbf")))
		text = (struct span){ text.data + 3, text.size - 3 };
	for (; text.size > 0; reader.line++) {
		r = read_line(&reader, settings_line_take(&text));
		if (r < 0)
			return r;
	}
	*settings = reader.settings;
	return 0;
}

int settings_read(struct settings *settings, const char *path, struct settings_error *error)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int r = settings_file_load(path, &text);
	char why[128];

	if (r > 0)
		return 0;
	if (r == 0)
		return settings_parse(settings, buffer_span(&text), path, error);
	snprintf(error->message, sizeof(error->message), "%s: %s", short_path(path),
		 r == -EFBIG   ? "larger than 1 MiB, this is not a settings file" :
		 r == -ENOTSUP ? "Not a regular file" :
				 strerror_r(-r, why, sizeof(why)));
	return r;
}

int setting_find(struct span name, struct settings_error *error)
{
	const struct reader reader = { .error = error };
	struct span prefix = SPAN(SETTING_PREFIX);
	size_t i;

	if (span_starts(name, prefix))
		name = (struct span){ name.data + prefix.size, name.size - prefix.size };
	i = name_index(name);
	if (i < N_SETTINGS)
		return (int)i;
	unknown_name(&reader, name);
	return -ENOENT;
}

int setting_set(struct settings *settings, struct span name, struct span value, enum setting_origin origin,
		struct settings_error *error)
{
	struct reader reader = { .settings = *settings, .error = error };
	int id = setting_find(name, error), r;

	if (id < 0)
		return id;
	r = read_value(&reader, (enum setting_id)id, value, origin);
	if (r < 0)
		return r;
	*settings = reader.settings;
	return id;
}

bool setting_is_same(const struct settings *a, const struct settings *b, enum setting_id id)
{
	return a->value[id] == b->value[id] && strcmp(a->text[id], b->text[id]) == 0;
}

bool setting_is_here(enum setting_id id)
{
	return setting_infos[id].platform == PLATFORM_ALL || setting_infos[id].platform == PLATFORM_LINUX;
}

void setting_append_value(struct buffer *out, const struct settings *settings, enum setting_id id)
{
	switch (setting_infos[id].type) {
	case SETTING_BOOL:
	case SETTING_INT:
		buffer_append_i64(out, settings->value[id]);
		break;
	case SETTING_CHOICE:
		buffer_append_span(out, word_at(&setting_infos[id], settings->value[id]));
		break;
	case SETTING_TEXT:
		buffer_append_text(out, settings->text[id]);
		break;
	}
}

const char *setting_acts_words(enum setting_id id)
{
	static const char *const words[] = {
		[ACTS_NOW] = "at once", [ACTS_START] = "at the next start", [ACTS_NEVER] = "not in this version",
	};

	return setting_is_here(id) ? words[setting_infos[id].acts] : "not on this platform";
}
