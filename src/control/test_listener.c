/* Who gets the path: a socket file without a listener is replaced, one with a listener and any other file
 * is not. */

#include "control/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macro.h"

struct folder {
	char path[64];
	char socket[80];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/recorder-listener-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->socket, sizeof(folder->socket), "%s/r.sock", folder->path);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;
	int r;

	unlink(folder->socket);
	r = rmdir(folder->path);	/* fails if anything else was left behind */
	free(folder);
	return r;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	strcpy(address.sun_path, path);
	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void test_mode(void **state)
{
	const struct folder *folder = *state;
	mode_t mask = umask(0);
	struct listener listener;
	struct stat st;

	assert_int_equal(listener_open(&listener, folder->socket), 0);
	umask(mask);
	assert_int_equal(lstat(folder->socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(listener.fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(connect_to(folder->socket), 0);
	listener_close(&listener);
	assert_false(exists(folder->socket));
	listener_close(&listener);
}

static void test_stale(void **state)
{
	const struct folder *folder = *state;
	struct listener dead, listener;

	assert_int_equal(listener_open(&dead, folder->socket), 0);
	close(dead.fd);	/* as if its daemon had been killed */
	assert_true(exists(folder->socket));
	assert_int_equal(connect_to(folder->socket), -ECONNREFUSED);

	assert_int_equal(listener_open(&listener, folder->socket), 0);
	assert_int_equal(connect_to(folder->socket), 0);
	listener_close(&listener);
	assert_false(exists(folder->socket));
}

/* One whose file was removed under it does not remove that of its successor. */
static void test_removed_file(void **state)
{
	const struct folder *folder = *state;
	struct listener first, second;

	assert_int_equal(listener_open(&first, folder->socket), 0);
	unlink(folder->socket);
	assert_int_equal(listener_open(&second, folder->socket), 0);
	listener_close(&first);
	assert_int_equal(connect_to(folder->socket), 0);
	unlink(folder->socket);
	listener_close(&second);
}

static void test_taken(void **state)
{
	const struct folder *folder = *state;
	struct listener first, second;
	int fds[4096], n = 0;

	assert_int_equal(listener_open(&first, folder->socket), 0);
	assert_int_equal(listener_open(&second, folder->socket), -EADDRINUSE);
	assert_int_equal(connect_to(folder->socket), 0);
	/* With its queue of connections full it is still there. */
	while (n < (int)ARRAY_SIZE(fds)) {
		struct sockaddr_un address = first.address;

		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fds[n] < 0 || connect(fds[n++], (struct sockaddr *)&address, sizeof(address)) < 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(listener_open(&second, folder->socket), -EADDRINUSE);
	while (n > 0)
		close(fds[--n]);
	listener_close(&first);
}

static void test_other_files(void **state)
{
	const struct folder *folder = *state;
	struct listener listener;
	int fd = open(folder->socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	assert_int_equal(listener_open(&listener, folder->socket), -EEXIST);
	assert_true(exists(folder->socket));
	unlink(folder->socket);

	assert_int_equal(symlink("/nowhere/at/all", folder->socket), 0);
	assert_int_equal(listener_open(&listener, folder->socket), -EEXIST);
	assert_true(exists(folder->socket));
	unlink(folder->socket);

	assert_int_equal(mkdir(folder->socket, 0700), 0);
	assert_int_equal(listener_open(&listener, folder->socket), -EEXIST);
	assert_int_equal(rmdir(folder->socket), 0);
}

static void test_paths(void **state)
{
	char path[200];
	struct listener listener;

	assert_int_equal(listener_open(&listener, ""), -EINVAL);
	assert_int_equal(listener_open(&listener, "/nowhere/at/all/r.sock"), -ENOENT);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	assert_int_equal(listener_open(&listener, path), -ENAMETOOLONG);
}

/* Listens, if it gets the path, until the end is told; says who it was: 1 a winner, 0 a loser. */
static void run_rival(const char *path, int go, int result, int end)
{
	struct listener listener;
	char byte = 0;
	ssize_t n;
	int r;

	n = read(go, &byte, 1);
	r = listener_open(&listener, path);
	byte = r == 0 ? 1 : r == -EADDRINUSE ? 0 : 99;
	n = write(result, &byte, 1);
	n = read(end, &byte, 1);
	_exit(n == 0 ? 0 : 1);
}

/* Four daemons start at once over a stale file, again and again: always exactly one gets it. */
static void test_race(void **state)
{
	const struct folder *folder = *state;

	for (unsigned round = 0; round < 25; round++) {
		int go[2], result[2], end[2], n_won = 0;
		struct listener dead;

		assert_int_equal(listener_open(&dead, folder->socket), 0);
		close(dead.fd);
		assert_int_equal(pipe(go) + pipe(result) + pipe(end), 0);
		for (unsigned i = 0; i < 4; i++) {
			if (fork() == 0) {
				close(go[1]);
				close(end[1]);
				run_rival(folder->socket, go[0], result[1], end[0]);
			}
		}
		close(go[1]);
		for (unsigned i = 0; i < 4; i++) {
			char won;

			assert_int_equal(read(result[0], &won, 1), 1);
			n_won += won;
		}
		close(end[1]);
		for (unsigned i = 0; i < 4; i++)
			assert_true(wait(NULL) > 0);
		assert_int_equal(n_won, 1);
		close(go[0]);
		close(result[0]);
		close(result[1]);
		close(end[0]);
	}
}

/* Somebody who holds a lock on the folder delays the start, and does not prevent it. */
static void test_locked_folder(void **state)
{
	const struct folder *folder = *state;
	struct listener listener;
	int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(listener_open(&listener, folder->socket), 0);
	close(fd);
	listener_close(&listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mode, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_stale, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_removed_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_taken, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_other_files, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_race, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_locked_folder, make_folder, remove_folder),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
