#pragma once
/* Where the history and the daemon are, and what to say when they are not there. */

#include "cli/cli.h"
#include "sink/history.h"

/* malloc'ed; NULL: no memory. */
char *place_database(const struct place_options *options);
char *place_history_key(const struct place_options *options);	/* beside the database */
char *place_redaction_key(const struct place_options *options);	/* beside the database, also one that is named */
char *place_redaction_file(const struct place_options *options);
char *place_socket(const struct place_options *options);
char *place_journals(const struct place_options *options);	/* the folder */
char *place_config_file(const struct place_options *options);
char *place_signing_keys(const struct place_options *options);
char *place_subscriptions(const struct place_options *options);	/* the folder */
/* 0, or an exit code after the error has been printed. */
int place_open_history(struct history **ret, const struct place_options *options);
/* Says that reading it failed, and of a damaged one what to do.  The exit code. */
int place_fail_reading(const char *command, const struct history *history, int error);
