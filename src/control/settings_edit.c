/* See settings_edit.h.  The new text goes into a file beside the old one, which takes its name when it is on the disk.  Two
 * who change settings at once would each undo what the other did: the folder is locked, which leaves no lock file. */

#include "control/settings_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/file.h"
#include "control/settings_line.h"

#define LOCK_TRIES 50
#define LOCK_NAP_NS (10 * NS_PER_MS)

static void append_line(struct buffer *out, enum setting_id id, struct span value, struct span end)
{
	char last = out->size > 0 ? out->data[out->size - 1] : '\n';

	if (last != '\n')
		buffer_append_span(out, last == '\r' ? SPAN("\n") : end);
	buffer_printf(out, "%s%s = ", SETTING_PREFIX, setting_infos[id].name);
	buffer_append_span(out, value);
	buffer_append_span(out, end);
}

int settings_edit_text(struct buffer *ret, struct span text, enum setting_id id, struct span value)
{
	struct span mark = SPAN("\xef\xbb\xbf"), end = SPAN("\n");
	bool is_there = false;

	if (span_starts(text, mark)) {
		buffer_append_span(ret, mark);
		text = (struct span){ text.data + mark.size, text.size - mark.size };
	}
	while (text.size > 0) {
		struct span whole = text, line = settings_line_take(&text);
		struct settings_line split = settings_line_split(line);

		whole.size -= text.size;
		if (whole.size - line.size == 2)
			end = SPAN("\r\n");
		if (split.is_empty || !split.has_value || !span_eq(split.name, span_of(setting_infos[id].name))) {
			buffer_append_span(ret, whole);
			continue;
		}
		is_there = true;
		if (value.data) {
			buffer_append(ret, line.data, (size_t)(split.value.data - line.data));
			buffer_append_span(ret, value);
			line.data = split.value.data + split.value.size;
			if (value.size > 0 && split.value.size == 0 && split.comment.size > 0 && line.data == split.comment.data)
				buffer_append_byte(ret, ' ');
		} else if (split.comment.size > 0) {
			line.data = split.comment.data;
		} else {
			continue;
		}
		buffer_append(ret, line.data, (size_t)(whole.data + whole.size - line.data));
	}
	if (value.data && !is_there)
		append_line(ret, id, value, end);
	return buffer_error(ret);
}

/* As the old one was: settings are root's alone, but who opened his to others meant it. */
static int take_over(int fd, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if ((st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(fd, st.st_uid, st.st_gid) < 0)
		return -errno;
	return fchmod(fd, st.st_mode & 07777) < 0 ? -errno : 0;
}

static int replace(const char *path, struct span text)
{
	_cleanup_(new_file_release) struct new_file file = { NULL, -1 };
	int r = new_file_open(&file, path);

	if (r >= 0)
		r = take_over(file.fd, path);
	if (r >= 0)
		r = file_write(file.fd, text);
	return r < 0 ? r : new_file_place(&file, path);
}

static int lock(int dir_fd)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (flock(dir_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		clock_sleep_ns(LOCK_NAP_NS);
	}
	return -EBUSY;
}

static int edit(const char *path, enum setting_id id, struct span value, struct settings_error *error)
{
	_cleanup_(buffer_release) struct buffer before = { 0 }, after = { 0 };
	_cleanup_(freep) char *dir = strdup(path);
	_cleanup_(file_close) int dir_fd = -1;
	struct settings settings;
	char *slash;
	int r;

	if (!dir)
		return -ENOMEM;
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	if (mkdir(slash ? dir : ".", 0700) < 0 && errno != EEXIST)
		return -errno;
	dir_fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	r = lock(dir_fd);
	if (r >= 0)
		r = settings_file_load(path, &before);
	if (r >= 0)
		r = settings_edit_text(&after, buffer_span(&before), id, value);
	if (r < 0)
		return r;
	/* Also a file that was wrong before: what one cannot read one does not write. */
	settings_init(&settings);
	r = settings_parse(&settings, buffer_span(&after), path, error);
	if (r < 0)
		return r;
	if (span_eq(buffer_span(&before), buffer_span(&after)))
		return 0;
	r = replace(path, buffer_span(&after));
	return r < 0 ? r : 1;
}

int settings_edit(const char *path, enum setting_id id, struct span value, struct settings_error *error)
{
	_cleanup_(freep) char *real = realpath(path, NULL);
	char why[128];
	int r;

	error->message[0] = '\0';
	r = edit(real ? real : path, id, value, error);
	if (r < 0 && error->message[0] == '\0')
		snprintf(error->message, sizeof(error->message), "%.240s: %s", path,
			 r == -EBUSY ? "somebody else is changing it" : strerror_r(-r, why, sizeof(why)));
	return r;
}
