/* A client of the daemon. Lines are bounded: a daemon that has gone mad must not take the memory of its
 * reader. */

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/client.h"

#define LINE_MAX_BYTES (32u << 20)
#define READ_BYTES (64u << 10)
#define ANSWER_SECONDS 10		/* a daemon that is stopped, or hangs, is not waited for for ever */

struct client_connection {
	int fd;
	struct buffer in;
	size_t begin;			/* of what was not handed out */
	size_t searched;		/* no newline before this */
	bool streams;
};

#define CONNECT_S 10

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* One that hangs accepts nobody: then the queue of those who wait is full at some time. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = CONNECT_S }, sizeof(struct timeval));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int client_probe(const char *socket_path)
{
	int fd = connect_to(socket_path);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 1 : fd == -ENOENT || fd == -ECONNREFUSED ? 0 : fd;
}

int client_open(struct client_connection **ret, const char *socket_path)
{
	struct client_connection *client;
	int fd = connect_to(socket_path);

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return cli_fail(CLI_NO_DAEMON,
				"the recorder is not running: nobody listens at %s (start it, or name its "
				"directory with --state DIR)",
				socket_path);
	if (fd == -EACCES || fd == -EPERM)
		return cli_fail(CLI_PERMISSION,
				"cannot talk to the recorder at %s: permission denied (sudo?)", socket_path);
	if (fd < 0)
		return cli_fail(CLI_FAILED, "cannot talk to the recorder at %s: %s", socket_path,
				fd == -EAGAIN ? "it does not answer" : strerror(-fd));
	client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return cli_fail(CLI_FAILED, "out of memory");
	}
	client->fd = fd;
	*ret = client;
	return CLI_DONE;
}

struct client_connection *client_close(struct client_connection *client)
{
	if (!client)
		return NULL;
	close(client->fd);
	buffer_release(&client->in);
	free(client);
	return NULL;
}

static int send_all(int fd, struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t n = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = (struct span){ bytes.data + n, bytes.size - (size_t)n };
	}
	return 0;
}

/* More bytes behind those that are there; the ones already handed out make room.  1; 0: the end. */
static int receive(struct client_connection *client)
{
	struct buffer *in = &client->in;
	char *room;
	ssize_t n;

	if (client->begin > 0)
		memmove(in->data, in->data + client->begin, in->size - client->begin);
	in->size -= client->begin;
	client->searched -= client->begin;
	client->begin = 0;
	if (in->size > LINE_MAX_BYTES)
		return -EMSGSIZE;
	room = buffer_reserve(in, READ_BYTES);
	if (!room)
		return -ENOMEM;
	do {
		n = recv(client->fd, room, READ_BYTES, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	in->size += (size_t)n;
	return n > 0;
}

int client_line(struct client_connection *client, struct span *ret)
{
	struct buffer *in = &client->in;

	for (;;) {
		const char *newline = in->size > client->searched ? memchr(in->data + client->searched, '\n',
									   in->size - client->searched)
								  : NULL;
		int r;

		if (newline) {
			size_t end = (size_t)(newline - in->data);

			*ret = (struct span){ in->data + client->begin, end - client->begin };
			client->begin = client->searched = end + 1;
			return 1;
		}
		client->searched = in->size;
		r = receive(client);
		if (r <= 0)
			return r;
	}
}

/* A request that is wrong in itself is wrong use; the codes say so by their first word. */
static int fail_with(const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *where = json_string_value(json_object_get(error, "where"));
	const char *code = json_string_value(json_object_get(error, "code"));
	enum exit_code exit_code = CLI_FAILED;

	if (!code)
		code = "it does not say why";
	if (strncmp(code, "bad_", 4) == 0 || strcmp(code, "unknown_command") == 0)
		exit_code = CLI_USAGE;
	else if (strcmp(code, "permission") == 0)
		exit_code = CLI_PERMISSION;
	return cli_fail(exit_code, "the recorder refused: %s%s%s", where ? where : "",
			where && *where ? ": " : "", message ? message : code);
}

/* 0: none. What comes after the answer, as for `tail`, may take any time. */
static void set_timeout(int fd, time_t seconds)
{
	const struct timeval timeout = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

static int take_result(const json_t *answer, json_t **ret_result)
{
	if (!json_is_true(json_object_get(answer, "ok")))
		return fail_with(json_object_get(answer, "error"));
	if (ret_result)
		*ret_result = json_incref(json_object_get(answer, "result"));
	return CLI_DONE;
}

int client_request(struct client_connection *client, const json_t *request, json_t **ret_result)
{
	_cleanup_(freep) char *text = json_dumps(request, JSON_COMPACT);
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct span answer;
	json_t *json;
	int r, code;

	buffer_append_text(&line, text ? text : "");
	buffer_append_byte(&line, '\n');
	if (!text || buffer_error(&line) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	set_timeout(client->fd, ANSWER_SECONDS);
	r = send_all(client->fd, buffer_span(&line));
	/* One that is turned away is told why, and that can be read although nothing can be said any more. */
	if (r >= 0 || r == -EPIPE)
		r = client_line(client, &answer);
	set_timeout(client->fd, 0);
	if (r == -EAGAIN)
		return cli_fail(CLI_FAILED, "the recorder does not answer (its log may say why)");
	if (r == 0 || r == -EPIPE || r == -ECONNRESET)
		return cli_fail(CLI_NO_DAEMON, "the recorder closed the connection (its log says why)");
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot talk to the recorder: %s", strerror(-r));
	json = json_loadb(answer.data, answer.size, JSON_ALLOW_NUL, NULL);
	if (!json)
		return cli_fail(CLI_FAILED, "the recorder answered with something that is not JSON");
	client->streams = json_is_true(json_object_get(json, "streaming"));
	code = take_result(json, ret_result);
	json_decref(json);
	return code;
}

int client_ask(const struct place_options *places, json_t *request, json_t **ret_result)
{
	_cleanup_(client_closep) struct client_connection *client = NULL;
	_cleanup_(freep) char *socket = place_socket(places);
	int r = socket && request ? client_open(&client, socket) : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE)
		r = client_request(client, request, ret_result);
	json_decref(request);
	return r;
}

bool client_streams(const struct client_connection *client)
{
	return client->streams;
}

bool client_line_is_last(struct span line, int *ret_code, json_t **ret_result)
{
	json_t *json;
	bool is_last;

	if (!span_starts(line, SPAN("{\"ok\":")))	/* an event is not parsed for that */
		return false;
	json = json_loadb(line.data, line.size, JSON_ALLOW_NUL, NULL);
	is_last = json_is_boolean(json_object_get(json, "ok"));
	if (is_last)
		*ret_code = take_result(json, ret_result);
	json_decref(json);
	return is_last;
}
