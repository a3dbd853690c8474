/* All rows are kept until the widths are known: tables are for short answers; lists of events are printed as
 * they come (event_line.c). */

#include <errno.h>

#include "cli/table.h"
#include "cli/text.h"

struct cell {
	size_t offset, size, width;
	enum colour colour;
};

struct table {
	const char *titles[TABLE_COLUMNS_MAX];
	bool right[TABLE_COLUMNS_MAX];
	size_t n_columns;
	struct cell *cells;
	size_t n_cells, capacity;
	struct buffer text;
	bool failed;
};

int table_new(struct table **ret, const char *const *titles, size_t n)
{
	struct table *table;

	if (n == 0 || n > TABLE_COLUMNS_MAX)
		return -EINVAL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	table->n_columns = n;
	for (size_t i = 0; i < n; i++) {
		table->right[i] = titles[i][0] == '>';
		table->titles[i] = titles[i] + table->right[i];
	}
	*ret = table;
	return 0;
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	buffer_release(&table->text);
	free(table->cells);
	free(table);
	return NULL;
}

void table_cell(struct table *table, struct span text, enum colour colour)
{
	struct cell cell = { .offset = table->text.size, .colour = colour };

	if (table->n_cells == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		struct cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));

		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->capacity = capacity;
	}
	text_append_safe(&table->text, text);
	cell.size = table->text.size - cell.offset;
	if (cell.size > 0)
		cell.width = text_width((struct span){ table->text.data + cell.offset, cell.size });
	table->cells[table->n_cells++] = cell;
}

void table_cell_text(struct table *table, const char *text, enum colour colour)
{
	table_cell(table, span_of(text), colour);
}

size_t table_rows(const struct table *table)
{
	return table->n_cells / table->n_columns;
}

static void put_spaces(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)MIN(n, 1000u), "");
}

/* The last column has the room that is left, and nothing behind it. */
static void put_cell(const struct table *table, const struct screen *screen, size_t column, struct span text,
		     size_t width, enum colour colour, const size_t *widths, size_t left)
{
	bool last = column + 1 == table->n_columns;
	size_t padding = widths[column] > width ? widths[column] - width : 0;
	_cleanup_(buffer_release) struct buffer cut = { 0 };

	if (last && width > left) {
		text_append_cut(&cut, text, left);
		text = buffer_span(&cut);
	}
	if (table->right[column])
		put_spaces(screen->out, padding);
	if (text.size > 0)
		fprintf(screen->out, "%s%.*s%s", screen_colour(screen, colour), (int)MIN(text.size, 1u << 20),
			text.data, screen_end(screen, colour));
	if (!last && !table->right[column])
		put_spaces(screen->out, padding);
	fputs(last ? "\n" : "  ", screen->out);
}

int table_print(struct table *table, const struct screen *screen)
{
	size_t widths[TABLE_COLUMNS_MAX], used = 0, left;

	if (table->failed || buffer_error(&table->text) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_columns; i++) {
		widths[i] = text_width(span_of(table->titles[i]));
		for (size_t k = i; k < table->n_cells; k += table->n_columns)
			widths[i] = MAX(widths[i], table->cells[k].width);
		used += i + 1 < table->n_columns ? widths[i] + 2 : 0;
	}
	left = screen->width == SIZE_MAX ? SIZE_MAX : screen->width > used + 8 ? screen->width - used : 8;
	for (size_t i = 0; i < table->n_columns; i++)
		put_cell(table, screen, i, span_of(table->titles[i]), text_width(span_of(table->titles[i])),
			 COLOUR_DIM, widths, left);
	for (size_t i = 0; i < table->n_cells; i++) {
		const struct cell *cell = &table->cells[i];
		struct span text = { cell->size ? table->text.data + cell->offset : NULL, cell->size };

		put_cell(table, screen, i % table->n_columns, text, cell->width, cell->colour, widths, left);
	}
	table->n_cells = 0;
	buffer_clear(&table->text);
	return 0;
}
