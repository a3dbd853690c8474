#pragma once
/* The file of a saved subscription, FOLDER/NAME.json: its document as text, or sealed (sealed.h).  The name is the same for
 * both and the content tells which it is, so that one takes the other's place in one step and never both are there. */

#include <dirent.h>

#include "control/file.h"
#include "control/sealed.h"
#include "control/settings.h"

#define SUBSCRIPTION_BYTES_MAX SEALED_TEXT_MAX

/* Where they lie; both paths are the caller's. */
struct subscription_folder {
	const char *path;
	const char *key_path;		/* of seal_key.h */
};

struct subscription_file {
	struct buffer text;		/* the document */
	bool is_sealed;			/* on the disk */
	struct stat st;			/* as it was read */
};

/* Names of the folder that are subscriptions, sorted; how many.  -errno; a folder that is not there is empty. */
int subscription_files_list(struct dirent ***ret, const char *folder);
/* Any path, whose last part without .json is the name it must have been sealed under.  0, or -errno and *error says why. */
int subscription_file_read(struct subscription_file *ret, const char *path, const char *key_path, struct file_error *error);
/* Wipes the text. */
void subscription_file_release(struct subscription_file *file);

/* Whether the settings want a subscription stored sealed. */
bool subscription_file_should_seal(bool has_signals, const struct settings *settings);
/* Whole or not at all: what was there before stays until the new one is on the disk, and stays when that fails.  Makes the key
 * if it is needed and not there.  0, or -errno and *error says why; -EINVAL: no such name can be. */
int subscription_file_write(const struct subscription_folder *folder, struct span name, struct span text, bool sealed,
			    struct file_error *error);
/* What was read, the other way.  -ESTALE: by now another file is there, which stays. */
int subscription_file_rewrite(const struct subscription_folder *folder, struct span name, const struct subscription_file *file,
			      bool sealed, struct file_error *error);
/* -ENOENT: there is none. */
int subscription_file_remove(const struct subscription_folder *folder, struct span name, struct file_error *error);
