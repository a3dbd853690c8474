/* Sockets of our own process, asked for as those of any. */

#include "source/socket_lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LOCAL htonl(INADDR_LOOPBACK)

static uint32_t own(void)
{
	return (uint32_t)getpid();
}

/* Whether this process may be asked so: not in every sandbox. */
static void skip_if_not_here(void)
{
	struct socket_ends ends;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = socket_lookup(own(), fd, &ends);

	close(fd);
	if (r == -EOPNOTSUPP)
		skip();
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 address;
	socklen_t size = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin6_port);	/* where sin_port is too */
}

static void test_ipv4(void **state)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = LOCAL };
	socklen_t size = sizeof(any);
	struct socket_ends ends, other;
	int waits, from, to;

	skip_if_not_here();
	waits = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(waits, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(waits, 1), 0);
	assert_int_equal(getsockname(waits, (struct sockaddr *)&any, &size), 0);
	assert_int_equal(connect(from, (struct sockaddr *)&any, sizeof(any)), 0);
	to = accept4(waits, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(socket_lookup(own(), from, &ends), 0);
	assert_int_equal(socket_lookup(own(), to, &other), 0);
	assert_int_equal(ends.local.ip_size, 4);
	assert_memory_equal(ends.local.ip, &(in_addr_t){ LOCAL }, 4);
	assert_int_equal(ends.local.port, port_of(from));
	assert_int_equal(ends.remote.port, port_of(waits));
	assert_memory_equal(&ends.local, &other.remote, sizeof(ends.local));
	assert_memory_equal(&ends.remote, &other.local, sizeof(ends.local));
	assert_int_equal(socket_lookup(own(), waits, &ends), 0);
	assert_int_equal(ends.local.port, port_of(waits));
	assert_int_equal(ends.remote.ip_size, 0);
	close(from);
	close(to);
	close(waits);
}

/* A socket of version 6 that talks to version 4. */
static void test_ipv6(void **state)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct socket_ends ends;
	int fd;

	skip_if_not_here();
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		skip();
	assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)), 0);
	assert_int_equal(socket_lookup(own(), fd, &ends), 0);
	assert_int_equal(ends.remote.ip_size, 4);
	assert_memory_equal(ends.remote.ip, &(in_addr_t){ LOCAL }, 4);
	assert_int_equal(ends.remote.port, 9);
	assert_int_equal(ends.local.ip_size, 4);
	close(fd);
}

static void test_none(void **state)
{
	struct socket_ends ends;
	int fd;

	skip_if_not_here();
	assert_int_equal(socket_lookup(own(), 10000, &ends), -EBADF);
	assert_int_equal(socket_lookup(UINT32_MAX / 2, 0, &ends), -ESRCH);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(socket_lookup(own(), fd, &ends), -ENOTSOCK);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(socket_lookup(own(), fd, &ends), -EAFNOSUPPORT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ipv4), cmocka_unit_test(test_ipv6), cmocka_unit_test(test_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
