#pragma once
/* Chapters: runs of blocks whose rows refer to no shared row (text, process, program, login, shape) of another chapter, so that
 * what nobody refers to any more is found without looking at the whole history.
 *
 * Rows of a shared table belong to the chapter by their numbers: from its `first` to that of the next chapter. The one reference
 * that leads out of a chapter is process.image; table `carried` has the rows that do (retention.c). */

#include "sink/layout.h"
#include "sink/sql.h"

enum chapter_table {
	CHAPTER_TEXT, CHAPTER_PROCESS, CHAPTER_PROGRAM, CHAPTER_LOGIN,
	CHAPTER_SHAPE,			/* and one for each category */
	N_CHAPTER_TABLES = CHAPTER_SHAPE + N_CATEGORIES,
};

struct chapter {
	uint64_t block;			/* its first */
	int64_t first[N_CHAPTER_TABLES];
};

/* The name of a shared table, which is the column of table chapter too. */
const char *chapter_table_name(unsigned table, char ret[static 32]);
void chapter_sql(struct buffer *sql);	/* appends CREATE TABLE */

int chapter_write(sqlite3 *db, const struct chapter *chapter);
int chapter_last(sqlite3 *db, struct chapter *ret);	/* 0; -ENODATA: there is none */
/* The one that the block is in, and the one behind it. -ENODATA: it is in none, or in the last. */
int chapter_of(sqlite3 *db, uint64_t block, struct chapter *ret, struct chapter *ret_next);
