/* Real sockets: who is answered, who is turned away, and the end of the server. */

#include "control/test_fixture.h"

static void test_requests(void **state)
{
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ 0 });
	fd = dial(f->path);
	assert_true(say_text(f, fd, STATUS));
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	assert_true(say_text(f, fd, "{\"command\":\"test.statsu\"}\r\n"));
	expect_error(f, fd, "unknown_command");
	assert_true(say(f, fd, "\x80\0{}[[[\n\n", 9));
	expect_error(f, fd, "bad_request");
	expect_error(f, fd, "bad_request");
	/* In single bytes, and the connection lives on after errors. */
	for (const char *p = STATUS; *p; p++)
		assert_true(say(f, fd, p, 1));
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	assert_int_equal(count(f).requests, 5);
	close(fd);
}

static void test_pipelined(void **state)
{
	struct fixture *f = *state;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int fd;

	serve(f, (struct server_options){ 0 });
	fd = dial(f->path);
	for (unsigned i = 0; i < 5000; i++)
		buffer_printf(&text, "{\"command\":\"test.count\",\"n\":%u}\n", i);
	assert_true(say(f, fd, text.data, text.size));
	for (unsigned i = 1; i <= 5000; i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "{\"ok\":true,\"result\":%u}", i);
		assert_string_equal(hear(f, fd), expected);
	}
	close(fd);
}

static void test_many_clients(void **state)
{
	struct fixture *f = *state;
	int fds[250];

	serve(f, (struct server_options){ 0 });
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial(f->path);
		assert_int_equal(send(fds[i], STATUS, sizeof(STATUS) - 1, MSG_NOSIGNAL), sizeof(STATUS) - 1);
		turn(f);
	}
	turn_for(f, 20);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (i < 200)
			assert_string_equal(hear(f, fds[i]), STATUS_ANSWER);
		else
			expect_error(f, fds[i], "busy");
	}
	assert_int_equal(count(f).too_many, 50);
	close(fds[7]);
	turn_for(f, 10);
	fds[7] = dial(f->path);
	assert_true(say_text(f, fds[7], STATUS));
	assert_string_equal(hear(f, fds[7]), STATUS_ANSWER);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	turn_for(f, 20);
}

/* As another user: the mode of the socket keeps him out, and where it does not his credentials do. */
static void test_other_user(void **state)
{
	struct fixture *f = *state;
	int status;

	if (geteuid() != 0) {
		print_message("needs root to become another user\n");
		skip();
	}
	serve(f, (struct server_options){ 0 });
	assert_int_equal(chmod(f->folder, 0755), 0);
	for (unsigned open_to_all = 0; open_to_all < 2; open_to_all++) {
		pid_t child;

		if (open_to_all)
			assert_int_equal(chmod(f->path, 0666), 0);
		child = fork();
		if (child == 0) {
			struct sockaddr_un address = { .sun_family = AF_UNIX };
			int fd = socket(AF_UNIX, SOCK_STREAM, 0);
			char answer[512] = "";

			strcpy(address.sun_path, f->path);
			if (setgid(65534) < 0 || setuid(65534) < 0)
				_exit(9);
			if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
				_exit(errno == EACCES ? 1 : 8);
			send(fd, STATUS, sizeof(STATUS) - 1, MSG_NOSIGNAL);
			if (recv(fd, answer, sizeof(answer) - 1, 0) <= 0)
				_exit(7);
			_exit(strstr(answer, "\"code\":\"permission\"") ? 2 : 6);
		}
		while (waitpid(child, &status, WNOHANG) == 0)
			turn(f);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), open_to_all ? 2 : 1);
	}
	assert_int_equal(count(f).not_permitted, 1);
	assert_int_equal(count(f).requests, 0);
}

static void on_deadline(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
}

/* Without a descriptor for it a client waits and is not lost, and the server does not spin meanwhile. */
static void test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, few;
	int fd, fillers[64];
	unsigned n = 0, n_turns = 0;
	uv_timer_t deadline;

	serve(f, (struct server_options){ 0 });
	turn(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ .rlim_cur = 48, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	fd = dial(f->path);
	assert_int_equal(send(fd, STATUS, sizeof(STATUS) - 1, 0), sizeof(STATUS) - 1);
	while (n < ARRAY_SIZE(fillers) && (fillers[n] = dup(fd)) >= 0)
		n++;
	uv_timer_init(&f->loop, &deadline);
	uv_timer_start(&deadline, on_deadline, 350, 0);
	while (!uv_is_closing((uv_handle_t *)&deadline)) {
		uv_run(&f->loop, UV_RUN_ONCE);	/* sleeps until something happens */
		n_turns++;
	}
	turn(f);
	while (n > 0)
		close(fillers[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_in_range(n_turns, 1, 20);
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	close(fd);
}

static void test_two_servers(void **state)
{
	struct fixture *f = *state;
	struct server_options options = { .loop = &f->loop, .path = f->path };
	struct server *second = NULL;
	int fd;

	serve(f, (struct server_options){ 0 });
	assert_int_equal(server_new(&second, &options), -EADDRINUSE);
	assert_null(second);
	fd = dial(f->path);
	assert_true(say_text(f, fd, STATUS));
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	close(fd);

	/* After the first is gone, also with its socket file left over. */
	f->server = server_free(f->server);
	uv_run(&f->loop, UV_RUN_ONCE);
	serve(f, (struct server_options){ 0 });
}

static void test_free_with_clients(void **state)
{
	struct fixture *f = *state;
	int ordinary, streaming, half;

	serve(f, (struct server_options){ 0 });
	ordinary = dial(f->path);
	half = dial(f->path);
	streaming = dial(f->path);
	assert_true(say_text(f, streaming, TAIL));
	assert_true(say_text(f, half, "{"));
	assert_true(say_text(f, ordinary, STATUS));
	assert_string_equal(hear(f, ordinary), STATUS_ANSWER);
	assert_string_equal(hear(f, streaming), STREAMS);
	assert_true(client_send(f->streaming, SPAN("last words\n")));
	f->server = server_free(f->server);
	assert_int_equal(f->n_gone, 1);
	uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(uv_loop_alive(&f->loop), 0);
	assert_string_equal(hear(f, streaming), "last words");
	assert_string_equal(hear(f, streaming), "EOF");
	assert_string_equal(hear(f, ordinary), "EOF");
	close(ordinary);
	close(half);
	close(streaming);
}

static void test_free_from_a_command(void **state)
{
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ 0 });
	fd = dial(f->path);
	assert_true(say_text(f, fd, STATUS "{\"command\":\"test.stop\"}\n" STATUS));
	turn_for(f, 10);
	assert_int_equal(f->n_runs, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_requests),
		TEST(test_pipelined),
		TEST(test_many_clients),
		TEST(test_other_user),
		TEST(test_no_descriptors),
		TEST(test_two_servers),
		TEST(test_free_with_clients),
		TEST(test_free_from_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
