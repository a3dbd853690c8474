#pragma once
/* The files NAME.json of the folder of subscriptions, as they were when they were last looked at. */

#include "daemon/subscriptions.h"

#include <sys/stat.h>

struct subscription_file {
	char *name;			/* of the file */
	struct stat seen;		/* as it was when it was read */
	char *why;			/* it cannot be used; NULL: it can */
	bool is_new;			/* read at the last look */
};

struct subscription_folder {
	const char *path;		/* borrowed */
	struct subscription_file *files;
	size_t n;
};

/* One that is no file of the folder.  0; -EINVAL with *error set; -ENOMEM. */
int subscription_file_read(struct subscription_entry **ret, const char *path, struct filter_error *error);

/* Looks: what has come or changed is read and put into the set, what has gone is taken out; a file that cannot be used changes
 * nothing and is logged.  1: the set is another; 0: it is not; -errno, logged. */
int subscription_folder_look(struct subscription_folder *folder, struct subscriptions *subscriptions);
/* The set that the last look gave cannot be used: what was new in it is not in force. */
void subscription_folder_refuse(struct subscription_folder *folder, const char *why);
unsigned subscription_folder_refused(const struct subscription_folder *folder);
void subscription_folder_release(struct subscription_folder *folder);

/* Writes the file of a subscription, whole or not at all; a look does not take it for a change.  -errno. */
int subscription_folder_save(struct subscription_folder *folder, const char *name, struct span document);
/* 0 too if there is none. */
int subscription_folder_delete(struct subscription_folder *folder, const char *name);
