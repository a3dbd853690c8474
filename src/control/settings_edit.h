#pragma once
/* Changing one setting in the settings file. */

#include "control/settings.h"

/* The value replaces the one that is there, or a line is appended; all else in the file stays byte for byte.  A value
 * without data: the line goes, its comment stays.  The file is replaced as a whole or not at all, and only by one that can be
 * read; it keeps its mode and owner, a symbolic link is followed, a missing file is made, 0600, with its folder.
 * 1; 0: there was nothing to change; -EINVAL: the file would be wrong, with the place; -EBUSY: somebody else is changing
 * it; -errno.  *error says why. */
int settings_edit(const char *path, enum setting_id id, struct span value, struct settings_error *error);
/* The same with the text: *ret is the new one. */
int settings_edit_text(struct buffer *ret, struct span text, enum setting_id id, struct span value);
