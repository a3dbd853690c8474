/* The settings file, read whole or not at all: a line that is wrong refuses the file with its place and the
 * reason, so that nobody believes in a value that is not in force.
 *
 * Files come from editors and package scripts of other systems, thus a byte order mark, CRLF and blanks
 * anywhere are fine.  Writing the file and showing the settings is not done here. */

#include "control/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/suggest.h"

/* A hundred names fit in a few KiB; the rest may be comments. */
#define MAX_FILE_BYTES ((size_t)1 << 20)

const struct setting_info setting_infos[N_SETTINGS] = {
#define SETTING(name, type, min, max, def, effect) { #name, SETTING_##type, min, max, def, effect },
#include "control/settings.def"
};

static const char *const later[] = {
#define SETTING_LATER(name) #name,
#include "control/settings_later.def"
};

#define N_NAMES (N_SETTINGS + ARRAY_SIZE(later))

/* The file as it is read. */
struct reader {
	struct settings settings;
	const char *path;
	unsigned line;
	unsigned lines[N_NAMES];	/* where a name was set; 0: it was not */
	struct settings_error *error;
};

static const char *name_at(size_t i)
{
	return i < N_SETTINGS ? setting_infos[i].name : later[i - N_SETTINGS];
}

static size_t name_index(struct span name)
{
	size_t i = 0;

	while (i < N_NAMES && !span_eq(name, span_of(name_at(i))))
		i++;
	return i;
}

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
	int n = snprintf(message, size, "%s:%u: ", short_path(reader->path), reader->line);
	va_list ap;

	va_start(ap, format);
	if (n > 0 && (size_t)n < size)
		vsnprintf(message + n, size - (size_t)n, format, ap);
	va_end(ap);
	return -EINVAL;
}

static struct span trim(struct span s)
{
	while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = (struct span){ s.data + 1, s.size - 1 };
	while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
		s.size--;
	return s;
}

/* What is before the first such byte; *rest: what is behind it.  Without one it is all of s, and false. */
static bool cut(struct span s, char byte, struct span *ret, struct span *rest)
{
	const char *p = s.size > 0 ? memchr(s.data, byte, s.size) : NULL;
	size_t n = p ? (size_t)(p - s.data) : s.size;

	*ret = (struct span){ s.data, n };
	*rest = p ? (struct span){ p + 1, s.size - n - 1 } : (struct span){ s.data + n, 0 };
	return p != NULL;
}

static int parse_value(const struct reader *reader, const struct setting_info *info, struct span text,
		       int64_t *ret)
{
	struct shown shown = show(text);
	int64_t value;
	int r;

	if (text.size == 0)
		return fail(reader, "%s: the value is missing", info->name);
	r = span_to_i64(text, &value);
	if (r == -ERANGE) {
		value = text.data[0] == '-' ? INT64_MIN : INT64_MAX;
	} else if (r < 0) {
		return fail(reader, "%s: '%s' is %s", info->name, shown.text,
			    info->type == SETTING_BOOL ? "neither 0 nor 1" : "not a whole number");
	}
	if (info->type == SETTING_BOOL && (value < 0 || value > 1))
		return fail(reader, "%s: '%s' is neither 0 nor 1", info->name, shown.text);
	if (value < info->min)
		return fail(reader, "%s: %s is below %" PRId64, info->name, shown.text, info->min);
	if (value > info->max)
		return fail(reader, "%s: %s is above %" PRId64, info->name, shown.text, info->max);
	*ret = value;
	return 0;
}

static int unknown_name(const struct reader *reader, struct span name)
{
	const char *dot = memrchr(name.data, '.', name.size);
	struct suggestion suggestion = suggestion_for(name);

	/* Of a mistyped prefix only what is behind it can resemble a name. */
	if (dot)
		suggestion.word = (struct span){ dot + 1, name.size - (size_t)(dot + 1 - name.data) };
	for (size_t i = 0; i < N_NAMES; i++)
		suggest_offer(&suggestion, span_of(name_at(i)));
	if (suggest_best(&suggestion).size == 0)
		return fail(reader, "%s: unknown setting", show(name).text);
	return fail(reader, "%s: unknown setting, did you mean '%s'?", show(name).text, suggest_best(&suggestion).data);
}

static int parse_line(struct reader *reader, struct span line)
{
	static const struct span prefix = { "CX.recorder.", 12 };
	struct span name, value, comment;
	bool has_value;
	size_t i;

	cut(line, '#', &line, &comment);
	line = trim(line);
	if (line.size == 0)
		return 0;
	has_value = cut(line, '=', &name, &value);
	name = trim(name);
	if (!has_value)
		return fail(reader, "'%s' is not a setting (NAME = VALUE)", show(line).text);
	if (name.size == 0)
		return fail(reader, "the name before '=' is missing");
	if (span_starts(name, prefix))
		name = (struct span){ name.data + prefix.size, name.size - prefix.size };
	i = name_index(name);
	if (i == N_NAMES)
		return unknown_name(reader, name);
	if (reader->lines[i] != 0)
		return fail(reader, "%s: set in line %u already", name_at(i), reader->lines[i]);
	reader->lines[i] = reader->line;
	if (i >= N_SETTINGS)
		return 0;
	reader->settings.is_set[i] = true;
	return parse_value(reader, &setting_infos[i], trim(value), &reader->settings.value[i]);
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

int settings_parse(struct settings *settings, struct span text, const char *path,
		   struct settings_error *error)
{
	struct reader reader = { .settings = *settings, .path = path, .line = 1, .error = error };
	struct span line;
	int r;

	r = check_text(&reader, text);
	if (r < 0)
		return r;
	if (span_starts(text, SPAN("\xef\xbb\xbf")))
		text = (struct span){ text.data + 3, text.size - 3 };
	for (; text.size > 0; reader.line++) {
		cut(text, '\n', &line, &text);
		if (span_ends(line, SPAN("\r")))
			line.size--;
		r = parse_line(&reader, line);
		if (r < 0)
			return r;
	}
	for (size_t i = N_SETTINGS; i < N_NAMES; i++) {
		if (reader.lines[i] != 0)
			log_warning("%s:%u: %s: this version does not obey it, ignoring", short_path(path),
				    reader.lines[i], name_at(i));
	}
	*settings = reader.settings;
	return 0;
}

/* Closes what it was given, unless that is -1. */
static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* 1: there is no file. */
static int read_whole(const char *path, struct buffer *text)
{
	/* O_NONBLOCK: a pipe by that name must not hold up the start. */
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 1 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return -ENOTSUP;
	for (;;) {
		char *p = buffer_reserve(text, 4096);
		ssize_t n;

		if (!p)
			return -ENOMEM;
		n = read(fd, p, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		text->size += (size_t)n;
		if (text->size > MAX_FILE_BYTES)
			return -EFBIG;
	}
}

int settings_read(struct settings *settings, const char *path, struct settings_error *error)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int r = read_whole(path, &text);

	if (r > 0)
		return 0;
	if (r < 0) {
		char why[128];

		snprintf(error->message, sizeof(error->message), "%s: %s", short_path(path),
			 r == -EFBIG   ? "larger than 1 MiB, this is not a settings file" :
			 r == -ENOTSUP ? "Not a regular file" :
					 strerror_r(-r, why, sizeof(why)));
		return r;
	}
	return settings_parse(settings, buffer_span(&text), path, error);
}
