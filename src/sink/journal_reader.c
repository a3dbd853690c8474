/* See journal_reader.h.
 *
 * DESIGN.  A file is known by its inode, however it is called by now; a plain one that was compressed meanwhile by its time and
 * size, which the compressed one has too. At the end of a file the next newer one is looked for in the folder and opened; then
 * the rest of the old one is read, since its last lines may have come before the new one was seen, and only then it is left.
 * So a reader who is as slow as he likes misses a line only if a file is dropped that he has not come to. He tells: inotify counts
 * the files that were begun since, and what is there of them is known. */

#include "sink/journal_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink/journal_input.h"

#define MAX_TRIES 100			/* of looking at a folder that holds still */

struct journal_reader {
	char *path, *folder;
	const char *base;
	struct journal_input *file;
	struct journal_input *next;	/* newer by one, once that was seen */
	unsigned n_newer;		/* files that are newer than the one that is read, as far as known */
	bool overflow;			/* events of the folder were lost */
	unsigned missed;
	uint64_t skip;			/* wanted lines that are not handed out */
	journal_line_fn is_wanted;
	void *user;
	struct stat folder_st;
	int inotify, folder_watch, above_watch, file_watch;
};

/* The folder */

/* The folder has no event of its own going while somebody has a file of it open. */
static bool is_folder_gone(const struct journal_reader *reader)
{
	struct stat st;

	return stat(reader->folder, &st) < 0 || st.st_ino != reader->folder_st.st_ino ||
	       st.st_dev != reader->folder_st.st_dev;
}

/* Events of the folder that are there. */
static int read_events(struct journal_reader *reader, bool *ret_any)
{
	char data[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size;

	*ret_any = false;
	while ((size = read(reader->inotify, data, sizeof(data))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(data + at);

			at += (ssize_t)(sizeof(*event) + event->len);
			if (event->mask & IN_Q_OVERFLOW)
				reader->overflow = true;
			if (event->wd == reader->above_watch && is_folder_gone(reader))
				return -ENOENT;
			if (event->wd != reader->folder_watch)
				continue;
			*ret_any = true;
			if (event->mask & (IN_CREATE | IN_MOVED_TO) && event->len > 0 &&
			    strcmp(event->name, reader->base) == 0)
				reader->n_newer++;
		}
	}
	return size < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

/* The folder at one moment: nothing happened in it while it was looked at, and all that had is counted. */
static int look_still(struct journal_reader *reader, struct journal_folder *ret)
{
	for (unsigned i = 0; i < MAX_TRIES; i++) {
		bool moved;
		int r = read_events(reader, &moved);

		if (r >= 0)
			r = journal_folder_look(ret, reader->folder, reader->base);
		if (r >= 0)
			r = read_events(reader, &moved);
		if (r < 0 || !moved)
			return r;
		journal_folder_release(ret);
	}
	return -EAGAIN;
}

/* Index of the file that is read; entries->n: it is gone. */
static size_t find_file(const struct journal_reader *reader, const struct journal_folder *entries,
			const struct journal_input *file)
{
	size_t i = 0;

	while (i < entries->n && !journal_input_is(file, reader->folder, &entries->list[i]))
		i++;
	return i;
}

/* Opens the one beside `file`: newer by one if `step` is -1, older if it is 1; NULL: the newest.  1; 0: there is none. */
static int open_beside(struct journal_reader *reader, const struct journal_input *file, int step,
		       struct journal_input **ret)
{
	for (unsigned i = 0; i < MAX_TRIES; i++) {
		_cleanup_(journal_folder_release) struct journal_folder entries = { 0 };
		size_t at, wanted;
		int r = look_still(reader, &entries);

		if (r < 0)
			return r;
		at = file ? find_file(reader, &entries, file) : 0;
		if (!file)
			wanted = 0;
		else if (at == entries.n && step < 0)
			wanted = entries.n - 1;		/* wraps: nothing is there */
		else
			wanted = at + (size_t)(ssize_t)step;
		if (wanted >= entries.n)
			return 0;
		if (file && at == entries.n) {
			if (reader->n_newer > entries.n)
				reader->missed += reader->n_newer - (unsigned)entries.n;
			else if (reader->overflow)
				reader->missed++;
		}
		r = journal_input_open(ret, reader->folder, &entries.list[wanted]);
		if (r == -ESTALE)
			continue;
		if (r >= 0) {
			reader->n_newer = (unsigned)wanted;
			reader->overflow = false;
		}
		return r < 0 ? r : 1;
	}
	return -EAGAIN;
}

/* Changes of NAME.jsonl itself; that there is another one the watch of the folder tells. */
static void watch_file(struct journal_reader *reader)
{
	if (reader->file_watch >= 0)
		inotify_rm_watch(reader->inotify, reader->file_watch);
	reader->file_watch = inotify_add_watch(reader->inotify, reader->path, IN_MODIFY);
}

static void change_file(struct journal_reader *reader, struct journal_input *file)
{
	journal_input_close(reader->file);
	reader->file = file;
	watch_file(reader);
}

/* The reader */

static int begin(struct journal_reader *reader, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *above;

	reader->path = strdup(path);
	reader->folder = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!reader->path || !reader->folder)
		return -ENOMEM;
	reader->base = slash ? reader->path + (slash + 1 - path) : reader->path;
	reader->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (reader->inotify < 0)
		return -errno;
	reader->folder_watch = inotify_add_watch(reader->inotify, reader->folder,
						 IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
	if (reader->folder_watch < 0 || stat(reader->folder, &reader->folder_st) < 0)
		return -errno;
	if (asprintf(&above, "%s/..", reader->folder) < 0)
		return -ENOMEM;
	reader->above_watch = inotify_add_watch(reader->inotify, above, IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
	free(above);
	return 0;
}

int journal_reader_open(struct journal_reader **ret, const char *path, struct sink_error *error)
{
	_cleanup_(journal_reader_freep) struct journal_reader *reader = calloc(1, sizeof(*reader));
	struct journal_input *file = NULL;
	int r;

	if (!reader)
		return -ENOMEM;
	reader->inotify = reader->folder_watch = reader->above_watch = reader->file_watch = -1;
	r = begin(reader, path);
	if (r >= 0)
		r = open_beside(reader, NULL, 0, &file);
	if (r == 0)
		r = -ENOENT;
	if (r < 0) {
		if (error)
			snprintf(error->message, sizeof(error->message), "%s: %s", path, strerror(-r));
		return r;
	}
	journal_input_to_end(file);
	change_file(reader, file);
	*ret = TAKE(reader);
	return 0;
}

struct journal_reader *journal_reader_free(struct journal_reader *reader)
{
	if (!reader)
		return NULL;
	journal_input_close(reader->file);
	journal_input_close(reader->next);
	if (reader->inotify >= 0)
		close(reader->inotify);
	free(reader->path);
	free(reader->folder);
	free(reader);
	return NULL;
}

static uint64_t changed_ns(const struct journal_input *file)
{
	const struct timespec *time = &journal_input_stat(file)->st_mtim;

	return (uint64_t)time->tv_sec * NS_PER_SEC + (uint64_t)time->tv_nsec;
}

int journal_reader_seek_since(struct journal_reader *reader, uint64_t since_ns)
{
	struct journal_input *older;
	int r;

	while ((r = open_beside(reader, reader->file, 1, &older)) > 0) {
		if (changed_ns(older) < since_ns) {
			journal_input_close(older);
			reader->n_newer--;
			break;
		}
		change_file(reader, older);
	}
	return r < 0 ? r : journal_input_rewind(reader->file);
}

static int count_lines(struct journal_input *file, journal_line_fn is_wanted, void *user, uint64_t *ret)
{
	struct span line;
	int r = journal_input_rewind(file);

	while (r >= 0 && (r = journal_input_line(file, &line)) > 0)
		*ret += is_wanted(user, line);
	return r == -EBADMSG || r == -EMSGSIZE ? 0 : r;	/* who reads it is told */
}

int journal_reader_seek_last(struct journal_reader *reader, uint64_t n, journal_line_fn is_wanted, void *user)
{
	struct journal_input *older;
	uint64_t found = 0;
	int r = count_lines(reader->file, is_wanted, user, &found);

	while (r >= 0 && found < n && (r = open_beside(reader, reader->file, 1, &older)) > 0) {
		change_file(reader, older);
		r = count_lines(reader->file, is_wanted, user, &found);
	}
	reader->skip = found > n ? found - n : 0;
	reader->is_wanted = is_wanted;
	reader->user = user;
	return r < 0 ? r : journal_input_rewind(reader->file);
}

static bool is_newest(const struct journal_reader *reader)
{
	const struct stat *ours = journal_input_stat(reader->file);
	struct stat st;

	return stat(reader->path, &st) == 0 && st.st_ino == ours->st_ino && st.st_dev == ours->st_dev;
}

static int next_line(struct journal_reader *reader, struct span *ret)
{
	for (;;) {
		int r = journal_input_line(reader->file, ret);

		if (r != 0)
			return r;
		if (reader->next) {
			change_file(reader, TAKE(reader->next));
			continue;
		}
		if (is_newest(reader))
			return 0;
		r = open_beside(reader, reader->file, -1, &reader->next);
		if (r < 0)
			return r;
		/* That took events away which may have been of this file. */
		if (r == 0)
			return journal_input_line(reader->file, ret);
	}
}

int journal_reader_line(struct journal_reader *reader, struct span *ret)
{
	int r;

	while ((r = next_line(reader, ret)) > 0 && reader->skip > 0 && reader->is_wanted(reader->user, *ret))
		reader->skip--;
	return r;
}

int journal_reader_wait(struct journal_reader *reader)
{
	struct pollfd events = { .fd = reader->inotify, .events = POLLIN };
	bool unused;

	if (poll(&events, 1, -1) < 0 && errno != EINTR)
		return -errno;
	return read_events(reader, &unused);
}

unsigned journal_reader_missed(struct journal_reader *reader)
{
	unsigned missed = reader->missed;

	reader->missed = 0;
	return missed;
}

const char *journal_reader_path(const struct journal_reader *reader)
{
	return journal_input_path(reader->file);
}
