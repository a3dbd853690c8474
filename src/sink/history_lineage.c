/* See history_lineage.h.  What was found out of a row is kept, so that going up ends at the first ancestor that was met lately. */

#include "sink/history_lineage.h"

#include <errno.h>
#include <stdlib.h>

#include "sink/sieve.h"

#define N_VERDICTS 65536		/* kept, by row */

struct verdict {
	int64_t row;
	bool is_one;
};

struct lineage {
	struct history_lineage asked;
	uint64_t self_key, ancestor_key;
	sqlite3_stmt *row;
	struct verdict verdicts[N_VERDICTS];
};

int lineage_new(struct lineage **ret, sqlite3 *db, const struct history_lineage *asked)
{
	_cleanup_(lineage_freep) struct lineage *lineage = calloc(1, sizeof(*lineage));
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	char name[FIELD_COLUMN_MAX];
	int r;

	if (!lineage)
		return -ENOMEM;
	lineage->asked = *asked;
	lineage->self_key = sieve_key_number(asked->field, asked->number);
	lineage->ancestor_key = sieve_key_ancestor(asked->field, asked->number);
	field_column(asked->field, name);
	buffer_printf(&sql,
		      "SELECT f.parent, coalesce(l.ancestry_cut, 0), f.%s FROM process p "
		      "CROSS JOIN process f ON f.id = coalesce(p.first, p.id) LEFT JOIN login l ON l.id = p.login WHERE p.id = ?",
		      name);
	if (buffer_error(&sql) < 0)
		return -ENOMEM;
	r = sql_prepare(db, buffer_text(&sql), &lineage->row);
	if (r < 0)
		return r;
	*ret = TAKE(lineage);
	return 0;
}

struct lineage *lineage_free(struct lineage *lineage)
{
	if (!lineage)
		return NULL;
	sql_finalize(lineage->row);
	free(lineage);
	return NULL;
}

bool lineage_may_be_in(const struct lineage *lineage, struct span sieve)
{
	return sieve_may_have(sieve, lineage->self_key) || sieve_may_have_ancestor(sieve, lineage->ancestor_key) ||
	       sieve_may_have_ancestor(sieve, sieve_key_cut());
}

static struct verdict *verdict_of(struct lineage *lineage, int64_t row)
{
	return &lineage->verdicts[(uint64_t)row % N_VERDICTS];
}

/* 0: nothing is known of the row by itself, *ret_parent is above it (0: nothing is). */
static int look_at(struct lineage *lineage, int64_t row, int64_t *ret_parent)
{
	int r, is_one = 0;

	*ret_parent = 0;
	sqlite3_bind_int64(lineage->row, 1, row);
	r = sqlite3_step(lineage->row);
	if (r == SQLITE_ROW) {
		int64_t parent = sqlite3_column_int64(lineage->row, 0);

		is_one = sqlite3_column_int64(lineage->row, 1) != 0 ||
			 (sqlite3_column_type(lineage->row, 2) != SQLITE_NULL &&
			  (uint64_t)sqlite3_column_int64(lineage->row, 2) == lineage->asked.number);
		/* A parent has the smaller number, so that there is no circle. */
		*ret_parent = parent < row ? parent : 0;
	}
	sqlite3_reset(lineage->row);
	r = sql_errno(r);
	return r < 0 ? r : is_one;
}

int lineage_has(struct lineage *lineage, int64_t row)
{
	int64_t line[CONTEXT_MAX_DEPTH + 2], at = row;
	unsigned n = 0;
	int r = 0;

	while (at > 0 && r == 0) {
		const struct verdict *known = verdict_of(lineage, at);

		if (known->row == at) {
			r = known->is_one;
			break;
		}
		/* What is further up nobody reads (history_row_context()). */
		if (n == ARRAY_SIZE(line)) {
			r = 1;
			break;
		}
		line[n++] = at;
		r = look_at(lineage, at, &at);
	}
	for (unsigned i = 0; r >= 0 && i < n; i++)
		*verdict_of(lineage, line[i]) = (struct verdict){ line[i], r != 0 };
	return r;
}
