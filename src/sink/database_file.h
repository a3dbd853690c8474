#pragma once
/* The file of a database: opened for writing by one recorder at a time, made when there is none. */

#include "sink/sink.h"
#include "sink/sql.h"

struct database_file {
	sqlite3 *db;
	int lock_fd;			/* holds the lock; -1 when closed */
	bool created;			/* there was nothing before */
};
#define DATABASE_FILE_CLOSED ((struct database_file){ .lock_fd = -1 })

/* 0, or with the reason in *error (may be NULL): -EBUSY: another recorder writes it; -EBADMSG: of another
 * program or a newer schema, left alone; -EUCLEAN: damaged, and *ret holds the lock of it until it is closed, so that
 * nobody else sets it aside; or another -errno. */
int database_file_open(struct database_file *ret, const char *path, bool bulk, struct sink_error *error);
/* After it the file is whole without its -wal, unless somebody reads it at the moment. */
void database_file_close(struct database_file *file);
void database_file_keep_lock(struct database_file *file);	/* closes it but for its lock */
/* Renames the file, its -wal and -shm to PATH.damaged-TIME..., never over something else.  0 or -errno. */
int database_file_set_aside(const char *path, char *ret_path, size_t size);
