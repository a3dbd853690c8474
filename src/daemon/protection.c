/* Saved subscriptions are stored as the settings want it: sealed or as text (control/subscription_file.h).  One pass over the
 * folder does it, at the start, after a change of it and after one of the settings; what is stored right already is left alone.
 * A file that cannot be changed stays in force as it is: to record matters more. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"

/* -errno, *error says why. */
static int protect(struct folder *folder, const char *path, const struct settings *settings, struct file_error *error)
{
	_cleanup_(subscription_file_release) struct subscription_file file = { 0 };
	_cleanup_(subscription_freep) struct subscription *subscription = NULL;
	const char *name = strrchr(path, '/') + 1;
	struct filter_error wrong;
	struct file_error unread;
	bool sealed;
	int r;

	/* What cannot be read or is no subscription was refused when it was loaded. */
	if (subscription_file_read(&file, path, folder->place.key_path, &unread) < 0 ||
	    subscription_parse(&subscription, buffer_span(&file.text), &wrong) < 0)
		return 0;
	if (!folder_knows(folder, name, &file.st))
		return 0;	/* changed since: a look at it comes */
	sealed = subscription_file_should_seal(subscription_has_signals(subscription), settings);
	if (sealed == file.is_sealed)
		return 0;
	r = folder_rewrite(folder, name, &file, sealed, error);
	if (r >= 0)
		log_info("%s is stored %s now", path, sealed ? "encrypted" : "as plain text");
	return r;
}

static int protect_or_list(struct daemon *d, const char *file)
{
	_cleanup_(freep) char *path = NULL;
	struct file_error error;

	if (asprintf(&path, "%s/%s", d->folder.place.path, file) < 0)
		return -ENOMEM;
	if (protect(&d->folder, path, &d->conf.settings, &error) >= 0)
		return 0;
	log_error("%s is not stored as the settings want it: %s", path, error.message);
	return refusal_add(&d->unprotected, &d->n_unprotected, file, error.message);
}

int daemon_protect_subscriptions(struct daemon *d)
{
	struct dirent **entries = NULL;
	int n = subscription_files_list(&entries, d->folder.place.path), r = n < 0 ? n : 0;

	refusals_release(&d->unprotected, &d->n_unprotected);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = protect_or_list(d, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? log_errno(r, "Failed to protect the subscriptions in %s", d->folder.place.path) : 0;
}
