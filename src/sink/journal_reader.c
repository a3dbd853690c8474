/* See journal_reader.h.
 *
 * DESIGN.  A file is known by its inode, however it is called by now; a plain one that was compressed meanwhile by its time and
 * size, which the compressed one has too. At the end of a file the next newer one is looked for in the folder and opened; then
 * the rest of the old one is read, since its last lines may have come before the new one was seen, and only then it is left.
 * So a reader who is as slow as he likes misses a line only if a file is dropped that he has not come to. He tells: inotify counts
 * the files that were begun since, and what is there of them is known. A line is handed out when its newline is there; what is
 * not whole yet is read again next time, for it may be cut off. */

#include "sink/journal_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sink/journal_folder.h"
#include "sink/journal_mend.h"
#include "sink/zstd_file.h"

#define READ_BYTES ((size_t)64 << 10)
#define MAX_TRIES 100			/* of looking at a folder that holds still */

/* One that is read. */
struct file {
	int fd;
	char *path;			/* when it was opened */
	struct stat st;			/* size and time: as they are when it is no longer written to */
	struct zstd_reader *zstd;	/* NULL: it is plain */
	off_t begin;			/* of what was not handed out, in a plain one */
	struct buffer in;
	size_t used;			/* of in: handed out */
	size_t searched;		/* no newline before this */
};

struct journal_reader {
	char *path, *folder;
	const char *base;
	struct file *file;
	struct file *next;		/* newer by one, once that was seen */
	unsigned n_newer;		/* files that are newer than the one that is read, as far as known */
	bool overflow;			/* events of the folder were lost */
	unsigned missed;
	uint64_t skip;			/* wanted lines that are not handed out */
	journal_line_fn is_wanted;
	void *user;
	struct stat folder_st;
	int inotify, folder_watch, above_watch, file_watch;
};

/* One file */

static struct file *file_close(struct file *file)
{
	if (!file)
		return NULL;
	zstd_reader_free(file->zstd);
	if (file->fd >= 0)
		close(file->fd);
	buffer_release(&file->in);
	free(file->path);
	free(file);
	return NULL;
}
DEFINE_CLEANUP(struct file, file_close)

/* -ESTALE: it is not the one that was looked at. */
static int file_open(struct file **ret, const struct journal_reader *reader, const struct journal_entry *entry)
{
	_cleanup_(file_closep) struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->fd = -1;
	if (asprintf(&file->path, "%s/%s", reader->folder, entry->name) < 0) {
		file->path = NULL;
		return -ENOMEM;
	}
	file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file->fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	if (fstat(file->fd, &file->st) < 0)
		return -errno;
	if (file->st.st_ino != entry->st.st_ino || file->st.st_dev != entry->st.st_dev)
		return -ESTALE;
	if (entry->compressed) {
		int r = zstd_reader_new(&file->zstd, file->fd);

		if (r < 0)
			return r;
	}
	*ret = TAKE(file);
	return 0;
}

/* More bytes behind those that are there.  1; 0: there are none now. */
static int file_fill(struct file *file)
{
	struct buffer *in = &file->in;
	char *room;
	ssize_t n;

	if (file->used > 0)
		memmove(in->data, in->data + file->used, in->size - file->used);
	in->size -= file->used;
	file->begin += (off_t)file->used;
	file->searched -= file->used;
	file->used = 0;
	if (in->size > JOURNAL_LINE_MAX)
		return -EMSGSIZE;
	room = buffer_reserve(in, READ_BYTES);
	if (!room)
		return -ENOMEM;
	if (file->zstd) {
		n = zstd_reader_read(file->zstd, room, READ_BYTES);
		if (n < 0)
			return (int)n;
	} else {
		n = pread(file->fd, room, READ_BYTES, file->begin + (off_t)in->size);
		if (n < 0)
			return errno == EINTR ? 1 : -errno;
	}
	in->size += (size_t)n;
	return n > 0;
}

static void file_forget(struct file *file)
{
	file->begin += (off_t)file->used;
	buffer_clear(&file->in);
	file->used = file->searched = 0;
}

/* A line of what is there.  1; 0: no whole one. */
static int file_cut_line(struct file *file, struct span *ret)
{
	for (;;) {
		const struct buffer *in = &file->in;
		const char *newline = in->size > file->searched
					      ? memchr(in->data + file->searched, '\n', in->size - file->searched)
					      : NULL;
		int r;

		if (newline) {
			*ret = (struct span){ in->data + file->used, (size_t)(newline - in->data) - file->used };
			file->used = file->searched = (size_t)(newline - in->data) + 1;
			return 1;
		}
		file->searched = in->size;
		r = file_fill(file);
		if (r <= 0)
			return r;
	}
}

static int file_line(struct file *file, struct span *ret)
{
	struct stat st;
	int r = file_cut_line(file, ret);

	if (r != 0 || file->zstd)
		return r;
	file_forget(file);
	if (fstat(file->fd, &st) < 0 || st.st_size >= file->begin)
		return 0;
	/* Somebody emptied it in its place. */
	file->begin = 0;
	return file_cut_line(file, ret);
}

static void file_to_end(struct file *file)
{
	struct stat st;

	file_forget(file);
	if (!file->zstd && fstat(file->fd, &st) == 0 && journal_find_last_line(file->fd, st.st_size, &file->begin) < 0)
		file->begin = st.st_size;
}

/* To its beginning. */
static int file_rewind(struct file *file)
{
	file_forget(file);
	file->begin = 0;
	if (!file->zstd)
		return 0;
	file->zstd = zstd_reader_free(file->zstd);
	return lseek(file->fd, 0, SEEK_SET) < 0 ? -errno : zstd_reader_new(&file->zstd, file->fd);
}

static bool file_is(const struct journal_reader *reader, const struct file *file, const struct journal_entry *entry)
{
	char path[PATH_MAX];
	struct stat st;

	if (entry->st.st_ino == file->st.st_ino && entry->st.st_dev == file->st.st_dev)
		return true;
	if (!entry->compressed || file->zstd || fstat(file->fd, &st) < 0 ||
	    entry->st.st_mtim.tv_sec != st.st_mtim.tv_sec || entry->st.st_mtim.tv_nsec != st.st_mtim.tv_nsec)
		return false;
	return snprintf(path, sizeof(path), "%s/%s", reader->folder, entry->name) < (int)sizeof(path) &&
	       zstd_file_content_size(path) == st.st_size;
}

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
static size_t find_file(const struct journal_reader *reader, const struct journal_folder *entries, const struct file *file)
{
	size_t i = 0;

	while (i < entries->n && !file_is(reader, file, &entries->list[i]))
		i++;
	return i;
}

/* Opens the one beside `file`: newer by one if `step` is -1, older if it is 1; NULL: the newest.  1; 0: there is none. */
static int open_beside(struct journal_reader *reader, const struct file *file, int step, struct file **ret)
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
		r = file_open(ret, reader, &entries.list[wanted]);
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

static void change_file(struct journal_reader *reader, struct file *file)
{
	file_close(reader->file);
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
	struct file *file = NULL;
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
	file_to_end(file);
	change_file(reader, file);
	*ret = TAKE(reader);
	return 0;
}

struct journal_reader *journal_reader_free(struct journal_reader *reader)
{
	if (!reader)
		return NULL;
	file_close(reader->file);
	file_close(reader->next);
	if (reader->inotify >= 0)
		close(reader->inotify);
	free(reader->path);
	free(reader->folder);
	free(reader);
	return NULL;
}

static uint64_t changed_ns(const struct file *file)
{
	return (uint64_t)file->st.st_mtim.tv_sec * NS_PER_SEC + (uint64_t)file->st.st_mtim.tv_nsec;
}

int journal_reader_seek_since(struct journal_reader *reader, uint64_t since_ns)
{
	struct file *older;
	int r;

	while ((r = open_beside(reader, reader->file, 1, &older)) > 0) {
		if (changed_ns(older) < since_ns) {
			file_close(older);
			reader->n_newer--;
			break;
		}
		change_file(reader, older);
	}
	return r < 0 ? r : file_rewind(reader->file);
}

static int count_lines(struct journal_reader *reader, struct file *file, journal_line_fn is_wanted, void *user, uint64_t *ret)
{
	struct span line;
	int r = file_rewind(file);

	while (r >= 0 && (r = file_line(file, &line)) > 0)
		*ret += is_wanted(user, line);
	return r;
}

int journal_reader_seek_last(struct journal_reader *reader, uint64_t n, journal_line_fn is_wanted, void *user)
{
	struct file *older;
	uint64_t found = 0;
	int r = count_lines(reader, reader->file, is_wanted, user, &found);

	while (r >= 0 && found < n && (r = open_beside(reader, reader->file, 1, &older)) > 0) {
		change_file(reader, older);
		r = count_lines(reader, reader->file, is_wanted, user, &found);
	}
	reader->skip = found > n ? found - n : 0;
	reader->is_wanted = is_wanted;
	reader->user = user;
	return r < 0 ? r : file_rewind(reader->file);
}

static bool is_newest(const struct journal_reader *reader)
{
	struct stat st;

	return stat(reader->path, &st) == 0 && st.st_ino == reader->file->st.st_ino &&
	       st.st_dev == reader->file->st.st_dev;
}

static int next_line(struct journal_reader *reader, struct span *ret)
{
	for (;;) {
		int r = file_line(reader->file, ret);

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
			return file_line(reader->file, ret);
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
	return reader->file->path;
}
