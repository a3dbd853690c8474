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

#define N_VIEWS 32			/* that are remembered; one more takes the place of what was asked for longest ago */
#define HOLD_NS NS_PER_SEC
#define MAX_BYTES (2u << 20)		/* of a mountinfo: some 10,000 mounts */
#define BUDGET_NS (50 * NS_PER_MS)	/* that reading them may take of each second */
#define SHARE_NS (10 * NS_PER_MS)	/* of that, for one of them */
#define LARGE_NS (10 * NS_PER_SEC)	/* one that was too large is not looked at again before */
#define UNUSED_NS (60 * NS_PER_SEC)	/* that it is remembered without being asked for */

/* As processes see it whose root is that of the namespace. */
struct view {
	uint32_t mount_namespace;
	uint32_t root;			/* the number of the mount that the root is */
	struct mount_table *table;	/* NULL: there is nothing in this place, or it is too large */
	uint64_t hash;			/* of the text that it was made of */
	uint64_t since_ns;		/* the mounts are these since then (1970)... */
	uint64_t held_ns;		/* ...and were watched until then, if they are no more */
	uint64_t used;
	uint64_t opened_ns;		/* CLOCK_MONOTONIC */
	uint64_t used_ns;		/* likewise */
	uint64_t spent_ns;		/* of the budget of this second */
	uint64_t large_ns;		/* likewise: found to be too large */
	int fd;				/* -1: not watched */
	bool is_stale;			/* they have changed since, and were not read again */
};

struct mounts {
	struct view host, views[N_VIEWS];
	uint64_t n_used;
	uint64_t second_ns, spent_ns;	/* of the budget, since then (CLOCK_MONOTONIC) */
	struct buffer path, text;
};

static void let_go(struct view *view)
{
	if (view->fd < 0)
		return;
	close(view->fd);
	view->fd = -1;
	view->held_ns = clock_now_ns();
}

static void forget(struct view *view)
{
	let_go(view);
	mount_table_free(view->table);
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
	buffer_release(&mounts->text);
	free(mounts);
	return NULL;
}

static int read_all(int fd, struct buffer *text)
{
	char part[16384];
	ssize_t n;

	buffer_clear(text);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) > 0) {
		buffer_append(text, part, (size_t)n);
		if (text->size > MAX_BYTES)
			return -E2BIG;
	}
	return n < 0 ? -errno : buffer_error(text);
}

/* Whoever has a user namespace can have mounts by the thousand, and change them again and again.  view NULL: one that is new. */
static bool may_read(struct mounts *mounts, const struct view *view)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (now_ns - mounts->second_ns >= NS_PER_SEC) {
		mounts->second_ns = now_ns;
		mounts->spent_ns = mounts->host.spent_ns = 0;
		for (size_t i = 0; i < N_VIEWS; i++)
			mounts->views[i].spent_ns = 0;
	}
	return mounts->spent_ns < BUDGET_NS && (!view || view->spent_ns < SHARE_NS);
}

/* What the open file says now.  has_changed: it did, whatever it says: it may have been otherwise in between. */
static int read_view(struct mounts *mounts, struct view *view, bool has_changed)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC), hash;
	struct mount_table *table;
	int r = read_all(view->fd, &mounts->text);

	hash = r >= 0 ? span_hash(buffer_span(&mounts->text), 0) : 0;
	if (r >= 0 && (!view->table || view->hash != hash)) {
		buffer_append_span(&text, buffer_span(&mounts->text));
		r = buffer_error(&text);
		if (r >= 0)
			r = mount_table_new(&table, &text);
		if (r >= 0) {
			mount_table_free(view->table);
			view->table = table;
			view->hash = hash;
			has_changed = true;
		}
	}
	begin_ns = clock_ns(CLOCK_MONOTONIC) - begin_ns;
	mounts->spent_ns += begin_ns;
	view->spent_ns += begin_ns;
	if (has_changed)
		view->since_ns = clock_now_ns();
	view->is_stale = r < 0;
	if (r >= 0)
		return 0;
	/* What it was before is nothing to go by. */
	view->table = mount_table_free(view->table);
	let_go(view);
	view->large_ns = r == -E2BIG ? clock_ns(CLOCK_MONOTONIC) : 0;
	return r;
}

static bool is_in(int folder, uint32_t mount_namespace)
{
	struct stat found;

	return fstatat(folder, "ns/mnt", &found, 0) == 0 && found.st_ino == mount_namespace;
}

/* Nothing is above it in its namespace: a process in a chroot sees the mounts below that only, by other names. */
static bool has_whole_root(int folder)
{
	char path[2];

	return readlinkat(folder, "root", path, sizeof(path)) == 1 && path[0] == '/';
}

/* The mountinfo of one of these processes, if it is one of those: a pid may be another's by now. */
static int open_one(const struct path_place *from, uint32_t root)
{
	for (unsigned i = 0; i < from->n_pids; i++) {
		int folder, fd = -1;
		uint32_t mount;
		char name[32];

		snprintf(name, sizeof(name), "/proc/%u", from->pids[i]);
		folder = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0)
			continue;
		if (is_in(folder, from->mount_namespace) && has_whole_root(folder) && path_mount_of(folder, "root", &mount) && mount == root)
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

/* As it is now.  from NULL: of the host. */
static int look(struct mounts *mounts, struct view *view, const struct path_place *from)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int fd;

	if (view->large_ns && now_ns - view->large_ns < LARGE_NS)
		return -E2BIG;
	view->large_ns = 0;
	/* A folder above a mount may have another name since: that is no change to poll(). */
	if (view->fd >= 0 && now_ns - view->opened_ns >= HOLD_NS)
		let_go(view);
	if (view->fd >= 0) {
		view->is_stale |= has_changed(view);
		return view->is_stale && may_read(mounts, view) ? read_view(mounts, view, true) : 0;
	}
	if (!may_read(mounts, view)) {
		view->is_stale = true;
		return view->table ? 0 : -EAGAIN;
	}
	fd = from ? open_one(from, view->root) : open("/proc/1/mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return from ? fd : -errno;
	view->fd = fd;
	view->opened_ns = now_ns;
	return read_view(mounts, view, !view->table);
}

static struct view *find(struct mounts *mounts, uint32_t mount_namespace, uint32_t root)
{
	for (size_t i = 0; i < N_VIEWS; i++) {
		struct view *view = &mounts->views[i];

		if (view->used > 0 && view->mount_namespace == mount_namespace && view->root == root)
			return view;
	}
	return NULL;
}

/* The root of one of them that has that of the namespace: who changes it sees other mounts, and the file that was opened before
 * goes on to tell those.  A mount has a number that no other has, of whatever namespace. */
static bool learn_root(struct mounts *mounts, const struct path_place *from, uint32_t *ret)
{
	for (unsigned i = 0; i < from->n_pids; i++) {
		char name[32];
		bool is_one;
		int folder;

		snprintf(name, sizeof(name), "/proc/%u/root", from->pids[i]);
		if (!path_mount_of(AT_FDCWD, name, ret))
			continue;
		is_one = find(mounts, from->mount_namespace, *ret) != NULL;
		*strrchr(name, '/') = 0;
		folder = is_one ? -1 : open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder >= 0) {
			is_one = is_in(folder, from->mount_namespace) && has_whole_root(folder);
			close(folder);
		}
		if (is_one)
			return true;
	}
	return false;
}

static struct view *make_room(struct mounts *mounts, uint32_t mount_namespace, uint32_t root)
{
	struct view *view = &mounts->views[0];

	for (size_t i = 1; i < N_VIEWS; i++)
		if (mounts->views[i].used < view->used)
			view = &mounts->views[i];
	forget(view);
	view->mount_namespace = mount_namespace;
	view->root = root;
	return view;
}

/* Of one whose processes have all gone what it was last is still true of what they did while it was watched; later its number may
 * be another's. */
static struct view *find_last(struct mounts *mounts, const struct path_place *from, uint64_t time_ns)
{
	struct view *last = NULL;

	for (size_t i = 0; i < N_VIEWS; i++) {
		struct view *view = &mounts->views[i];

		if (view->table && view->mount_namespace == from->mount_namespace && (view->fd >= 0 || time_ns <= view->held_ns) &&
		    (!last || view->used > last->used))
			last = view;
	}
	return last;
}

/* *ret_old: as it was when somebody was there. */
static int view_of(struct mounts *mounts, const struct path_place *from, uint64_t time_ns, struct view **ret, bool *ret_old)
{
	struct view *view = NULL;
	uint32_t root;
	int r = -ESRCH;

	*ret_old = false;
	if (learn_root(mounts, from, &root)) {
		view = find(mounts, from->mount_namespace, root);
		if (!view && may_read(mounts, NULL))	/* else others lose their place for nothing */
			view = make_room(mounts, from->mount_namespace, root);
		if (!view)
			return -EAGAIN;
		view->used = ++mounts->n_used;
		view->used_ns = clock_ns(CLOCK_MONOTONIC);
		r = look(mounts, view, from);
	}
	if (r == -ESRCH) {
		view = find_last(mounts, from, time_ns);
		*ret_old = true;
		r = view ? 0 : -ESRCH;
	}
	*ret = view;
	return r;
}

int mounts_host_path(struct mounts *mounts, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size)
{
	struct view *host = &mounts->host, *view;
	bool is_unsure;
	int r = look(mounts, host, NULL);

	if (r >= 0)
		r = view_of(mounts, from, time_ns, &view, &is_unsure);
	if (r < 0)
		return r;
	is_unsure |= view->is_stale || host->is_stale || time_ns < MAX(view->since_ns, host->since_ns);
	buffer_clear(&mounts->path);
	r = mount_table_translate(view->table, host->table, span_of(path), &mounts->path);
	if (r == -ENOENT && is_unsure)	/* it may have had a name then */
		return -EAGAIN;
	if (r < 0)
		return r;
	if (mounts->path.size >= size)
		return -ENAMETOOLONG;
	memcpy(ret, mounts->path.data, mounts->path.size);
	ret[mounts->path.size] = 0;
	return is_unsure;
}

uint64_t mounts_tick(struct mounts *mounts)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), next_ns = UINT64_MAX;

	for (size_t i = 0; i < N_VIEWS; i++) {
		struct view *view = &mounts->views[i];

		if (view->fd >= 0 && now_ns - view->opened_ns >= HOLD_NS)
			let_go(view);
		if (view->fd >= 0)
			next_ns = MIN(next_ns, view->opened_ns + HOLD_NS - now_ns);
		else if (view->table && now_ns - view->used_ns >= UNUSED_NS)
			forget(view);		/* whenever somebody comes along: nobody is woken for that */
	}
	return next_ns;
}
