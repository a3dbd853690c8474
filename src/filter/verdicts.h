#pragma once
/* What is known of the terms on a process, kept by context: it never changes, and most events are of a few processes. */

#include "filter/search.h"

/* A search in the fields of contexts. */
struct context_search {
	struct search *search;		/* borrowed */
	enum place place;		/* process, parent, ancestry */
};

struct verdicts;				/* the store */

struct context_verdicts {		/* of one context */
	uint64_t serial;
	uint32_t *found;		/* what the searches found */
	size_t n_found, found_capacity;
	uint32_t *above;		/* of those in ancestors: true for this context or one above */
	size_t n_above, above_capacity;
	bool has_found, has_above;
	uint64_t *known, *holds;	/* terms asked by themselves, by their number */
	uint64_t *dead;			/* filters that no event of this context can pass, as far as was seen, by their number */
};

/* n_values: numbers that searches tell are below it.  n_terms: asked by themselves. */
int verdicts_new(struct verdicts **ret, const struct context_search *searches, size_t n, size_t n_values, size_t n_terms,
		 size_t n_filters);
struct verdicts *verdicts_free(struct verdicts *verdicts);
DEFINE_CLEANUP(struct verdicts, verdicts_free)
/* Valid until the next call.  NULL: no memory. */
struct context_verdicts *verdicts_of(struct verdicts *verdicts, const struct context *context);
