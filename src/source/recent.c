/* See recent.h.  The text of a record has its time and serial, so that no two are alike but copies. */

#include "source/recent.h"

#include <stdlib.h>

#include "base/macro.h"

static uint64_t mark_of(const struct record *record)
{
	return span_hash(record->text, record->type);
}

void recent_add(struct recent *recent, const struct record *record)
{
	if (!recent->marks)
		recent->marks = calloc(RECENT_MAX, sizeof(*recent->marks));
	if (recent->marks)
		recent->marks[recent->n++ % RECENT_MAX] = mark_of(record);
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

void recent_close(struct recent *recent)
{
	recent->n = MIN(recent->n, (size_t)RECENT_MAX);
	if (recent->n > 0)
		qsort(recent->marks, recent->n, sizeof(*recent->marks), compare);
	recent->is_closed = true;
}

bool recent_has(const struct recent *recent, const struct record *record)
{
	uint64_t mark = mark_of(record);

	return recent->is_closed && recent->n > 0 && bsearch(&mark, recent->marks, recent->n, sizeof(mark), compare);
}

void recent_release(struct recent *recent)
{
	free(recent->marks);
	*recent = (struct recent){ 0 };
}
