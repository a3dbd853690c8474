/* The distance of two words: letters added, dropped, exchanged, or two neighbours swapped (optimal string
 * alignment), without regard to case. A name is near when about a third of the word, at most, is wrong, or
 * when the word is its beginning. Errors are rare, names few: the plain table of distances does. */

#include "base/suggest.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	return MIN(MIN(a, b), c);
}

static unsigned distance(struct span a, struct span b)
{
	unsigned rows[3][SUGGEST_MAX + 1];	/* two rows back, last row, this row */
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (unsigned j = 0; j <= b.size; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a.size; i++) {
		unsigned *spare = before;

		row[0] = i;
		for (unsigned j = 1; j <= b.size; j++) {
			char x = lower(a.data[i - 1]), y = lower(b.data[j - 1]);

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b.data[j - 2]) && y == lower(a.data[i - 2]))
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b.size];
}

void suggest_offer(struct suggestion *suggestion, struct span name)
{
	struct span word = suggestion->word;
	unsigned d;

	if (word.size == 0 || word.size > SUGGEST_MAX || name.size > SUGGEST_MAX)
		return;
	d = distance(word, name);
	if (d >= suggestion->distance)
		return;
	if (d > MAX(1u, (unsigned)MAX(word.size, name.size) / 3) &&
	    !(word.size >= 3 && span_starts(name, word)))
		return;
	suggestion->distance = d;
	suggestion->best = name;
}

struct span suggest_best(const struct suggestion *suggestion)
{
	return suggestion->best;
}
