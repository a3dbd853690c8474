/* See pattern_text.h.  Reads the top level of a pattern alone: groups and classes are passed over, and whatever could change the
 * meaning of what follows (options, verbs, quotes, alternatives) ends the reading without a result.  So it may miss a text, but
 * never gives a wrong one. */

#include <string.h>

#include "filter/pattern_text.h"

struct reader {
	struct span rest;
	unsigned depth;			/* of groups */
	char run[PATTERN_TEXT_MAX];
	size_t n_run;
	char best[PATTERN_TEXT_MAX];
	size_t n_best;
};

static void end_run(struct reader *r)
{
	if (r->n_run > r->n_best) {
		memcpy(r->best, r->run, r->n_run);
		r->n_best = r->n_run;
	}
	r->n_run = 0;
}

static void add_to_run(struct reader *r, char c)
{
	if (r->depth > 0)
		return;
	if (r->n_run == sizeof(r->run))
		end_run(r);
	r->run[r->n_run++] = c;
}

static char take(struct reader *r)
{
	char c = r->rest.data[0];

	r->rest = (struct span){ r->rest.data + 1, r->rest.size - 1 };
	return c;
}

static bool next_is(const struct reader *r, char c)
{
	return r->rest.size > 0 && r->rest.data[0] == c;
}

/* Behind the bracket that opens it. */
static bool skip_class(struct reader *r)
{
	end_run(r);
	if (next_is(r, '^'))
		take(r);
	if (next_is(r, ']'))
		take(r);
	while (r->rest.size > 0) {
		char c = take(r);

		if (c == ']')
			return true;
		/* [[:alpha:]], and quotes and \c], which may hide the end. */
		if (c == '[' || (c == '\\' && (r->rest.size == 0 || strchr("QEc", r->rest.data[0]))))
			return false;
		if (c == '\\')
			take(r);
	}
	return false;
}

static bool read_escape(struct reader *r)
{
	/* Classes, characters and places of two bytes; others go on behind the letter. */
	static const char known[] = "dDsSwWhHvVRrntfaebBAzZ";
	char c;

	if (r->rest.size == 0)
		return false;
	c = take(r);
	if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) {
		end_run(r);
		return memchr(known, c, sizeof(known) - 1) != NULL;
	}
	add_to_run(r, c);
	return true;
}

/* {n,m} behind the brace. */
static bool skip_count(struct reader *r)
{
	while (r->rest.size > 0) {
		char c = take(r);

		if (c == '}')
			return true;
		if (c != ',' && (c < '0' || c > '9'))
			return false;
	}
	return false;
}

/* The character before may be missing. */
static void drop_last(struct reader *r)
{
	if (r->n_run > 0)
		r->n_run--;
	end_run(r);
}

static bool read_group(struct reader *r)
{
	end_run(r);
	r->depth++;
	if (next_is(r, '*'))
		return false;
	if (!next_is(r, '?'))
		return true;
	take(r);
	return r->rest.size > 0 && take(r) == ':';
}

static bool read_one(struct reader *r)
{
	char c = take(r);

	switch (c) {
	case '\\':
		return read_escape(r);
	case '[':
		return skip_class(r);
	case '(':
		return read_group(r);
	case ')':
		return r->depth-- > 0;
	case '|':
		return r->depth > 0;
	case '*':
	case '?':
		drop_last(r);
		return true;
	case '{':
		drop_last(r);
		return skip_count(r);
	case '+':
	case '.':
	case '^':
	case '$':
		end_run(r);
		return true;
	default:
		add_to_run(r, c);
		return true;
	}
}

size_t pattern_required_text(struct span pattern, char ret[static PATTERN_TEXT_MAX])
{
	struct reader r = { .rest = pattern };

	while (r.rest.size > 0)
		if ((unsigned char)r.rest.data[0] >= 0x80 || !read_one(&r))
			return 0;
	end_run(&r);
	memcpy(ret, r.best, r.n_best);
	return r.depth == 0 ? r.n_best : 0;
}
