#pragma once
/* Files of ours that nobody may open by another way than SQLite does: when a process closes any descriptor of a file, all locks that it has
 * on it go (fcntl(2), "advisory record locking"), and who opens the database next takes it for his own.  The locks are the process's, and
 * so is this: said once, before there are threads. */

/* The database and what stands beside it. */
int own_files_set(const char *database);	/* 0, or -ENAMETOOLONG */
/* As open(2), of whatever name somebody else has chosen: -1 with errno EBUSY if it leads to one of ours. */
int own_files_open(const char *path, int flags);
