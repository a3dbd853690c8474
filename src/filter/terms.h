#pragma once
/* Terms joined by AND: one filter. */

#include "filter/term.h"

struct terms {
	struct term **items;		/* those that need the event first, the cheapest in front */
	size_t n_items;
	size_t n_tests;			/* that need the event; the rest is said by `kinds` */
	struct kind_set kinds;		/* kinds all terms can be true for */
};

#define TERMS_MAX 64

int terms_new(struct terms **ret, size_t n);
void terms_add(struct terms *terms, struct term *term);	/* takes it; at most n */
/* Orders the terms.  -EINVAL: they exclude each other, no event can match. */
int terms_finish(struct terms *terms, struct filter_error *error);
