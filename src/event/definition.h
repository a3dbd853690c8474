#pragma once
/* Files that define what a host does by itself: services, scheduled tasks.  Which they are stands in definitions.def. */

#include <stdbool.h>

#include "base/span.h"

enum definition {
	DEFINITION_NONE,
	DEFINITION_SERVICE,		/* a unit of systemd or one beside it, a script of init */
	DEFINITION_TASK,		/* a table of cron, a job of at, a timer of systemd */
};

/* What the file at this absolute path defines, and its name: that of the unit, of the file.  *ret is of the path. */
enum definition definition_of(struct span path, struct span *ret);

/* Whether it is but a part of it: a drop-in, or a link that enables it.  When that comes or goes, the whole has changed. */
bool definition_is_part(struct span path);

/* Folders that have such files, each ending in a slash: 0, or what fn returned if < 0.  Those of users are not told. */
int definition_folders(int (*fn)(void *user, const char *folder, bool is_deep), void *user);
