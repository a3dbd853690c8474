#pragma once
/* Rows of aligned columns. */

#include "cli/screen.h"

#define TABLE_COLUMNS_MAX 8

struct table;
/* titles: of the columns, `n` of them; a title that begins with '>' is of a column aligned right. */
int table_new(struct table **ret, const char *const *titles, size_t n);
struct table *table_free(struct table *table);
DEFINE_CLEANUP(struct table, table_free)
/* Cells of a row, left to right, any bytes.  Rows end when their last cell is set. */
void table_cell(struct table *table, struct span text, enum colour colour);
void table_cell_text(struct table *table, const char *text, enum colour colour);
/* Prints and empties.  The last column is cut at the edge of the screen. -ENOMEM. */
int table_print(struct table *table, const struct screen *screen);
size_t table_rows(const struct table *table);
