/* Links are followed, what is not there is said, and the id is that of stat(2); for whoever has another root too. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/path_lookup.h"

/* As a program does that uses the name: it waits for whatever that takes. */
static void walk(const struct path_place *from, const char *path)
{
	char whole[PATH_MAX + 32];
	struct stat st;

	if (from)
		snprintf(whole, sizeof(whole), "/proc/%u/root%s", from->pids[0], path);
	(void)!stat(from ? whole : path, &st);
}

/* The kernel says that it cannot tell without waiting also while names are renamed elsewhere on the machine, and of a link that was made
 * and last followed within one tick of its clock: the time of access of that is due (relatime), and only who waits may write it
 * (fs/namei.c, pick_link). */
static int look_up(const struct path_place *from, const char *path, struct file_id *ret_id, char *ret, size_t size)
{
	int r;

	for (unsigned i = 0; i < 2000; i++) {
		r = path_lookup(from, path, ret_id, ret, size);
		if (r != -EAGAIN)
			return r;
		walk(from, path);
		usleep(1000);
	}
	return r;
}

static void test_links(void **state)
{
	char dir[] = "/tmp/test_path_lookup.XXXXXX", folder[64], link[64], file[80], found[PATH_MAX];
	struct file_id id = { 0 };
	struct stat st;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof(folder), "%s/folder", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(file, sizeof(file), "%s/file", link);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(symlink("folder", link), 0);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	if (look_up(NULL, link, &id, found, sizeof(found)) == -EOPNOTSUPP)
		skip();
	assert_int_equal(look_up(NULL, link, &id, found, sizeof(found)), 0);
	assert_string_equal(found, folder);
	assert_int_equal(stat(folder, &st), 0);
	assert_true(id.known && id.inode == st.st_ino && id.device == st.st_dev);
	assert_int_equal(look_up(NULL, file, &id, found, sizeof(found)), 0);
	assert_string_equal(found + strlen(folder), "/file");
	assert_int_equal(look_up(NULL, file, &id, found, 8), -ENAMETOOLONG);
	assert_int_equal(unlink(file), 0);
	/* ENOENT, or EAGAIN where only the disk could tell. */
	assert_true(path_lookup(NULL, file, &id, found, sizeof(found)) < 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(rmdir(dir), 0);
}

static char base[] = "/tmp/test_path_lookup.XXXXXX";

static const char *below(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s%s", base, name);
	return path;
}

static struct path_place place_of(pid_t pid)
{
	struct path_place place = { .root.init = 1, .pids = { (uint32_t)pid }, .n_pids = 1 };
	struct statx root;
	char link[32];

	snprintf(link, sizeof(link), "/proc/%d/root", pid);
	assert_int_equal(statx(AT_FDCWD, link, 0, STATX_INO | STATX_MNT_ID, &root), 0);
	place.root.mount = (uint32_t)root.stx_mnt_id;
	place.root.inode = root.stx_attributes & STATX_ATTR_MOUNT_ROOT ? 0 : root.stx_ino;
	return place;
}

static void expect_found(const struct path_place *from, const char *path, const char *expected)
{
	char found[PATH_MAX];
	struct file_id id;

	assert_int_equal(look_up(from, path, &id, found, sizeof(found)), 0);
	assert_string_equal(found, expected);
}

static void expect_none(const struct path_place *from, const char *path, int error)
{
	char found[PATH_MAX];
	struct file_id id;

	assert_int_equal((error == -EAGAIN ? path_lookup : look_up)(from, path, &id, found, sizeof(found)), error);
}

/* As after a while: to follow it writes nothing. */
static void make_link(const char *to, const char *link)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) + 60 }, { .tv_sec = 1 } };

	assert_int_equal(symlink(to, link), 0);
	assert_int_equal(utimensat(AT_FDCWD, link, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void test_another_root(void **state)
{
	struct path_place place, other;
	struct file_id id;
	char found[PATH_MAX], c;
	int ends[2];
	pid_t pid;

	if (geteuid() != 0 || path_lookup(NULL, "/", &id, found, sizeof(found)) < 0)
		skip();
	assert_non_null(mkdtemp(base));
	assert_int_equal(mkdir(below("/root"), 0755), 0);
	assert_int_equal(mkdir(below("/root/etc"), 0755), 0);
	make_link("/etc", below("/root/link"));
	make_link("../../..", below("/root/etc/up"));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		if (chroot(below("/root")) < 0 || chdir("/") < 0 || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	place = place_of(pid);

	expect_found(&place, below("/root"), below("/root"));
	expect_found(&place, below("/root/link"), below("/root/etc"));
	expect_found(&place, below("/root/../../etc"), below("/root/etc"));
	expect_found(&place, below("/root/etc/up"), below("/root"));
	expect_none(&place, below(""), -EXDEV);
	expect_none(&place, below("/rootless"), -EXDEV);
	expect_found(NULL, below("/root/link"), "/etc");
	/* one that has our root; then one of them that has it, whoever else is asked */
	other = place_of(getpid());
	expect_found(&other, below("/root/link"), "/etc");
	other = place;
	other.pids[0] = (uint32_t)getpid();
	expect_none(&other, below("/root/link"), -ESRCH);
	other.pids[1] = 0x7fffffff;
	other.pids[2] = (uint32_t)pid;
	other.n_pids = 3;
	expect_found(&other, below("/root/link"), below("/root/etc"));
	other = place;
	other.root.inode++;
	expect_none(&other, below("/root/link"), -ESRCH);
	other = place;
	other.root.mount++;
	expect_none(&other, below("/root/link"), -ESRCH);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	expect_none(&place, below("/root/link"), -ESRCH);

	assert_int_equal(unlink(below("/root/etc/up")), 0);
	assert_int_equal(unlink(below("/root/link")), 0);
	assert_int_equal(rmdir(below("/root/etc")), 0);
	assert_int_equal(rmdir(below("/root")), 0);
	assert_int_equal(rmdir(base), 0);
}

/* What is itself to us is us; who names us by number means us. */
static void test_self(void **state)
{
	char dir[] = "/tmp/test_path_lookup.XXXXXX", link[64], named[64], found[PATH_MAX];
	struct file_id id;
	struct stat st;

	if (path_lookup(NULL, "/", &id, found, sizeof(found)) < 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(named, sizeof(named), "/proc/%d/status", getpid());
	make_link("/proc/self/status", link);
	assert_int_equal(stat(link, &st), 0);
	assert_int_equal(stat("/proc/thread-self/status", &st), 0);
	expect_none(NULL, "/proc/self", -EAGAIN);
	expect_none(NULL, "/proc/self/status", -EAGAIN);
	expect_none(NULL, "/proc/thread-self/status", -EAGAIN);
	expect_none(NULL, link, -EAGAIN);
	expect_found(NULL, named, named);
	snprintf(named, sizeof(named), "/proc/%d", getppid());
	assert_int_equal(stat(named, &st), 0);
	expect_found(NULL, named, named);
	assert_int_equal(unlink(link), 0);
	/* What another one called so was open there, not here. */
	make_link("/proc/self/fd/0", link);
	(void)stat(link, &st);
	expect_none(NULL, link, -EAGAIN);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* A name of the storm leads to itself or nowhere, whenever it is renamed. */
static void *rename_on_and_on(void *user)
{
	const char *dir = user;
	char one[64], other[64];

	snprintf(one, sizeof(one), "%s/one", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	for (unsigned i = 0; i < 20000; i++) {
		assert_int_equal(rename(one, other), 0);
		assert_int_equal(rename(other, one), 0);
	}
	return NULL;
}

static void test_renamed(void **state)
{
	char dir[] = "/tmp/test_path_lookup.XXXXXX", one[64], found[PATH_MAX];
	unsigned n_found = 0;
	pthread_t thread;
	struct file_id id;
	int fd;

	if (path_lookup(NULL, "/", &id, found, sizeof(found)) < 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(one, sizeof(one), "%s/one", dir);
	fd = open(one, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pthread_create(&thread, NULL, rename_on_and_on, dir), 0);
	do
		if (path_lookup(NULL, one, &id, found, sizeof(found)) >= 0) {
			assert_string_equal(found, one);
			n_found++;
		}
	while (pthread_tryjoin_np(thread, NULL) != 0);
	assert_true(n_found > 0);
	assert_int_equal(unlink(one), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_links), cmocka_unit_test(test_another_root),
					    cmocka_unit_test(test_self), cmocka_unit_test(test_renamed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
