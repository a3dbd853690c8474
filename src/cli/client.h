#pragma once
/* The other end of the daemon's socket: a JSON object a line, both ways. */

#include <jansson.h>

#include "cli/place.h"

struct client_connection;

/* 0, or an exit code after the error has been printed. */
int client_open(struct client_connection **ret, const char *socket_path);
struct client_connection *client_close(struct client_connection *client);
DEFINE_CLEANUP(struct client_connection, client_close)
/* Sends the request and takes the answer; *ret_result is a new reference to its `result`, may be NULL.
 * 0, or an exit code after the error has been printed. */
int client_request(struct client_connection *client, const json_t *request, json_t **ret_result);
/* So too, with a connection of its own; takes the request, NULL: there was no memory for it. */
int client_ask(const struct place_options *places, json_t *request, json_t **ret_result);
/* What the last answer said: lines follow. */
bool client_streams(const struct client_connection *client);
/* The line of a stream that says how it ended: *ret_code is that of the program, an error has been printed, *ret_result is a
 * new reference. */
bool client_line_is_last(struct span line, int *ret_code, json_t **ret_result);
/* 1: *ret is the next line without its newline, borrowed until the next call. 0: the daemon has gone. < 0:
 * -errno. */
int client_line(struct client_connection *client, struct span *ret);
/* 1: a daemon listens there; 0: nobody does; -errno: who may not ask does not know. */
int client_probe(const char *socket_path);
