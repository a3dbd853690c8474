/* A process with mounts of its own: what it calls its files is told by the host's names, as long as somebody of its namespace can be
 * asked, and whether that was so at the time of the event. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/macro.h"
#include "source/mounts.h"

static char base[64];

static const char *below(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s%s", base, name);
	return path;
}

/* The child says that it has come so far, or that it may not, and waits until it may go on. */
static bool meet(int fd, bool ok)
{
	char c = ok ? 'y' : 'n';

	return write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1 && c == 'y';
}

static bool bind_to(const char *from, const char *to)
{
	char source[128];

	snprintf(source, sizeof(source), "%s", below(from));
	return mount(source, below(to), NULL, MS_BIND, NULL) == 0;
}

static _Noreturn void child(int fd)
{
	bool ok = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && bind_to("/real", "/seen");

	if (!meet(fd, ok) || !meet(fd, bind_to("/other", "/seen")))
		_exit(1);
	meet(fd, mount("none", below("/seen"), "tmpfs", 0, NULL) == 0);
	_exit(0);
}

static struct path_place place_of(pid_t pid)
{
	struct path_place place = { .pids = { 0x7fffffff, 1, (uint32_t)pid }, .n_pids = 3 };
	struct stat found;
	char link[32];

	snprintf(link, sizeof(link), "/proc/%d/ns/mnt", pid);
	assert_int_equal(stat(link, &found), 0);
	place.mount_namespace = (uint32_t)found.st_ino;
	return place;
}

/* r < 0: the host has no name for it. */
static void expect(struct mounts *mounts, const struct path_place *place, uint64_t time_ns, int r, const char *expected)
{
	char path[128], found[PATH_MAX];

	snprintf(path, sizeof(path), "%s", below("/seen/x"));
	assert_int_equal(mounts_host_path(mounts, place, path, time_ns, found, sizeof(found)), r);
	if (r >= 0)
		assert_string_equal(found, below(expected));
}

static bool go_on(int fd)
{
	char c = 'y';

	return write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1 && c == 'y';
}

static void one_with_its_own(void **state)
{
	static const char *const folders[] = { "/real", "/other", "/seen" };
	struct path_place place, another;
	struct mounts *mounts;
	uint64_t before_ns;
	char c, small[4];
	int fds[2];
	pid_t pid;

	if (geteuid() != 0)
		skip();
	snprintf(base, sizeof(base), "/tmp/test_mounts.XXXXXX");
	assert_non_null(mkdtemp(base));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(mkdir(below(folders[i]), 0700), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		child(fds[1]);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	place = place_of(pid);
	assert_int_equal(mounts_new(&mounts), 0);
	assert_true(mounts_tick(mounts) == UINT64_MAX);
	before_ns = clock_now_ns();
	expect(mounts, &place, before_ns - 1, 1, "/real/x");		/* nobody had looked */
	expect(mounts, &place, clock_now_ns(), 0, "/real/x");
	assert_true(mounts_tick(mounts) <= NS_PER_SEC);
	assert_int_equal(mounts_host_path(mounts, &place, "/tmp", 0, small, sizeof(small)), -ENAMETOOLONG);

	before_ns = clock_now_ns();
	assert_true(go_on(fds[0]));		/* other mounts: noticed at once */
	expect(mounts, &place, before_ns, 1, "/other/x");
	expect(mounts, &place, clock_now_ns(), 0, "/other/x");
	before_ns = clock_now_ns();
	usleep(1100000);
	assert_true(mounts_tick(mounts) == UINT64_MAX);			/* it is not held */
	expect(mounts, &place, before_ns, 0, "/other/x");		/* the same when it is read again */
	before_ns = clock_now_ns();
	assert_true(go_on(fds[0]));
	expect(mounts, &place, before_ns, -EAGAIN, NULL);		/* it may have had a name then */
	expect(mounts, &place, clock_now_ns(), -ENOENT, NULL);

	another = place;
	another.mount_namespace++;
	expect(mounts, &another, 0, -ESRCH, NULL);
	c = 'y';
	assert_int_equal(write(fds[0], &c, 1), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	before_ns = clock_now_ns();
	expect(mounts, &place, before_ns, -EAGAIN, NULL);		/* it is still open, but nobody is there to be asked */
	usleep(1100000);
	assert_true(mounts_tick(mounts) == UINT64_MAX);
	expect(mounts, &place, before_ns, -EAGAIN, NULL);		/* it was so when somebody was there */
	expect(mounts, &place, clock_now_ns(), -ESRCH, NULL);		/* another may have its number by now */
	mounts_free(mounts);
	assert_int_equal(mounts_new(&mounts), 0);
	expect(mounts, &place, 0, -ESRCH, NULL);
	mounts_free(mounts);
	close(fds[0]);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(rmdir(below(folders[i])), 0);
	assert_int_equal(rmdir(base), 0);
}

/* More namespaces than are remembered, none of which is there: nothing is kept of them. */
static void many(void **state)
{
	struct path_place place = { .pids = { (uint32_t)getpid() }, .n_pids = 1 };
	struct mounts *mounts;
	char found[PATH_MAX];

	assert_int_equal(mounts_new(&mounts), 0);
	for (uint32_t i = 1; i < 300; i++) {
		place.mount_namespace = i;
		assert_true(mounts_host_path(mounts, &place, "/tmp", 0, found, sizeof(found)) < 0);
	}
	assert_null(mounts_free(NULL));
	mounts_free(mounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_with_its_own), cmocka_unit_test(many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
