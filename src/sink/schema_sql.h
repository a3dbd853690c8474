#pragma once
/* SQL of the tables and of the views that make them readable. */

#include "base/buffer.h"
#include "sink/layout.h"

#define SCHEMA_VERSION 9		/* PRAGMA user_version */

/* CREATE statements for an empty database... */
void schema_sql(struct buffer *sql, const struct layout *layout);
/* ...and parts of them for an older one. The views hold nothing: they go and are made anew. */
void schema_sql_tables(struct buffer *sql, const struct layout *layout);
void schema_sql_table(struct buffer *sql, const struct table *table);
void schema_sql_retention(struct buffer *sql);	/* tables that version 3 did not have */
void schema_sql_drop_views(struct buffer *sql);
void schema_sql_views(struct buffer *sql, const struct layout *layout);
/* INSERT INTO table VALUES (?, ?, ...): parameter n is the column at place n - 1. */
/* A column of process or program, of the row with that alias, where it takes more than its name: process.process_parent_pid, whose
 * row of the parent has the alias p, and program.process_command_line.  false: its name is all. */
bool schema_sql_column(struct buffer *sql, unsigned field, const char *alias);
void schema_sql_insert(struct buffer *sql, const struct table *table);
