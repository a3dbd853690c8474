/* A program that is asked for digests, and says all sorts of things. */

#include "source/file_info.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define MD5    "00112233445566778899aabbccddeeff"
#define SHA1   MD5 "01234567"
#define SHA256 MD5 MD5

static char folder[] = "/tmp/recorder-test-XXXXXX", path[64];
static int waits;
static char asked[1024];
static const struct file_stamp version = { .device = 1, .inode = 2, .size = 3, .mtime_ns = 4, .ctime_ns = 5 };

/* Answers that many connections, one question each time, then hangs up. */
struct server {
	pthread_t thread;
	const char *answers[4];
	unsigned n;
	bool keeps;			/* the connection, for all questions */
};

static void *serve(void *user)
{
	struct server *server = user;
	int fd = -1;

	for (unsigned i = 0; i < server->n; i++) {
		ssize_t n;

		if (fd < 0)
			fd = accept(waits, NULL, NULL);
		n = recv(fd, asked, sizeof(asked) - 1, 0);
		asked[n > 0 ? n : 0] = 0;
		if (server->answers[i])
			(void)!send(fd, server->answers[i], strlen(server->answers[i]), MSG_NOSIGNAL);
		if (server->keeps)
			continue;
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void begin(struct server *server)
{
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void end(struct server *server)
{
	pthread_join(server->thread, NULL);
}

static int set_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.sock", folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	waits = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(waits, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(waits, 4) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	close(waits);
	unlink(path);
	return rmdir(folder);
}

static void test_answers(void **state)
{
	static const struct {
		const char *answer;
		int expected;
	} cases[] = {
		{ "{\"ok\":true,\"md5\":\"" MD5 "\",\"sha1\":\"" SHA1 "\",\"sha256\":\"" SHA256 "\"}\n", 0 },
		{ "{\"ok\":true,\"sha256\":\"" SHA256 "\",\"more\":[1]}\n", 0 },
		{ "{\"ok\":false,\"error\":\"never heard of\"}\n", -ENODATA },
		{ "{\"ok\":true,\"md5\":\"" MD5 "\"}\n", -EBADMSG },			/* no SHA-256 */
		{ "{\"ok\":true,\"sha256\":\"" MD5 "\"}\n", -EBADMSG },			/* too short */
		{ "{\"ok\":true,\"sha256\":\"" SHA256 "\",\"md5\":7}\n", -EBADMSG },
		{ "{\"ok\":true,\"sha256\":\"zz" MD5 MD5 "\"}\n", -EBADMSG },
		{ "{\"ok\":true,\"ok\":true,\"sha256\":\"" SHA256 "\"}\n", -EBADMSG },
		{ "{\"ok\":\"yes\"}\n", -EBADMSG },
		{ "[]\n", -EBADMSG },
		{ "\n", -EBADMSG },
		{ "{\"ok\":false}\n{\"ok\":false}\n", -EBADMSG },			/* twice */
		{ "{\"ok\":tr", -EPIPE },
		{ NULL, -EPIPE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server server = { .answers = { cases[i].answer }, .n = 1 };
		_cleanup_(file_info_freep) struct file_info *info = NULL;
		struct digest digest;

		begin(&server);
		assert_int_equal(file_info_new(&info, path), 0);
		assert_int_equal(file_info_ask(info, "/bin/l\"s", &version, 1, &digest), cases[i].expected);
		end(&server);
		assert_string_equal(asked, "{\"command\":\"file-info\",\"path\":\"/bin/l\\\"s\",\"device\":1,\"inode\":2,\"size\":3,\"mtime\":4,"
					   "\"ctime\":5}\n");
		if (cases[i].expected == 0) {
			assert_int_equal(digest.sha256[1], 0x11);
			assert_int_equal(digest.sha256[31], 0xff);
			assert_int_equal(digest.md5[1], i == 0 ? 0x11 : 0);
		}
	}
}

/* A failure is remembered for a while; one connection is for many questions, and one that has gone is made anew. */
static void test_again(void **state)
{
	static const char no[] = "{\"ok\":false}\n";
	_cleanup_(file_info_freep) struct file_info *info = NULL;
	struct server first = { .answers = { no, no }, .n = 2, .keeps = true }, second = { .answers = { no }, .n = 1 };
	struct digest digest;

	assert_int_equal(file_info_new(&info, path), 0);
	begin(&first);
	assert_int_equal(file_info_ask(info, "/a", &version, 1, &digest), -ENODATA);
	assert_int_equal(file_info_ask(info, "/a", &version, 2, &digest), -ENODATA);
	end(&first);
	begin(&second);
	assert_int_equal(file_info_ask(info, "/a", &version, 3, &digest), -ENODATA);	/* it was started again */
	end(&second);
	assert_int_equal(file_info_ask(info, "/\xff", &version, 4, &digest), -ENODATA);
	info = file_info_free(info);

	assert_int_equal(file_info_new(&info, "/nonexistent/x.sock"), 0);
	assert_int_equal(file_info_ask(info, "/a", &version, 1, &digest), -ENOENT);
	assert_int_equal(file_info_ask(info, "/a", &version, FILE_INFO_BACKOFF_NS, &digest), -EAGAIN);
	assert_int_equal(file_info_ask(info, "/a", &version, FILE_INFO_BACKOFF_NS + 1, &digest), -ENOENT);
}

/* Without end. */
static void test_too_long(void **state)
{
	static char answer[8192];
	_cleanup_(file_info_freep) struct file_info *info = NULL;
	struct server server = { .answers = { answer }, .n = 1 };
	struct digest digest;

	memset(answer, ' ', sizeof(answer) - 1);
	begin(&server);
	assert_int_equal(file_info_new(&info, path), 0);
	assert_int_equal(file_info_ask(info, "/a", &version, 1, &digest), -EBADMSG);
	end(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers), cmocka_unit_test(test_again), cmocka_unit_test(test_too_long) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
