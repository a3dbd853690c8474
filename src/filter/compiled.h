#pragma once
/* The inside of a filter: all filters of all streams made ready. */

#include "filter/filter.h"
#include "filter/terms.h"

struct shared_term {
	const struct term *term;
	uint32_t n_users;
	uint32_t asked;			/* event (filter->event) of the last answer */
	bool answer;
};

struct compiled {			/* one filter of one stream */
	uint64_t stream;		/* its bit */
	struct shared_term **terms;	/* the cheapest first */
	uint32_t n_terms;
	uint32_t cost;
	const struct terms *source;
};

struct filter {
	struct compiled *filters;
	size_t n_filters;
	struct shared_term *terms;
	size_t n_terms;
	struct shared_term **uses;	/* of all compiled.terms */
	uint32_t *order;		/* numbers of filters, kind after kind */
	size_t first[N_KINDS + 1];	/* where those of a kind begin in order */
	uint64_t all_streams;
	uint32_t event;			/* counts calls; a wrap makes all answers old at once */
};
