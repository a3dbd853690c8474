#pragma once
/* The fields of an event or context -> the parameters of an INSERT; texts and shared rows by their ids. */

#include "base/sip.h"
#include "sink/digest_table.h"
#include "sink/id_cache.h"
#include "sink/layout.h"
#include "sink/sql.h"

/* An INSERT into a table, and which of its parameters hold something from the row before. */
struct insert {
	sqlite3_stmt *statement;
	const struct table *table;
	uint64_t bound[FIELD_WORDS];
	int64_t next_id;
};

/* Of a command line as much is compared with others. */
#define LINE_KEPT 2048

/* A path of the row that is being bound, told to `paths` when the row is stored. */
struct new_path {
	uint64_t key, value;
};

/* A command line that others may begin as: the last that was stored whole of a program. */
struct line {
	uint64_t program;		/* key of its path */
	int64_t row;			/* 0: none */
	char text[LINE_KEPT];
	size_t size;
};

/* What the tables of one database have in common. */
struct rows {
	sqlite3 *db;			/* borrowed */
	sqlite3_stmt *text;
	int64_t next_text;
	struct sip_key key;
	struct id_cache *texts;		/* text -> id << 1 | escaped */
	struct id_cache *shared;	/* content of a shared row, identity of a process -> id << 1 | escaped */
	struct id_cache *paths;		/* path -> where in this block it stands: sequence << 2 | its second path << 1 | escaped */
	struct new_path new_paths[1 << PATH_REFERENCE_BITS];
	unsigned n_new_paths;
	struct digest_table digests;
	struct line *lines;		/* N_LINES of them, by the key of the program's path */
	struct buffer content;		/* of the row looked for */
	struct buffer escaped;		/* scratch */

	/* Of the event whose rows are being bound, set by store.c. */
	uint64_t sequence;
	uint64_t time_ns;
	uint64_t tick_ns;		/* its times are counted from here */
	unsigned owner;			/* of new texts, see TEXT_OWNER_BITS */
	size_t bytes;			/* what was inserted takes on disk, roughly */
};

/* Fields whose text was not UTF-8 and is stored percent-escaped. */
struct escapes {
	uint64_t fields[FIELD_WORDS];
};

static inline void escapes_add(struct escapes *escapes, unsigned field)
{
	escapes->fields[field / 64] |= UINT64_C(1) << (field % 64);
}

int rows_open(struct rows *rows, sqlite3 *db);	/* 0 or -errno; rows_close() in either case */
void rows_close(struct rows *rows);
void rows_forget(struct rows *rows);		/* what was inserted since is gone, or nothing may refer to it any more */
void rows_forget_paths(struct rows *rows);	/* a block ends */
void rows_keep_paths(struct rows *rows);	/* the row with the paths that were bound last is stored */

int insert_open(struct insert *insert, sqlite3 *db, const struct table *table);
void insert_close(struct insert *insert);
/* One more than the largest there is. */
int rows_next_id(sqlite3 *db, const char *table, const char *column, int64_t *ret);

/* Binds every field of the table but those of `skip` (NULL: none), and adds to `escapes`. The texts are
 * borrowed until the statement has run. */
int row_bind(struct rows *rows, struct insert *insert, const struct values *values, const uint64_t *skip,
	     struct escapes *escapes);
int row_insert(struct rows *rows, struct insert *insert);	/* runs it */
/* The row of a shape_ table that has this content, made if there is none, with what the event's own rows had to escape. */
int row_shape(struct rows *rows, struct insert *insert, const struct event *event,
	      const struct escapes *escapes, int64_t *ret);
/* The same of login, of a context whose other rows had to escape that. */
int row_login(struct rows *rows, struct insert *insert, const struct context *context, const struct escapes *escapes, int64_t *ret);
/* The same of program (args_follow: they are not stored, see TEXT_FOLLOWS).  Adds to `escapes` what is escaped in it. */
int row_program(struct rows *rows, struct insert *insert, const struct context *context, bool args_follow,
		struct escapes *escapes, int64_t *ret);
/* The row of process that has these fields in its own columns and this parent; 0: none.  *ret_key is for row_identity_put(). */
int row_identity(struct rows *rows, const struct values *values, const uint64_t set[FIELD_WORDS], int64_t parent,
		 uint64_t *ret_key, int64_t *ret);
void row_identity_put(struct rows *rows, uint64_t key, int64_t id);
