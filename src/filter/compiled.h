#pragma once
/* The inside of a filter: all filters of all streams made ready. */

#include "filter/verdicts.h"
#include "filter/filter.h"
#include "filter/terms.h"

#define NOT_KEPT UINT32_MAX

struct predicate {			/* the positive form of a term, wherever it stands */
	const struct term *term;
	uint32_t n_users;
	uint32_t asked;			/* event (filter->event) of the last answer */
	bool answer;
	bool searched;			/* false unless its search found it in this event */
	bool exact;			/* searched: true if it did */
	uint32_t found;			/* searched: the last event in which it was */
	bool of_context;
	bool negated;			/* some filter asks for the opposite */
	uint32_t search;		/* searched: number of its search */
	uint32_t number;		/* searched: its own */
	uint32_t bit;			/* of a context, and not exact: where its answers are kept */
	uint32_t *waiting;		/* numbers of the filters that are asked only if it is true */
	uint32_t n_waiting;
};

struct use {				/* a predicate in a filter */
	struct predicate *predicate;
	bool negate;
};

struct compiled {			/* one filter of one stream */
	uint64_t stream;		/* its bit */
	uint32_t signal;		/* number + 1; 0: the stream is no signal */
	struct use *uses;		/* the cheapest first */
	uint32_t n_uses;
	uint32_t cost;
	const struct terms *source;
};

struct event_search {
	struct search *search;
	struct kind_set kinds;		/* of events that some filter with one of its terms can want */
};

struct filter {
	struct compiled *filters;
	size_t n_filters;
	struct predicate *predicates;
	size_t n_predicates;
	const struct term **patterned;	/* those with regular expressions */
	size_t n_patterned;
	struct use *uses;		/* of all filters */
	uint32_t *waiting;		/* of all predicates */
	uint64_t *listed;		/* filters that wait for nothing: a bit set a kind */
	size_t n_words;			/* of one of them */
	struct kind_set wanted;
	struct kind_set signaled;	/* of these what a signal may be set off by */
	struct kind_set of_context;	/* kinds for which some filter looks at the process */

	struct search **searches;
	size_t n_searches;
	struct event_search *event_searches;
	size_t n_event_searches;
	struct predicate **searched;	/* by number */
	size_t n_searched;
	struct verdicts *verdicts;	/* NULL: nothing is asked of processes */

	const struct stream **signals, **hits;
	uint32_t *signal_hit;		/* of each signal: the last event that set it off */
	size_t n_signals, n_hits;

	uint64_t all_streams;
	uint32_t event;			/* counts calls; a wrap makes all answers old at once */
	struct context_verdicts *known;	/* of the context of the event that is asked about */
	uint32_t *found;		/* numbers of the searched predicates that are true for it */
	size_t n_found;
};

/* Chooses how each predicate is asked: by a search, or by itself. */
int filter_make_searches(struct filter *filter);
/* Some event of these kinds can pass it. */
bool compiled_of_kinds(const struct compiled *compiled, const bool *of_kinds);
