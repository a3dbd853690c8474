/* A client is two buffers with limits: a request without its end yet, and what is unsent.
 *
 * It is OPEN (its requests are answered, at most timeout_ms from one to the next), or LEAVING (only what is
 * unsent still goes out, what it sends is thrown away), then CLOSED.  One that streams is OPEN without a
 * time-out and may send nothing more.  One that sends many requests at once has max_requests_a_turn of them
 * answered, then it is the others' turn; until its next nothing more is read of it.  One that does not take its answers has no more
 * of its requests answered, which costs nobody anything, until its time is over.  A client that is closed while its own request runs
 * stays valid until the loop goes on.
 *
 * The socket is watched with uv_poll and read and written here, not by uv_pipe_t: that raises SIGPIPE and
 * keeps an allocation per unsent line. */

#include "control/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "control/request.h"

#define READ_BYTES ((size_t)16 << 10)
/* Buffers of an idle client above this are given back. */
#define KEEP_BYTES ((size_t)16 << 10)
/* Of answers that it has not taken: before it has, no more requests of it are answered. */
#define WAITING_BYTES ((size_t)64 << 10)
/* How long a client has to read its last line before the socket is closed under what it still sends. */
#define LINGER_MS 1000

enum client_state { CLIENT_OPEN, CLIENT_LEAVING, CLIENT_CLOSED };

struct client {
	struct server *server;
	struct client *previous, *next;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned n_handles;
	int fd;
	int events;			/* that poll watches */
	enum client_state state;
	bool streaming;
	bool answering;			/* its command runs */
	bool has_more;			/* whole requests wait in `in` for the next turn */
	bool at_end;			/* it sends no more... */
	bool shut;			/* ...and neither do we */
	struct buffer in;		/* a request without its end yet */
	size_t searched;		/* of that, for the newline */
	struct buffer out;
	size_t sent;			/* of that */
	struct buffer early;		/* client_send while answering */
};

static void on_client(uv_poll_t *handle, int status, int events);
static void on_timeout(uv_timer_t *timer);

static void on_client_handle_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;

	if (--client->n_handles > 0)
		return;
	server_unref(client->server);
	buffer_release(&client->in);
	buffer_release(&client->out);
	buffer_release(&client->early);
	free(client);
}

static void client_stop_streaming(struct client *client)
{
	const struct server_options *options = &client->server->options;

	if (!client->streaming)
		return;
	client->streaming = false;
	if (options->gone)
		options->gone(options->user, client);
}

static void client_close(struct client *client)
{
	struct server *server = client->server;

	if (client->state == CLIENT_CLOSED)
		return;
	client->state = CLIENT_CLOSED;
	if (client->next)
		client->next->previous = client->previous;
	if (client->previous)
		client->previous->next = client->next;
	else
		server->clients = client->next;
	server->n_clients--;
	uv_close((uv_handle_t *)&client->poll, on_client_handle_closed);
	uv_close((uv_handle_t *)&client->timer, on_client_handle_closed);
	close(client->fd);
	client_stop_streaming(client);
}

static size_t client_unsent(const struct client *client)
{
	return client->out.size - client->sent;
}

static void client_watch(struct client *client)
{
	bool has_more = client->has_more && client->state == CLIENT_OPEN;
	/* A socket that can be written to makes the next turn come at once; of one that cannot, the answers wait anyway. */
	int events = (client->at_end || has_more ? 0 : UV_READABLE) |
		     (client_unsent(client) > 0 || has_more ? UV_WRITABLE : 0);

	if (client->state == CLIENT_CLOSED || events == client->events)
		return;
	client->events = events;
	uv_poll_start(&client->poll, events, on_client);
}

static void client_start_timer(struct client *client)
{
	if (!client->streaming)
		uv_timer_start(&client->timer, on_timeout, client->server->options.timeout_ms, 0);
}

/* Sends what the socket takes.  -errno: the client is lost. */
static int client_flush(struct client *client)
{
	size_t before = client->sent;

	while (client_unsent(client) > 0) {
		ssize_t n = send(client->fd, client->out.data + client->sent, client_unsent(client),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0)
			break;
		client->sent += (size_t)n;
	}
	/* Somebody who reads a long answer slowly is not stuck. */
	if (client->sent > before && (client->state == CLIENT_LEAVING || client->in.size == 0))
		client_start_timer(client);
	if (client_unsent(client) == 0) {
		buffer_clear(&client->out);
		client->sent = 0;
		if (client->out.capacity > KEEP_BYTES)
			buffer_release(&client->out);
	}
	return 0;
}

/* -ENOBUFS: above the limit even after a flush; -errno.  Then nothing was queued. */
static int client_queue(struct client *client, struct span lines, bool of_any_size)
{
	size_t limit = client->server->options.max_unsent_bytes;
	struct buffer *out = &client->out;
	int r;

	if (lines.size > limit && !of_any_size)
		return -ENOBUFS;
	if (lines.size > limit || client_unsent(client) > limit - lines.size) {
		r = client_flush(client);
		if (r < 0)
			return r;
		/* A single event may be larger than all that is allowed, but then it is alone. */
		if (client_unsent(client) > 0 && (lines.size > limit || client_unsent(client) > limit - lines.size))
			return -ENOBUFS;
	}
	/* What was sent is cut off before the buffer grows for it. */
	if (client->sent > 0 && out->capacity - out->size < lines.size) {
		memmove(out->data, out->data + client->sent, client_unsent(client));
		out->size -= client->sent;
		client->sent = 0;
	}
	buffer_append_span(out, lines);
	r = buffer_error(out);
	out->failed = false;
	return r;
}

/* Flushes; a client that is done then is closed. */
static void client_advance(struct client *client)
{
	if (client->state == CLIENT_CLOSED)
		return;
	if (client_flush(client) < 0) {
		client_close(client);
		return;
	}
	if (client->state == CLIENT_LEAVING && client_unsent(client) == 0) {
		if (client->at_end) {
			client_close(client);
			return;
		}
		/* Closed with bytes unread, a unix socket tells the peer ECONNRESET and breaks its pipe
		 * before it may have read its last line (net/unix/af_unix.c, unix_release_sock): wait for
		 * its end of file. */
		if (!client->shut) {
			client->shut = true;
			shutdown(client->fd, SHUT_WR);
			uv_timer_start(&client->timer, on_timeout, LINGER_MS, 0);
		}
	}
	client_watch(client);
	if (client->streaming && client_unsent(client) == 0 && client->server->options.drained)
		client->server->options.drained(client->server->options.user, client);
}

static void client_leave(struct client *client)
{
	if (client->state != CLIENT_OPEN)
		return;
	client->state = CLIENT_LEAVING;
	client_stop_streaming(client);
	buffer_release(&client->in);
	client_start_timer(client);
}

/* An error line, and the end. */
static void client_refuse(struct client *client, const char *code, const char *message)
{
	struct buffer *answer = &client->server->answer;

	buffer_clear(answer);
	request_error(answer, code, "", message);
	if (buffer_error(answer) < 0 || client_queue(client, buffer_span(answer), false) < 0)
		client_close(client);
	else
		client_leave(client);
}

static void client_answer(struct client *client, struct span line)
{
	struct server *server = client->server;
	const struct server_options *options = &server->options;
	struct buffer *answer = &server->answer;
	bool streaming;
	int r;

	server->counters.requests++;
	buffer_clear(answer);
	client->answering = true;
	streaming = request_answer(options->commands, options->n_commands, options->user, client, line,
				   answer);
	client->answering = false;
	client->streaming = streaming;	/* from here on whoever closes it tells that it has gone */
	if (client->state != CLIENT_OPEN) {
		client_stop_streaming(client);
		return;
	}
	if (buffer_error(answer) < 0 || answer->size > options->max_unsent_bytes) {
		const char *code = buffer_error(answer) < 0 ? "out_of_memory" : "too_large";

		buffer_release(answer);
		client_stop_streaming(client);
		request_error(answer, code, "", "the answer is too large to be sent");
	}
	r = client_queue(client, buffer_span(answer), false);
	if (answer->capacity > KEEP_BYTES)
		buffer_release(answer);
	if (r >= 0 && client->streaming && client->early.size > 0)
		r = client_queue(client, buffer_span(&client->early), true);
	buffer_release(&client->early);
	if (r < 0) {
		server->counters.overrun += r == -ENOBUFS;
		client_close(client);
		return;
	}
	if (client->streaming)
		uv_timer_stop(&client->timer);
	else
		client_start_timer(client);
}

static bool is_blank(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] != '\n' && s.data[i] != '\r' && s.data[i] != ' ' && s.data[i] != '\t')
			return false;
	}
	return true;
}

static void client_refuse_large(struct client *client)
{
	client->server->counters.too_large++;
	client_refuse(client, "too_large", "the request is too large");
}

/* Answers whole lines of client->in, as many as a turn may have, and keeps the rest. */
static void client_take_lines(struct client *client)
{
	size_t limit = client->server->options.max_request_bytes;
	struct buffer *in = &client->in;
	unsigned n = 0;
	size_t begin = 0;

	client->has_more = false;
	while (client->state == CLIENT_OPEN && !client->streaming) {
		const char *newline = memchr(in->data + client->searched, '\n', in->size - client->searched);
		struct span line;

		if (!newline) {
			client->searched = in->size;
			break;
		}
		if (n++ == client->server->options.max_requests_a_turn || client_unsent(client) > WAITING_BYTES) {
			client->has_more = true;
			break;
		}
		line = (struct span){ in->data + begin, (size_t)(newline - in->data) - begin };
		begin = client->searched = (size_t)(newline - in->data) + 1;
		if (line.size > limit)
			client_refuse_large(client);
		else
			client_answer(client, line);
	}
	if (client->state != CLIENT_OPEN)
		return;
	if (client->streaming && !is_blank((struct span){ in->data + begin, in->size - begin })) {
		client_refuse(client, "streaming", "this connection streams, requests need another one");
		return;
	}
	if (client->streaming)
		begin = in->size;
	memmove(in->data, in->data + begin, in->size - begin);
	in->size -= begin;
	client->searched = client->has_more ? 0 : in->size;
	if (client->has_more)
		return;
	if (in->size > limit)
		client_refuse_large(client);
	else if (in->size == 0 && in->capacity > KEEP_BYTES)
		buffer_release(in);
}

static void client_read(struct client *client)
{
	struct buffer *in = &client->in;
	char *room;
	ssize_t n;

	if (client->has_more && client->state == CLIENT_OPEN) {
		client_take_lines(client);
		return;
	}
	if (client->state == CLIENT_LEAVING)
		buffer_clear(in);
	room = buffer_reserve(in, READ_BYTES);
	if (!room) {
		client_close(client);
		return;
	}
	n = recv(client->fd, room, READ_BYTES, MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_close(client);
		return;
	}
	if (n > 0) {
		in->size += (size_t)n;
		if (client->state == CLIENT_OPEN)
			client_take_lines(client);
		return;
	}
	client->at_end = true;
	if (client->streaming) {
		client_close(client);
		return;
	}
	/* The last line of `printf '{...}' | nc -U -N` has no newline, and is as whole as its JSON. */
	if (client->state == CLIENT_OPEN && in->size > 0)
		client_answer(client, buffer_span(in));
	if (client->streaming)
		client_close(client);
	else
		client_leave(client);
}

static void on_client(uv_poll_t *handle, int status, int events)
{
	struct client *client = handle->data;

	if (status < 0) {
		client_close(client);
		return;
	}
	if (events & UV_READABLE || client->has_more)
		client_read(client);
	client_advance(client);
}

static void on_timeout(uv_timer_t *timer)
{
	struct client *client = timer->data;

	/* Streaming: client_send() found it lost. */
	if (client->streaming || client->state == CLIENT_LEAVING) {
		client_close(client);
		return;
	}
	/* A long turn of the loop makes time-outs come before what arrived in time has been looked at. */
	client_read(client);
	if (client->state == CLIENT_OPEN && !client->streaming && !uv_is_active((uv_handle_t *)timer)) {
		client->server->counters.timed_out++;
		client_refuse(client, "timeout", "no whole request came in time");
		if (client->state == CLIENT_LEAVING)
			client_flush(client);
		client_close(client);
	}
	client_advance(client);
}

bool client_send(struct client *client, struct span lines)
{
	if (client->answering) {
		if (lines.size > client->server->options.max_unsent_bytes - client->early.size)
			return false;
		buffer_append_span(&client->early, lines);
		if (buffer_error(&client->early) == 0)
			return true;
		client->early.failed = false;
		return false;
	}
	if (client->state != CLIENT_OPEN || !client->streaming || client_queue(client, lines, true) < 0)
		return false;
	if (client_flush(client) < 0) {
		/* Not closed from here, gone() would come in the middle of the caller's loop over its
		 * clients. */
		uv_timer_start(&client->timer, on_timeout, 0, 0);
		return false;
	}
	client_watch(client);
	return true;
}

void client_finish(struct client *client)
{
	client_leave(client);
	client_advance(client);
}

int client_new(struct server *server, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	r = uv_poll_init(server->options.loop, &client->poll, fd);
	if (r < 0) {
		free(client);
		return r;
	}
	uv_timer_init(server->options.loop, &client->timer);
	client->poll.data = client->timer.data = client;
	client->n_handles = 2;
	client->fd = fd;
	client->server = server;
	client->next = server->clients;
	if (client->next)
		client->next->previous = client;
	server->clients = client;
	server->n_clients++;
	server->n_references++;
	client_start_timer(client);
	client_watch(client);
	return 0;
}

void client_end(struct client *client)
{
	client_flush(client);
	client_close(client);
}
