#pragma once
/* Where the secrets stand in what a program was told: passwords, tokens, keys.  What says so is a table, secrets.def.
 *
 * Time is linear in the size whatever the text is, since everybody chooses his own arguments. */

#include "base/span.h"

enum secret_place {
	SECRET_ARGS,			/* a LIST of arguments */
	SECRET_HEADERS,			/* a LIST of `NAME: VALUE` */
	SECRET_TEXT,			/* a command line, a message, a URL */
	SECRET_SCRIPT,			/* a text that a shell reads, so that `$NAME` is the name of a secret and none */
};

static inline bool secret_is_list(enum secret_place place)
{
	return place == SECRET_ARGS || place == SECRET_HEADERS;
}

/* Of each secret, in their order, none over another and none over the NUL of a list; never empty. */
typedef void (*secret_fn)(void *user, size_t at, size_t size);
void secret_find(struct span text, enum secret_place place, secret_fn found, void *user);

/* What stands for a secret, so that it is taken for none again: "<redacted:", 16 hexadecimal digits, ">". */
#define SECRET_MARK "<redacted:"
#define SECRET_MARK_BYTES (sizeof(SECRET_MARK) - 1 + 16 + 1)
bool secret_is_mark(struct span text);		/* begins with one */
