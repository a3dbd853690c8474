#pragma once
/* Audit rules that a user gave us: kept in the state folder, brought into the kernel whenever the source has audit. */

#include <jansson.h>

#include "base/buffer.h"
#include "source/user_rules.h"

struct daemon;
struct client;
struct reply;

struct user_audit {
	struct buffer text;		/* as it was given; empty: there are none */
	struct user_rules *rules;
	bool loaded;			/* they are in the kernel */
	bool is_coming;			/* audit is to be read for some that are not in force yet */
	char problem[1024];		/* why they are there no more; empty: nothing is wrong */
};

/* At the start: reads the file.  What is wrong with it is no reason not to start; a check of health tells it. */
void daemon_read_user_rules(struct daemon *d);
/* After our own rules have changed, and when some were missing: brings the user's behind them.  Where the kernel refuses, all go, the
 * file is set aside, and daemon_user_rules_problem() says why. */
void daemon_follow_user_rules(struct daemon *d);
/* They may not be in the kernel now; they stay registered. */
void daemon_unload_user_rules(struct daemon *d);
void daemon_forget_user_rules(struct daemon *d);
bool daemon_has_user_rules(const struct daemon *d);	/* registered, in the kernel or not */
unsigned daemon_count_user_rules(const struct daemon *d);	/* in the kernel */
/* How many of those in the kernel take records away, and the lines of the first of them: 3, 7 */
#define HIDING_LINES_MAX 96
unsigned daemon_hiding_user_rules(const struct daemon *d, char ret[static HIDING_LINES_MAX]);
/* NULL: all is well. */
const char *daemon_user_rules_problem(const struct daemon *d);

/* What the socket asks. */
void daemon_register_user_rules(void *user, struct client *client, const json_t *request, struct reply *reply);
void daemon_get_user_rules(void *user, struct client *client, const json_t *request, struct reply *reply);
void daemon_remove_user_rules(void *user, struct client *client, const json_t *request, struct reply *reply);
