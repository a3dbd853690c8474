#pragma once
/* A server in the loop of the test, its commands, and clients with plain sockets in the same thread. */

#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/macro.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* as in the build; the check of headers has it on */

#define STATUS "{\"command\":\"test.status\"}\n"
#define STATUS_ANSWER "{\"ok\":true,\"result\":{\"state\":\"idle\"}}"
#define TAIL "{\"command\":\"test.tail\"}\n"
#define OK "{\"ok\":true,\"result\":null}"
#define STREAMS "{\"ok\":true,\"result\":null,\"streaming\":true}"

struct fixture {
	char folder[64];
	char path[80];
	uv_loop_t loop;
	struct server *server;
	struct client *streaming;	/* the last that ran test.tail */
	unsigned n_runs, n_tails, n_gone, n_drained;
	unsigned n_to_send;		/* lines, one whenever the client has taken all before it */
};

/* Commands */

static void run_status(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct fixture *f = user;

	f->n_runs++;
	buffer_append_text(&reply->result, "{\"state\":\"idle\"}");
}

static void run_count(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	buffer_printf(&reply->result, "%lld", json_integer_value(json_object_get(request, "n")) + 1);
}

/* As many bytes as it is asked for. */
static void run_large(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	size_t n = (size_t)json_integer_value(json_object_get(request, "n"));
	char *p = buffer_reserve(&reply->result, n);

	memset(p, 'x', n);
	p[0] = p[n - 1] = '"';
	reply->result.size = n;
}

static void run_tail(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct fixture *f = user;
	long long n = json_integer_value(json_object_get(request, "backlog"));

	for (long long i = 0; i < n; i++)
		assert_true(client_send(client, SPAN("{\"early\":1}\n")));
	f->n_tails++;
	f->streaming = client;
	reply->streaming = true;
}

static void run_stop(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct fixture *f = user;

	f->server = server_free(f->server);
}

static const struct command commands[] = {
	{ "test.status", NULL, run_status }, { "test.count", "n", run_count }, { "test.large", "n", run_large },
	{ "test.tail", "backlog", run_tail }, { "test.stop", NULL, run_stop },
};

static void gone(void *user, struct client *client)
{
	struct fixture *f = user;

	f->n_gone++;
	assert_false(client_send(client, SPAN("late\n")));
	if (f->streaming == client)
		f->streaming = NULL;
}

static void drained(void *user, struct client *client)
{
	struct fixture *f = user;

	f->n_drained++;
	if (f->n_to_send == 0)
		return;
	f->n_to_send--;
	assert_true(client_send(client, SPAN("one\n")));
}

/* Fixture */

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/recorder-server-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/r.sock", f->folder);
	*state = f;
	return uv_loop_init(&f->loop);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r;

	f->server = server_free(f->server);
	uv_run(&f->loop, UV_RUN_ONCE);
	r = uv_loop_close(&f->loop);	/* UV_EBUSY if a handle was left */
	if (rmdir(f->folder) < 0)	/* the socket was removed */
		r = -1;
	free(f);
	return r;
}

static void serve(struct fixture *f, struct server_options options)
{
	options.loop = &f->loop;
	options.path = f->path;
	options.commands = commands;
	options.n_commands = ARRAY_SIZE(commands);
	options.user = f;
	options.gone = gone;
	options.drained = drained;
	assert_int_equal(server_new(&f->server, &options), 0);
}

/* Clients */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void turn(struct fixture *f)
{
	if (uv_run(&f->loop, UV_RUN_NOWAIT) >= 0)
		usleep(100);
}

static void turn_for(struct fixture *f, uint64_t ms)
{
	uint64_t end = now_ms() + ms;

	/* Also after a long sleep of the machine the loop gets its turns. */
	for (unsigned i = 0; i < 20 || now_ms() < end; i++)
		turn(f);
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* All of it, unless the server closes. */
static bool say(struct fixture *f, int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
		turn(f);
	}
	return true;
}

static bool say_text(struct fixture *f, int fd, const char *text)
{
	return say(f, fd, text, strlen(text));
}

/* The next line without its newline; "EOF" or "RESET"; "SILENCE" after ms. */
static const char *hear_for(struct fixture *f, int fd, uint64_t ms)
{
	static char line[8 << 20];
	uint64_t end = now_ms() + ms;
	size_t n = 0;

	while (now_ms() < end) {
		/* Peeked at in pieces, so that no byte of the next line is taken. */
		ssize_t got = recv(fd, line + n, MIN(sizeof(line) - 1 - n, (size_t)65536), MSG_PEEK);
		char *newline = got > 0 ? memchr(line + n, '\n', (size_t)got) : NULL;

		if (got == 0)
			return "EOF";
		if (got < 0 && errno == ECONNRESET)
			return "RESET";
		if (got > 0) {
			size_t take = newline ? (size_t)(newline + 1 - line) - n : (size_t)got;

			assert_int_equal(recv(fd, line + n, take, 0), take);
			n += take;
		}
		if (newline) {
			line[n - 1] = '\0';
			return line;
		}
		turn(f);
	}
	return "SILENCE";
}

static const char *hear(struct fixture *f, int fd)
{
	return hear_for(f, fd, 5000);
}

static void expect_error(struct fixture *f, int fd, const char *code)
{
	char start[80];

	snprintf(start, sizeof(start), "{\"ok\":false,\"error\":{\"code\":\"%s\",", code);
	assert_memory_equal(hear(f, fd), start, strlen(start));
}

static struct server_counters count(const struct fixture *f)
{
	struct server_counters counters;

	server_count(f->server, &counters);
	return counters;
}
