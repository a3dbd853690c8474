#pragma once
/* The socket of the daemon: one JSON object a line in, one a line out (SPEC section 4).
 *	{"command":"recorder.status"}	{"ok":true,"result":[...]}
 *	{"command":"recorder.tail"}	{"ok":true,"result":null,"streaming":true} and lines until one side closes; a stream that
 *					comes to an end by itself ends with a line that has `ok` again
 *	{"command":"nonsense"}
 *		{"ok":false,"error":{"code":"unknown_command","message":"...","where":"command"}}
 * Runs in a libuv loop of the caller. Peers are checked by their credentials before a byte is read,
 * requests by length before they are parsed; a client that is slow, stuck or hostile costs a bounded buffer
 * and nothing else.
 *
 * Requests are answered in order.  Errors of the server itself: bad_request (with the byte, or the member that the command does not know), unknown_command,
 * out_of_memory, too_large (the answer, or the request), busy (too many clients), permission, timeout,
 * streaming (a request on a connection that streams); the connection ends with the last four and with a
 * request that is too large.  A client may close its sending half and still read its answers, but for one
 * that streams that is the end of the stream. */

#include <jansson.h>

#include "base/buffer.h"

struct uv_loop_s;	/* uv_loop_t; <uv.h> has a MIN of its own, include it after ours or not at all */
struct server;
struct client;

/* What a command answers. */
struct reply {
	struct buffer result;		/* JSON text; empty: null */
	const char *error_code;		/* static; NULL: ok */
	char message[512];		/* with error_code */
	char where[128];
	bool streaming;			/* the client stays: more lines follow through client_send() */
};
void reply_error(struct reply *reply, const char *code, const char *where, const char *format, ...)
	_printf_(4, 5);

struct command {
	const char *name;		/* "recorder.status" */
	const char *members;		/* that its requests may have: "since|until"; NULL: none */
	void (*run)(void *user, struct client *client, const json_t *request, struct reply *reply);
};

struct server_options {
	struct uv_loop_s *loop;
	const char *path;		/* of the socket; 0600; a stale one is replaced */
	const struct command *commands;
	size_t n_commands;
	void *user;
	/* A client that was streaming has gone; NULL: nobody wants to know. */
	void (*gone)(void *user, struct client *client);
	/* A client that streams has taken all that was queued; NULL: nobody wants to know. */
	void (*drained)(void *user, struct client *client);
	size_t max_request_bytes;	/* 0: 1 MiB */
	size_t max_unsent_bytes;	/* of one client; 0: 4 MiB */
	unsigned max_clients;		/* 0: 200 */
	uint64_t timeout_ms;		/* MailboxQueryTimeoutMs, for a whole request; 0: 60 s */
	unsigned max_requests_a_turn;	/* MaxMailboxItemsPerCheck, of one client; 0: 32 */
};

/* What clients did since server_new; more than a few of the last five are worth a line in the log. */
struct server_counters {
	uint64_t requests;		/* answered, well or not */
	uint64_t not_permitted;		/* clients turned away for who they are... */
	uint64_t too_many;		/* ...and because there were max_clients */
	uint64_t too_large;		/* requests above max_request_bytes */
	uint64_t timed_out;
	uint64_t overrun;		/* clients closed because they did not read their answers */
};

/* 0; -EADDRINUSE: another daemon listens there; -EEXIST: a file that is no socket is there; -errno. */
int server_new(struct server **ret, const struct server_options *options);
/* Closes all (streaming clients are reported gone); the handles are gone when the loop has run once more. */
struct server *server_free(struct server *server);
/* From now on; a request that has begun keeps the time it had. */
void server_set_limits(struct server *server, uint64_t timeout_ms, unsigned max_requests_a_turn);
void server_count(const struct server *server, struct server_counters *ret);
/* Queues whole lines for a streaming client; while its command still runs they are kept to follow the reply.
 * false: it has too much unsent already or is leaving, nothing was queued. */
bool client_send(struct client *client, struct span lines);
/* The end of a stream, not from a command: what is queued goes out, if the client reads on within timeout_ms, then it is
 * closed.  It is reported gone at once. */
void client_finish(struct client *client);
