#pragma once
/* The fields of an event or context -> the parameters of an INSERT; texts and shared rows by their ids. */

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

/* What the tables of one database have in common. */
struct rows {
	sqlite3 *db;			/* borrowed */
	sqlite3_stmt *text;
	int64_t next_text;
	struct id_key key;
	struct id_cache *texts;		/* text -> id << 1 | escaped */
	struct id_cache *shared;	/* content of a row of shape or login -> id << 1 | escaped */
	struct buffer content;		/* of the row looked for */
	struct buffer escaped;		/* scratch */
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
void rows_forget(struct rows *rows);		/* what was inserted since is gone */

int insert_open(struct insert *insert, sqlite3 *db, const struct table *table);
void insert_close(struct insert *insert);
/* One more than the largest there is. */
int rows_next_id(sqlite3 *db, const char *table, const char *column, int64_t *ret);

/* Binds every field of the table but `skip` (FIELD_NONE: none), and adds to `escapes`. The texts are
 * borrowed until the statement has run. */
int row_bind(struct rows *rows, struct insert *insert, const struct values *values, unsigned skip,
	     struct escapes *escapes);
/* The row of a shape_ table (with what the event's own row had to escape) or of login that has this
 * content, made if there is none.  *ret_escaped: some fields of the login are escaped. */
int row_shape(struct rows *rows, struct insert *insert, const struct event *event,
	      const struct escapes *escapes, int64_t *ret);
int row_login(struct rows *rows, struct insert *insert, const struct context *context,
	      int64_t *ret, bool *ret_escaped);
/* Text with the names of a set of fields, JSON; 0 if it is empty. */
int row_names(struct rows *rows, const uint64_t set[FIELD_WORDS], int64_t *ret);
