#pragma once
/* One line of a client in, one line out; no socket. */

#include "control/server.h"

/* Runs the command that the line asks for and appends the answer with its newline; nothing is appended only
 * when answer->failed.  true: the command made the client a streaming one. */
bool request_answer(const struct command *commands, size_t n_commands, void *user, struct client *client,
		    struct span line, struct buffer *answer);
/* Appends the line of an answer that no command made: the last of a stream.  result: JSON text. */
void request_result(struct buffer *answer, struct span result);
/* Appends the line of an error that no command made; code and where are plain ASCII. */
void request_error(struct buffer *answer, const char *code, const char *where, const char *message);
