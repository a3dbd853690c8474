#pragma once
/* The folder of saved subscriptions, and its files as they were when they were last looked at. */

#include "control/subscription_file.h"
#include "daemon/subscriptions.h"

struct folder_file {
	char *name;			/* NAME.json */
	struct stat seen;		/* as it was when it was read */
	char *why;			/* it cannot be used; NULL: it can */
	bool is_sealed;			/* on the disk */
	bool is_new;			/* read at the last look */
	bool conflicts;			/* with another one, as that was then */
};

struct folder {
	struct subscription_folder place;
	struct folder_file *files;
	size_t n;
};

/* One that is no file of the folder.  0; -EINVAL, -errno with *error set. */
int folder_read_other(struct subscription_entry **ret, const struct folder *folder, const char *path, struct filter_error *error);

/* 0; -ENOMEM. */
int folder_copy(struct folder *ret, const struct folder *from);
/* Looks: what has come or changed is read and put into the set, saved ones whose file is gone are taken out; a file that cannot be
 * used changes nothing and is logged.  1: the set is another; 0: it is not; -errno, logged: look again. */
int folder_look(struct folder *folder, struct subscriptions *subscriptions);
/* The set that the last look gave cannot be used: what was new in it is not in force. */
void folder_refuse(struct folder *folder, const char *why);
unsigned folder_refused(const struct folder *folder);
/* Whether a file is still as it was when it was looked at. */
bool folder_knows(const struct folder *folder, const char *file, const struct stat *now);
bool folder_is_sealed(const struct folder *folder, const char *subscription);
void folder_release(struct folder *folder);

/* Writes, or removes, the file of a subscription; a look does not take it for a change.  0, also if there is none to remove;
 * -errno with *error set. */
int folder_save(struct folder *folder, const struct subscription_entry *entry, bool sealed, struct file_error *error);
int folder_remove(struct folder *folder, const char *subscription, struct file_error *error);
/* What was read, stored the other way. */
int folder_rewrite(struct folder *folder, const char *file, const struct subscription_file *read, bool sealed,
		   struct file_error *error);
