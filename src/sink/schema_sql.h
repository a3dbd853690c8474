#pragma once
/* SQL of the tables and of the views that make them readable. */

#include "base/buffer.h"
#include "sink/layout.h"

#define SCHEMA_VERSION 2		/* PRAGMA user_version */

/* CREATE statements for an empty database... */
void schema_sql(struct buffer *sql, const struct layout *layout);
/* ...and parts of them for an older one: the tables of a category, and all views, which hold nothing, anew. */
void schema_sql_category(struct buffer *sql, const struct layout *layout, unsigned category);
void schema_sql_views(struct buffer *sql, const struct layout *layout);
/* INSERT INTO table VALUES (?, ?, ...): parameter n is the column at place n - 1. */
void schema_sql_insert(struct buffer *sql, const struct table *table);
