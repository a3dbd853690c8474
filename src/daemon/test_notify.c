/* Against a socket of ours, as a service manager has it. */

#include "daemon/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct manager {
	int fd;
	char dir[64], path[80];
	char heard[512];
};

static void listen_at(struct manager *m, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = strlen(path);

	memcpy(address.sun_path, path, size);
	if (*path == '@')
		address.sun_path[0] = 0;
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(m->fd >= 0);
	assert_int_equal(bind(m->fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
}

static int set_up(void **state)
{
	static struct manager m;

	m = (struct manager){ .fd = -1, .dir = "/tmp/test-notify-XXXXXX" };
	assert_non_null(mkdtemp(m.dir));
	snprintf(m.path, sizeof(m.path), "%s/socket", m.dir);
	*state = &m;
	return 0;
}

static int tear_down(void **state)
{
	struct manager *m = *state;

	if (m->fd >= 0)
		close(m->fd);
	unlink(m->path);
	rmdir(m->dir);
	return 0;
}

/* The next datagram; "" if there is none. */
static const char *heard(struct manager *m)
{
	ssize_t n = recv(m->fd, m->heard, sizeof(m->heard) - 1, 0);

	m->heard[n > 0 ? n : 0] = 0;
	return m->heard;
}

static void test_says(void **state)
{
	struct manager *m = *state;
	struct notify notify;

	listen_at(m, m->path);
	assert_int_equal(notify_open(&notify), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_int_equal(notify.watchdog_ns, 0);
	notify_send(&notify, "READY=1");
	assert_string_equal(heard(m), "READY=1");
	notify_status(&notify, "Recording with %s", "a\nREADY=1");
	assert_string_equal(heard(m), "STATUS=Recording with a?READY=1");
	notify_status(&notify, "Recording with %s", "a\nREADY=1");
	assert_string_equal(heard(m), "");
	notify_status(&notify, "Idle");
	assert_string_equal(heard(m), "STATUS=Idle");
	notify_reloading(&notify);
	assert_memory_equal(heard(m), "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_close(&notify);
	notify_send(&notify, "READY=1");
	assert_string_equal(heard(m), "");
}

static void test_abstract_socket(void **state)
{
	struct manager *m = *state;
	struct notify notify;
	char name[64];

	snprintf(name, sizeof(name), "@test-notify-%d", (int)getpid());
	listen_at(m, name);
	assert_int_equal(notify_open(&notify), 0);
	notify_send(&notify, "STOPPING=1");
	assert_string_equal(heard(m), "STOPPING=1");
	notify_close(&notify);
}

static void test_watchdog(void **state)
{
	struct manager *m = *state;
	struct notify notify;
	char pid[32];

	listen_at(m, m->path);
	setenv("WATCHDOG_USEC", "30000000", 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_open(&notify), 0);
	assert_int_equal(notify.watchdog_ns, 30 * NS_PER_SEC);
	assert_null(getenv("WATCHDOG_USEC"));
	notify_close(&notify);

	setenv("NOTIFY_SOCKET", m->path, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);		/* of the shell that started us, say */
	assert_int_equal(notify_open(&notify), 0);
	assert_int_equal(notify.watchdog_ns, 0);
	notify_close(&notify);
}

static void test_nobody_there(void **state)
{
	const struct manager *m = *state;
	struct notify notify;

	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_open(&notify), 0);
	assert_int_equal(notify.fd, -1);
	assert_int_equal(notify.watchdog_ns, 0);
	notify_send(&notify, "READY=1");

	setenv("NOTIFY_SOCKET", m->path, 1);
	assert_int_equal(notify_open(&notify), -ENOENT);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_int_equal(notify_open(&notify), -EAFNOSUPPORT);
	assert_int_equal(notify.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_abstract_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watchdog, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
