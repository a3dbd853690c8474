/* See mounts.h.
 *
 * The kernel tells by poll() whether the mounts have changed since they were read (fs/proc_namespace.c, mounts_poll), as long as the
 * file is open; so within a second the answers are as of the event, not as of now.  What says the same when it is read again is taken
 * to have been so in between. */

#include "source/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "source/mount_table.h"
#include "source/path_lookup.h"

#define N_VIEWS 64			/* that are remembered; one more takes the place of what was asked for longest ago */
#define HOLD_NS NS_PER_SEC
#define MAX_BYTES (4u << 20)		/* of a mountinfo: some 20,000 mounts */
#define SHORT_BYTES (64u << 10)		/* ...which is read again whenever it has changed */
#define READ_SHARE 20u			/* a part so large of the time is for those that are longer */

/* As processes of one namespace and root see it. */
struct view {
	uint32_t mount_namespace;
	struct path_root root;
	struct mount_table *table;	/* NULL: there is nothing in this place */
	struct buffer text;		/* that it was made of */
	uint64_t since_ns;		/* the mounts are these since then (1970) */
	uint64_t used;
	uint64_t opened_ns;		/* CLOCK_MONOTONIC */
	uint64_t read_ns, took_ns;	/* when it was read last (likewise), and for how long */
	bool is_stale;			/* it has changed since, and was not read again */
	int fd;				/* -1: not watched */
};

struct mounts {
	struct view host, views[N_VIEWS];
	uint64_t n_used;
	struct buffer path;
};

static void forget(struct view *view)
{
	if (view->fd >= 0)
		close(view->fd);
	mount_table_free(view->table);
	buffer_release(&view->text);
	*view = (struct view){ .fd = -1 };
}

int mounts_new(struct mounts **ret)
{
	struct mounts *mounts = calloc(1, sizeof(*mounts));

	if (!mounts)
		return -ENOMEM;
	mounts->host.fd = -1;
	for (size_t i = 0; i < N_VIEWS; i++)
		mounts->views[i].fd = -1;
	*ret = mounts;
	return 0;
}

struct mounts *mounts_free(struct mounts *mounts)
{
	if (!mounts)
		return NULL;
	forget(&mounts->host);
	for (size_t i = 0; i < N_VIEWS; i++)
		forget(&mounts->views[i]);
	buffer_release(&mounts->path);
	free(mounts);
	return NULL;
}

static int read_all(int fd, struct buffer *text)
{
	char part[16384];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) > 0) {
		buffer_append(text, part, (size_t)n);
		if (text->size > MAX_BYTES)
			return -E2BIG;
	}
	return n < 0 ? -errno : buffer_error(text);
}

/* What the open file says now. */
static int read_view(struct view *view)
{
	_cleanup_(buffer_release) struct buffer text = { 0 }, copy = { 0 };
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	struct mount_table *table;
	int r = read_all(view->fd, &text);

	view->read_ns = clock_ns(CLOCK_MONOTONIC);
	view->took_ns = view->read_ns - begin_ns;
	view->is_stale = false;
	if (r < 0)
		return r;
	if (view->table && span_eq(buffer_span(&text), buffer_span(&view->text)))
		return 0;
	buffer_append_span(&copy, buffer_span(&text));
	r = buffer_error(&copy);
	if (r >= 0)
		r = mount_table_new(&table, &copy);
	if (r < 0)
		return r;
	mount_table_free(view->table);
	buffer_release(&view->text);
	view->table = table;
	view->text = text;
	text = (struct buffer){ 0 };
	view->since_ns = clock_now_ns();
	return 0;
}

static bool is_in(int folder, uint32_t mount_namespace)
{
	struct stat found;

	return fstatat(folder, "ns/mnt", &found, 0) == 0 && found.st_ino == mount_namespace;
}

/* The mountinfo of one of these processes, if it is one of those: a pid may be another's by now. */
static int open_one(const struct path_place *from)
{
	for (unsigned i = 0; i < from->n_pids; i++) {
		int folder, fd = -1;
		char name[32];

		snprintf(name, sizeof(name), "/proc/%u", from->pids[i]);
		folder = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0)
			continue;
		if (is_in(folder, from->mount_namespace) && path_has_root(folder, "root", from->root))
			fd = openat(folder, "mountinfo", O_RDONLY | O_CLOEXEC);
		close(folder);
		if (fd >= 0)
			return fd;
	}
	return -ESRCH;
}

static bool has_changed(const struct view *view)
{
	struct pollfd of = { .fd = view->fd, .events = POLLPRI };

	return poll(&of, 1, 0) != 0;
}

/* Whoever has a user namespace can change mounts by the thousand again and again. */
static bool may_read(const struct view *view, uint64_t now_ns)
{
	return view->text.size <= SHORT_BYTES || now_ns - view->read_ns >= view->took_ns * READ_SHARE;
}

/* As it is now.  from NULL: of the host, whose is always there. */
static int look(struct view *view, const struct path_place *from)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (view->fd >= 0 && from && now_ns - view->opened_ns >= HOLD_NS) {
		close(view->fd);
		view->fd = -1;
	}
	if (view->fd >= 0) {
		view->is_stale |= has_changed(view);
		return view->is_stale && may_read(view, now_ns) ? read_view(view) : 0;
	}
	view->fd = from ? open_one(from) : open("/proc/1/mountinfo", O_RDONLY | O_CLOEXEC);
	if (view->fd < 0) {
		r = from ? view->fd : -errno;
		view->fd = -1;
		return r;
	}
	view->opened_ns = now_ns;
	return read_view(view);
}

static struct view *find(struct mounts *mounts, uint32_t mount_namespace, struct path_root root)
{
	for (size_t i = 0; i < N_VIEWS; i++) {
		struct view *view = &mounts->views[i];

		if (view->table && view->mount_namespace == mount_namespace && path_root_is(view->root, root))
			return view;
	}
	return NULL;
}

/* The root of one of them, where the event does not tell it: who changes it sees other mounts, and the file that was opened before
 * goes on to tell those.  A mount has a number that no other has, of whatever namespace. */
static bool learn_root(struct mounts *mounts, struct path_place *from)
{
	for (unsigned i = 0; i < from->n_pids; i++) {
		struct path_root root = { .init = 1 };
		char name[32];
		bool is_one;
		int folder;

		snprintf(name, sizeof(name), "/proc/%u/root", from->pids[i]);
		if (!path_mount_of(name, &root.mount))
			continue;
		is_one = find(mounts, from->mount_namespace, root) != NULL;
		*strrchr(name, '/') = 0;
		folder = is_one ? -1 : open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder >= 0) {
			is_one = is_in(folder, from->mount_namespace);
			close(folder);
		}
		if (is_one) {
			from->root = root;
			return true;
		}
	}
	return false;
}

static struct view *make_room(struct mounts *mounts, const struct path_place *from)
{
	struct view *view = &mounts->views[0];

	for (size_t i = 1; i < N_VIEWS; i++)
		if (mounts->views[i].used < view->used)
			view = &mounts->views[i];
	forget(view);
	view->mount_namespace = from->mount_namespace;
	view->root = from->root;
	return view;
}

/* Of one whose processes have all gone what it was last is still true of what they did. */
static struct view *find_last(struct mounts *mounts, const struct path_place *from)
{
	struct view *last = NULL;

	for (size_t i = 0; i < N_VIEWS; i++) {
		struct view *view = &mounts->views[i];

		if (view->table && view->mount_namespace == from->mount_namespace && (!last || view->used > last->used) &&
		    (from->root.init == 0 || path_root_is(view->root, from->root)))
			last = view;
	}
	return last;
}

/* *ret_old: as it was when somebody was there. */
static int view_of(struct mounts *mounts, const struct path_place *place, struct view **ret, bool *ret_old)
{
	struct path_place from = *place;
	struct view *view = NULL;
	int r = -ESRCH;

	*ret_old = false;
	if (from.root.init || learn_root(mounts, &from)) {
		view = find(mounts, from.mount_namespace, from.root);
		if (!view)
			view = make_room(mounts, &from);
		r = look(view, &from);
		if (r < 0 && !view->table)
			forget(view);
	}
	if (r == -ESRCH) {
		view = find_last(mounts, place);
		*ret_old = true;
		r = view ? 0 : -ESRCH;
	}
	*ret = view;
	return r;
}

int mounts_host_path(struct mounts *mounts, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size)
{
	struct view *host = &mounts->host, *view;
	bool is_old;
	int r = look(host, NULL);

	if (r >= 0)
		r = view_of(mounts, from, &view, &is_old);
	if (r < 0)
		return r;
	view->used = ++mounts->n_used;
	buffer_clear(&mounts->path);
	r = mount_table_translate(view->table, host->table, span_of(path), &mounts->path);
	if (r < 0)
		return r;
	if (mounts->path.size >= size)
		return -ENAMETOOLONG;
	memcpy(ret, mounts->path.data, mounts->path.size);
	ret[mounts->path.size] = 0;
	return is_old || view->is_stale || host->is_stale || time_ns < MAX(view->since_ns, host->since_ns);
}

uint64_t mounts_tick(struct mounts *mounts)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), next_ns = UINT64_MAX;

	for (size_t i = 0; i < N_VIEWS; i++) {
		struct view *view = &mounts->views[i];

		if (view->fd >= 0 && now_ns - view->opened_ns >= HOLD_NS) {
			close(view->fd);
			view->fd = -1;
		}
		if (view->fd >= 0)
			next_ns = MIN(next_ns, view->opened_ns + HOLD_NS - now_ns);
	}
	return next_ns;
}
