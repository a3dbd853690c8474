#pragma once
/* A client of the server, from accept to close; see server.h. */

#include "control/listener.h"
#include "control/server.h"

#include <uv.h>

/* What server.c and client.c share. */
struct server {
	struct server_options options;	/* path: only while it is made */
	struct listener listener;
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned n_references;		/* its two handles and the clients */
	unsigned n_clients;
	struct client *clients;
	struct buffer answer;		/* scratch */
	struct server_counters counters;
};

void server_unref(struct server *server);

/* Takes fd, on success only.  0, -errno. */
int client_new(struct server *server, int fd);
/* Sends what can be sent at once and closes. */
void client_end(struct client *client);
