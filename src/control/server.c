/* Accepting and turning away; the rest is in client.c.
 *
 * The listening socket is watched with uv_poll: uv_listen() accepts before one can say no, and stops for
 * good when there is no memory for the client it has accepted. */

#include "control/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "control/client.h"
#include "control/request.h"

#define ACCEPTS_A_TURN 16
/* Without descriptors or memory a poll of the listening socket would spin. */
#define ACCEPT_PAUSE_MS 100

static void on_connection(uv_poll_t *handle, int status, int events);

void server_unref(struct server *server)
{
	if (--server->n_references > 0)
		return;
	buffer_release(&server->answer);
	free(server);
}

/* To a socket that is no client: one try, then it is closed. */
static void turn_away(struct server *server, int fd, const char *code, const char *message)
{
	struct buffer *answer = &server->answer;

	buffer_clear(answer);
	request_error(answer, code, "", message);
	(void)!send(fd, answer->data, answer->size, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static bool is_permitted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void on_pause_over(uv_timer_t *timer)
{
	struct server *server = timer->data;

	uv_poll_start(&server->poll, UV_READABLE, on_connection);
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
	struct server *server = handle->data;

	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			return;
		if (fd < 0) {
			uv_poll_stop(&server->poll);
			uv_timer_start(&server->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
			return;
		}
		if (!is_permitted(fd)) {
			server->counters.not_permitted++;
			turn_away(server, fd, "permission", "only root may use this socket");
		} else if (server->n_clients >= server->options.max_clients) {
			server->counters.too_many++;
			turn_away(server, fd, "busy", "too many clients");
		} else if (client_new(server, fd) < 0) {
			turn_away(server, fd, "out_of_memory", "no memory for another client");
		}
	}
}

static void on_server_handle_closed(uv_handle_t *handle)
{
	server_unref(handle->data);
}

int server_new(struct server **ret, const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	struct server_options *o;
	int r;

	if (!server)
		return -ENOMEM;
	o = &server->options;
	*o = *options;
	o->max_request_bytes = o->max_request_bytes ? o->max_request_bytes : (size_t)1 << 20;
	o->max_unsent_bytes = o->max_unsent_bytes ? o->max_unsent_bytes : (size_t)4 << 20;
	o->max_clients = o->max_clients ? o->max_clients : 200;
	server_set_limits(server, o->timeout_ms, o->max_requests_a_turn);
	r = listener_open(&server->listener, options->path);
	if (r < 0) {
		free(server);
		return r;
	}
	o->path = NULL;
	r = uv_poll_init(o->loop, &server->poll, server->listener.fd);
	if (r < 0) {
		listener_close(&server->listener);
		free(server);
		return r;
	}
	uv_timer_init(o->loop, &server->pause);
	server->poll.data = server->pause.data = server;
	server->n_references = 2;
	uv_poll_start(&server->poll, UV_READABLE, on_connection);
	*ret = server;
	return 0;
}

struct server *server_free(struct server *server)
{
	if (!server)
		return NULL;
	while (server->clients)
		client_end(server->clients);
	uv_close((uv_handle_t *)&server->poll, on_server_handle_closed);
	uv_close((uv_handle_t *)&server->pause, on_server_handle_closed);
	listener_close(&server->listener);
	return NULL;
}

void server_set_limits(struct server *server, uint64_t timeout_ms, unsigned max_requests_a_turn)
{
	server->options.timeout_ms = timeout_ms ? timeout_ms : 60000;
	server->options.max_requests_a_turn = max_requests_a_turn ? max_requests_a_turn : 32;
}

void server_count(const struct server *server, struct server_counters *ret)
{
	*ret = server->counters;
}
