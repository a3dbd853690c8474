/* Real sockets: slow, broken, greedy and hostile clients. */

#include "control/test_fixture.h"

/* A client that closes its sending half still gets its answers, also to a last line without a newline. */
static void test_half_closed(void **state)
{
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ 0 });
	fd = dial(f->path);
	assert_int_equal(send(fd, STATUS STATUS, sizeof(STATUS STATUS) - 2, 0), sizeof(STATUS STATUS) - 2);
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	assert_string_equal(hear(f, fd), "EOF");
	close(fd);

	fd = dial(f->path);
	assert_int_equal(send(fd, "{\"command\":\"test.large\",\"n\":3000000}\n", 37, 0), 37);
	shutdown(fd, SHUT_WR);
	turn_for(f, 20);
	assert_int_equal(strlen(hear(f, fd)), 3000000 + strlen("{\"ok\":true,\"result\":}"));
	assert_string_equal(hear(f, fd), "EOF");
	close(fd);

	/* Half a request is none. */
	fd = dial(f->path);
	assert_int_equal(send(fd, "{\"command\":\"test.st", 19, 0), 19);
	shutdown(fd, SHUT_WR);
	expect_error(f, fd, "bad_request");
	assert_string_equal(hear(f, fd), "EOF");
	close(fd);
	assert_int_equal(f->n_runs, 2);
}

/* Who sends a hundred requests at once has some of them answered, then others have their turn. */
static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	int greedy, modest;

	serve(f, (struct server_options){ .max_requests_a_turn = 3, .max_request_bytes = 100 });
	greedy = dial(f->path);
	modest = dial(f->path);
	turn(f);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(send(greedy, STATUS, sizeof(STATUS) - 1, 0), sizeof(STATUS) - 1);
	shutdown(greedy, SHUT_WR);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_in_range(f->n_runs, 1, 3);
	assert_int_equal(send(modest, STATUS, sizeof(STATUS) - 1, 0), sizeof(STATUS) - 1);
	assert_string_equal(hear(f, modest), STATUS_ANSWER);
	assert_in_range(f->n_runs, 4, 50);
	for (unsigned i = 0; i < 100; i++)
		assert_string_equal(hear(f, greedy), STATUS_ANSWER);
	assert_string_equal(hear(f, greedy), "EOF");
	close(greedy);
	close(modest);

	/* Also when the limit is raised meanwhile. */
	server_set_limits(f->server, 0, 1000);
	greedy = dial(f->path);
	turn(f);
	f->n_runs = 0;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(send(greedy, STATUS, sizeof(STATUS) - 1, 0), sizeof(STATUS) - 1);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->n_runs, 100);
	close(greedy);
}

static void test_timeout(void **state)
{
	struct fixture *f = *state;
	int silent, half, dripping, busy, streaming;
	uint64_t begin;

	serve(f, (struct server_options){ .timeout_ms = 500 });
	silent = dial(f->path);
	half = dial(f->path);
	dripping = dial(f->path);
	busy = dial(f->path);
	streaming = dial(f->path);
	begin = now_ms();
	assert_true(say_text(f, half, "{\"command\":"));
	assert_true(say_text(f, streaming, TAIL));
	assert_string_equal(hear(f, streaming), STREAMS);
	for (unsigned i = 0; now_ms() < begin + 900; i++) {
		send(dripping, " ", 1, MSG_NOSIGNAL);
		if (i % 2 == 0) {
			assert_true(say_text(f, busy, STATUS));
			assert_string_equal(hear(f, busy), STATUS_ANSWER);
		}
		turn_for(f, 20);
	}
	expect_error(f, silent, "timeout");
	assert_string_equal(hear(f, silent), "EOF");
	expect_error(f, half, "timeout");
	assert_string_equal(hear(f, half), "EOF");
	expect_error(f, dripping, "timeout");
	assert_true(client_send(f->streaming, SPAN("still here\n")));
	assert_string_equal(hear(f, streaming), "still here");
	assert_true(say_text(f, busy, STATUS));
	assert_string_equal(hear(f, busy), STATUS_ANSWER);
	assert_int_equal(count(f).timed_out, 3);
	close(silent);
	close(half);
	close(dripping);
	close(busy);
	close(streaming);
}

/* The loop was busy elsewhere for longer than the time-out: what had come by then counts. */
static void test_timeout_of_a_busy_loop(void **state)
{
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ .timeout_ms = 250 });
	fd = dial(f->path);
	turn_for(f, 10);
	assert_int_equal(send(fd, STATUS, sizeof(STATUS) - 1, 0), sizeof(STATUS) - 1);
	usleep(300 * 1000);
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	assert_int_equal(send(fd, TAIL, sizeof(TAIL) - 1, 0), sizeof(TAIL) - 1);
	usleep(300 * 1000);
	assert_string_equal(hear(f, fd), STREAMS);
	turn_for(f, 300);
	assert_true(client_send(f->streaming, SPAN("1\n")));
	assert_string_equal(hear(f, fd), "1");
	close(fd);
}

static void test_too_large(void **state)
{
	static char line[2 << 20];
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ 0 });
	memset(line, ' ', sizeof(line));

	fd = dial(f->path);
	/* Written to its end although it is refused half-way: the error can be read. */
	assert_true(say(f, fd, line, sizeof(line)));
	expect_error(f, fd, "too_large");
	assert_string_equal(hear(f, fd), "EOF");
	close(fd);

	/* The limit is exact: 1 MiB passes, one byte more does not. */
	for (size_t over = 0; over < 2; over++) {
		size_t size = ((size_t)1 << 20) + over;

		memcpy(line, STATUS, sizeof(STATUS) - 2);
		line[size] = '\n';
		fd = dial(f->path);
		assert_true(say(f, fd, line, size + 1));
		if (over == 0)
			assert_string_equal(hear(f, fd), STATUS_ANSWER);
		else
			expect_error(f, fd, "too_large");
		line[size] = ' ';
		close(fd);
	}
	assert_int_equal(count(f).too_large, 2);
	assert_int_equal(f->n_runs, 1);
	turn_for(f, 10);
}

/* One that goes on sending after it was refused is cut off. */
static void test_endless_line(void **state)
{
	static const char spaces[65536] = { 0 };
	struct fixture *f = *state;
	uint64_t begin = now_ms();
	int fd;

	serve(f, (struct server_options){ .max_request_bytes = 1000 });
	fd = dial(f->path);
	while (say(f, fd, spaces, sizeof(spaces)))
		assert_true(now_ms() < begin + 9000);
	expect_error(f, fd, "too_large");
	close(fd);
}

/* Asks and asks and never reads: no answers are made that nobody takes, and when its time is over it is closed. */
static void test_client_that_does_not_read(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;
	int fd;

	serve(f, (struct server_options){ .max_unsent_bytes = 1 << 20, .timeout_ms = 500 });
	fd = dial(f->path);
	while (say_text(f, fd, "{\"command\":\"test.large\",\"n\":100000}\n"))
		assert_true(++n < 100000);
	assert_int_equal(count(f).overrun, 0);
	assert_int_equal(count(f).timed_out, 1);
	assert_in_range(count(f).requests, 1, 10);
	close(fd);

	/* An answer that could never be sent is an error, not the end. */
	fd = dial(f->path);
	assert_true(say_text(f, fd, "{\"command\":\"test.large\",\"n\":2000000}\n" STATUS));
	expect_error(f, fd, "too_large");
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	close(fd);
}

static void test_streaming(void **state)
{
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ 0 });
	fd = dial(f->path);
	/* Lines that the command sent before its reply was written come after it. */
	assert_true(say_text(f, fd, "{\"command\":\"test.tail\",\"backlog\":2}\n \r\n"));
	assert_string_equal(hear(f, fd), STREAMS);
	assert_string_equal(hear(f, fd), "{\"early\":1}");
	assert_string_equal(hear(f, fd), "{\"early\":1}");
	for (unsigned i = 0; i < 1000; i++) {
		char line[32];

		snprintf(line, sizeof(line), "{\"n\":%u}\n", i);
		assert_true(client_send(f->streaming, span_of(line)));
	}
	for (unsigned i = 0; i < 1000; i++) {
		char line[32];

		snprintf(line, sizeof(line), "{\"n\":%u}", i);
		assert_string_equal(hear(f, fd), line);
	}
	/* It may not ask for more. */
	assert_int_equal(f->n_gone, 0);
	assert_true(say_text(f, fd, STATUS));
	expect_error(f, fd, "streaming");
	assert_string_equal(hear(f, fd), "EOF");
	assert_int_equal(f->n_gone, 1);
	close(fd);

	fd = dial(f->path);
	assert_true(say_text(f, fd, TAIL STATUS));
	assert_string_equal(hear(f, fd), STREAMS);
	expect_error(f, fd, "streaming");
	assert_int_equal(f->n_gone, 2);
	assert_int_equal(f->n_runs, 0);
	close(fd);
}

static void test_streaming_client_that_does_not_read(void **state)
{
	static char line[10000], large[2 << 20];
	struct fixture *f = *state;
	unsigned n_sent = 0, n_heard = 0;
	int fd;

	serve(f, (struct server_options){ .max_unsent_bytes = 1 << 20 });
	fd = dial(f->path);
	assert_true(say_text(f, fd, TAIL));
	assert_string_equal(hear(f, fd), STREAMS);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	while (client_send(f->streaming, (struct span){ line, sizeof(line) }))
		assert_true(++n_sent < 1000);
	assert_in_range(n_sent, 100, 300);
	for (unsigned i = 0; i < 100; i++)
		assert_false(client_send(f->streaming, (struct span){ line, sizeof(line) }));
	turn_for(f, 20);
	assert_int_equal(f->n_gone, 0);
	/* When it reads again it gets all that was accepted, and can have more. */
	while (n_heard < n_sent) {
		assert_int_equal(strlen(hear(f, fd)), sizeof(line) - 1);
		n_heard++;
	}
	assert_string_equal(hear_for(f, fd, 20), "SILENCE");
	assert_true(client_send(f->streaming, SPAN("more\n")));
	assert_string_equal(hear(f, fd), "more");
	/* What is larger than all that is allowed goes alone. */
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\n';
	assert_true(client_send(f->streaming, (struct span){ large, sizeof(large) }));
	assert_false(client_send(f->streaming, (struct span){ large, sizeof(large) }));
	assert_false(client_send(f->streaming, (struct span){ line, sizeof(line) }));
	close(fd);
}

static void test_streaming_client_that_vanishes(void **state)
{
	struct fixture *f = *state;
	struct client *client;
	int fd;

	serve(f, (struct server_options){ 0 });
	/* Noticed without anything to send. */
	fd = dial(f->path);
	assert_true(say_text(f, fd, TAIL));
	assert_string_equal(hear(f, fd), STREAMS);
	close(fd);
	turn_for(f, 20);
	assert_int_equal(f->n_gone, 1);

	/* In the middle of sending: gone comes from the loop, not from client_send. */
	fd = dial(f->path);
	assert_true(say_text(f, fd, TAIL));
	assert_string_equal(hear(f, fd), STREAMS);
	client = f->streaming;
	close(fd);
	assert_false(client_send(client, SPAN("1\n")));
	assert_false(client_send(client, SPAN("2\n")));
	assert_int_equal(f->n_gone, 1);
	turn_for(f, 20);
	assert_int_equal(f->n_gone, 2);

	/* It still holds its socket but cannot be written to. */
	fd = dial(f->path);
	assert_true(say_text(f, fd, TAIL));
	assert_string_equal(hear(f, fd), STREAMS);
	shutdown(fd, SHUT_RD);
	assert_false(client_send(f->streaming, SPAN("1\n")));
	assert_int_equal(f->n_gone, 2);
	turn_for(f, 20);
	assert_int_equal(f->n_gone, 3);
	close(fd);

	/* Asked to stream with its last breath. */
	fd = dial(f->path);
	assert_int_equal(send(fd, TAIL, sizeof(TAIL) - 2, 0), sizeof(TAIL) - 2);
	close(fd);
	turn_for(f, 20);
	assert_int_equal(f->n_gone, 4);
}

/* What stands in the way of its first answer ends a stream too, and whoever feeds it must know. */
static void test_stream_that_never_began(void **state)
{
	static const char large[] = "{\"command\":\"test.large\",\"n\":14990}\n",
			  tail[] = "{\"command\":\"test.tail\",\"backlog\":4000}\n";
	struct fixture *f = *state;
	unsigned n_never_began = 0;

	serve(f, (struct server_options){ .max_unsent_bytes = 60000, .max_requests_a_turn = 100 });
	/* More and more unread answers before it: at some number it is the one too many. */
	for (unsigned n = 0; n < 30; n++) {
		struct server_counters before = count(f);
		unsigned n_tails = f->n_tails;
		int fd = dial(f->path);

		for (unsigned i = 0; i < n; i++)
			send(fd, large, sizeof(large) - 1, MSG_NOSIGNAL);
		send(fd, tail, sizeof(tail) - 1, MSG_NOSIGNAL);
		turn_for(f, 2);
		n_never_began += f->n_tails > n_tails && count(f).overrun > before.overrun;
		close(fd);
		turn_for(f, 2);
		assert_int_equal(f->n_gone, f->n_tails);
	}
	assert_true(n_never_began > 0);
}

/* It is fed as fast as it reads, and its end is a line and an end of file. */
static void test_finish(void **state)
{
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ .timeout_ms = 200 });
	fd = dial(f->path);
	f->n_to_send = 5;
	assert_true(say_text(f, fd, TAIL));
	assert_string_equal(hear(f, fd), STREAMS);
	for (unsigned i = 0; i < 5; i++) {
		if (i > 0)
			assert_true(say_text(f, fd, "\n"));	/* a turn of the loop */
		assert_string_equal(hear(f, fd), "one");
	}
	assert_true(f->n_drained >= 5);
	assert_true(client_send(f->streaming, SPAN("last\n")));
	client_finish(f->streaming);
	assert_int_equal(f->n_gone, 1);
	assert_string_equal(hear(f, fd), "last");
	assert_string_equal(hear(f, fd), "EOF");
	close(fd);
	turn_for(f, 20);
	assert_int_equal(f->n_gone, 1);
}

/* One that does not read to the end does not stay. */
static void test_finish_of_one_that_does_not_read(void **state)
{
	static char line[1 << 20];
	struct fixture *f = *state;
	int fd;

	serve(f, (struct server_options){ .timeout_ms = 100, .max_clients = 1 });
	fd = dial(f->path);
	assert_true(say_text(f, fd, TAIL));
	assert_string_equal(hear(f, fd), STREAMS);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_true(client_send(f->streaming, (struct span){ line, sizeof(line) }));
	client_finish(f->streaming);
	turn_for(f, 300);
	close(fd);
	fd = dial(f->path);
	assert_true(say_text(f, fd, STATUS));
	assert_string_equal(hear(f, fd), STATUS_ANSWER);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_half_closed),
		TEST(test_many_at_once),
		TEST(test_timeout),
		TEST(test_timeout_of_a_busy_loop),
		TEST(test_too_large),
		TEST(test_endless_line),
		TEST(test_client_that_does_not_read),
		TEST(test_streaming),
		TEST(test_streaming_client_that_does_not_read),
		TEST(test_streaming_client_that_vanishes),
		TEST(test_stream_that_never_began),
		TEST(test_finish),
		TEST(test_finish_of_one_that_does_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
