/* See recent.h.  The text of a record has its time and serial, so that no two are alike but copies. */

#include "source/recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

static uint64_t mark_of(const struct record *record)
{
	return span_hash(record->text, record->type);
}

void recent_add(struct recent *recent, const struct record *record)
{
	uint64_t mark = mark_of(record);

	if (!recent->marks)
		recent->marks = calloc(RECENT_MAX, sizeof(*recent->marks));
	if (recent->marks)
		recent->marks[recent->n++ % RECENT_MAX] = mark;
	if (unlikely(recent->n_held < recent->max_held))
		recent->held[recent->n_held++] = mark;
}

void recent_hold(struct recent *recent, size_t max)
{
	size_t n = recent->marks ? MIN(recent->n, (size_t)RECENT_MAX) : 0;

	free(recent->held);
	recent->held = max > 0 ? calloc(n + max, sizeof(*recent->held)) : NULL;
	recent->n_held = recent->max_held = 0;
	if (!recent->held)
		return;
	if (n > 0)
		memcpy(recent->held, recent->marks, n * sizeof(*recent->held));
	recent->n_held = n;
	recent->max_held = n + max;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

void recent_close(struct recent *recent)
{
	recent->n = recent->marks ? MIN(recent->n, (size_t)RECENT_MAX) : 0;
	if (recent->n > 0)
		qsort(recent->marks, recent->n, sizeof(*recent->marks), compare);
	if (recent->n_held > 0)
		qsort(recent->held, recent->n_held, sizeof(*recent->held), compare);
	recent->is_closed = true;
}

static bool is_among(const uint64_t *marks, size_t n, uint64_t mark)
{
	return n > 0 && bsearch(&mark, marks, n, sizeof(mark), compare);
}

bool recent_has(const struct recent *recent, const struct record *record)
{
	uint64_t mark = mark_of(record);

	return recent->is_closed && (is_among(recent->marks, recent->n, mark) || is_among(recent->held, recent->n_held, mark));
}

void recent_release(struct recent *recent)
{
	free(recent->marks);
	free(recent->held);
	*recent = (struct recent){ 0 };
}
