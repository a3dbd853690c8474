/* See path_trust.h.  The way is walked by descriptors, name by name as the kernel would, so that what was looked at is what the next
 * name is looked for in. */

#include "control/path_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"

#define LINKS_MAX 40

struct walk {
	int fd;				/* where it has come to */
	char rest[2 * PATH_MAX];	/* what is left to go */
	char so_far[PATH_MAX];		/* for people */
	unsigned n_links;
	struct path_doubt doubt;
};

static bool is_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

static void doubt(struct walk *walk, bool foreign, const char *place, unsigned id)
{
	if (*walk->doubt.message && (walk->doubt.foreign || !foreign))
		return;			/* the graver, and of these the first */
	walk->doubt.foreign = foreign;
	snprintf(walk->doubt.message, sizeof(walk->doubt.message), foreign ? "%.400s belongs to user %u" : "%.400s can be written by group %u",
		 place, id);
}

/* Who may write to a folder may replace what is in it; with the sticky bit only what is his own. */
static int judge_way(struct walk *walk, const struct stat *st, struct file_error *error)
{
	const char *place = *walk->so_far ? walk->so_far : "/";
	bool is_open = S_ISDIR(st->st_mode) && !(st->st_mode & S_ISVTX);

	if (is_open && st->st_mode & S_IWOTH)
		return file_fail(error, -EPERM, "%.300s can be written by everybody, who could replace what is in it (chmod o-w it)", place);
	if (!is_ours(st))
		doubt(walk, true, place, st->st_uid);
	else if (is_open && st->st_mode & S_IWGRP && st->st_gid != 0)
		doubt(walk, false, place, st->st_gid);
	return 0;
}

static int judge_end(const char *path, const struct stat *st, struct file_error *error)
{
	if (!is_ours(st))
		return file_fail(error, -EPERM, "%.300s belongs to user %u, who could alter what is recorded (chown root it, or use another folder)",
				 path, st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return file_fail(error, -EPERM, "%.300s can be written by others, who could alter what is recorded (chmod go-w it)", path);
	return 0;
}

static void go_to(struct walk *walk, int fd)
{
	file_close(&walk->fd);
	walk->fd = fd;
}

static int go_to_root(struct walk *walk, struct file_error *error)
{
	struct stat st;
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return file_fail_errno(error, -errno, "/");
	go_to(walk, fd);
	*walk->so_far = 0;
	return fstat(fd, &st) < 0 ? file_fail_errno(error, -errno, "/") : judge_way(walk, &st, error);
}

/* A link in place of a name: its text comes before what is left. */
static int follow(struct walk *walk, int link_fd, const struct stat *st, struct file_error *error)
{
	char text[PATH_MAX], rest[sizeof(walk->rest)];
	ssize_t n = readlinkat(link_fd, "", text, sizeof(text) - 1);

	if (n < 0)
		return file_fail_errno(error, -errno, walk->so_far);
	if (++walk->n_links > LINKS_MAX)
		return file_fail_errno(error, -ELOOP, walk->so_far);
	if (!is_ours(st))
		doubt(walk, true, walk->so_far, st->st_uid);
	text[n] = 0;
	if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", text, walk->rest) >= sizeof(rest))
		return file_fail_errno(error, -ENAMETOOLONG, walk->so_far);
	memcpy(walk->rest, rest, strlen(rest) + 1);
	if (*text == '/')
		return go_to_root(walk, error);
	*strrchr(walk->so_far, '/') = 0;
	return 0;
}

/* The next name, taken off what is left; empty: there is none. */
static void next_name(struct walk *walk, char ret[static NAME_MAX + 2])
{
	size_t start = strspn(walk->rest, "/"), size = strcspn(walk->rest + start, "/");

	snprintf(ret, NAME_MAX + 2, "%.*s", (int)MIN(size, (size_t)NAME_MAX + 1), walk->rest + start);	/* one that is too long stays so */
	memmove(walk->rest, walk->rest + start + size, strlen(walk->rest + start + size) + 1);
}

static void append_name(struct walk *walk, const char *name)
{
	char *slash = strrchr(walk->so_far, '/');
	size_t n = strlen(walk->so_far);

	if (strcmp(name, "..") == 0) {
		if (slash)
			*slash = 0;
	} else if (strcmp(name, ".") != 0) {
		snprintf(walk->so_far + n, sizeof(walk->so_far) - n, "/%s", name);
	}
}

/* 1: gone on; 0: that was the last. */
static int step(struct walk *walk, struct stat *st, struct file_error *error)
{
	char name[NAME_MAX + 2];
	_cleanup_(file_close) int fd = -1;

	next_name(walk, name);
	if (!*name)
		return 0;
	append_name(walk, name);
	fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) < 0)
		return file_fail_errno(error, -errno, walk->so_far);
	if (S_ISLNK(st->st_mode)) {
		int r = follow(walk, fd, st, error);

		if (r >= 0 && fstat(walk->fd, st) < 0)	/* it may be the end, as "/" */
			r = file_fail_errno(error, -errno, walk->so_far);
		return r < 0 ? r : 1;
	}
	go_to(walk, fd);
	fd = -1;
	return 1;
}

static int walk_to(struct walk *walk, struct file_error *error)
{
	struct stat st;
	int r = go_to_root(walk, error);

	if (r >= 0 && fstat(walk->fd, &st) < 0)
		r = file_fail_errno(error, -errno, "/");
	while (r >= 0 && (r = step(walk, &st, error)) > 0) {
		bool is_last = walk->rest[strspn(walk->rest, "/")] == 0;

		r = is_last ? judge_end(walk->so_far, &st, error) : judge_way(walk, &st, error);
	}
	return MIN(r, 0);
}

int path_trust(const char *path, struct path_doubt *ret_doubt, struct file_error *error)
{
	struct walk walk = { .fd = -1 };
	char here[PATH_MAX] = "";
	int r;

	if (*path != '/' && !getcwd(here, sizeof(here)))
		return file_fail_errno(error, -errno, path);
	if ((size_t)snprintf(walk.rest, sizeof(walk.rest), "%s/%s", here, path) >= sizeof(walk.rest))
		return file_fail_errno(error, -ENAMETOOLONG, "the path");
	r = walk_to(&walk, error);
	file_close(&walk.fd);
	if (r >= 0 && ret_doubt)
		*ret_doubt = walk.doubt;
	return r;
}
