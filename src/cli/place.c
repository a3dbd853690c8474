/* Reading commands open the database file itself, with or without a daemon (SPEC section 9); --db names it,
 * --state the folder it lies in, else it is the installed one. */

#include <errno.h>
#include <stdio.h>

#include "cli/place.h"
#include "daemon/places.h"

static char *place_of(const struct place_options *options, size_t member)
{
	struct places places;
	char *found;

	if (places_init(&places, options->config_dir, options->state_dir) < 0)
		return NULL;
	found = strdup(*(char **)(void *)((char *)&places + member));
	places_release(&places);
	return found;
}

char *place_database(const struct place_options *options)
{
	return options->database ? strdup(options->database)
				 : place_of(options, offsetof(struct places, database));
}

char *place_history_key(const struct place_options *options)
{
	return place_of(options, offsetof(struct places, history_key));
}

char *place_redaction_key(const struct place_options *options)
{
	const char *slash = options->database ? strrchr(options->database, '/') : NULL;
	char *beside;

	if (!options->database)
		return place_of(options, offsetof(struct places, redaction_key));
	if (asprintf(&beside, "%.*sredaction.key", slash ? (int)(slash + 1 - options->database) : 0, options->database) < 0)
		return NULL;
	return beside;
}

char *place_redaction_file(const struct place_options *options)
{
	return place_of(options, offsetof(struct places, redaction_file));
}

char *place_socket(const struct place_options *options)
{
	return place_of(options, offsetof(struct places, socket));
}

char *place_journals(const struct place_options *options)
{
	return place_of(options, offsetof(struct places, journals_dir));
}

char *place_config_file(const struct place_options *options)
{
	return place_of(options, offsetof(struct places, config_file));
}

char *place_signing_keys(const struct place_options *options)
{
	return place_of(options, offsetof(struct places, signing_keys));
}

char *place_subscriptions(const struct place_options *options)
{
	return place_of(options, offsetof(struct places, subscriptions_dir));
}

int place_fail_reading(const char *command, const struct history *history, int error)
{
	const char *path = history_path(history);

	if (error == -EBADMSG)
		return cli_fail(CLI_FAILED, "%s: %s is damaged (`recorder verify --db %s` looks what of it; a snapshot may be whole, "
				"sqlite3 %s .recover saves what can be read)", command, path, path, path);
	return cli_fail(CLI_FAILED, "%s: reading the history %s failed: %s", command, path, strerror(-error));
}

int place_open_history(struct history **ret, const struct place_options *options)
{
	_cleanup_(freep) char *path = place_database(options);
	struct history_error error = { "" };
	int r;

	if (!path)
		return cli_fail(CLI_FAILED, "out of memory");
	if (!*path)
		return cli_fail(CLI_USAGE, "--db: a file has no empty name");
	r = history_open(ret, path, &error);
	switch (r) {
	case 0:
		return CLI_DONE;
	case -ENOENT:
		return cli_fail(CLI_FAILED,
				"no history at %s (start the recorder, or name another with --db FILE or "
				"--state DIR)",
				path);
	case -EACCES:
	case -EPERM:
		return cli_fail(CLI_PERMISSION, "cannot read the history %s: permission denied (sudo?)",
				path);
	case -ENOMEM:
		return cli_fail(CLI_FAILED, "out of memory");
	default:
		return error.message[0]
			       ? cli_fail(CLI_FAILED, "cannot open the history: %s", error.message)
			       : cli_fail(CLI_FAILED, "cannot open the history %s: %s", path, strerror(-r));
	}
}
