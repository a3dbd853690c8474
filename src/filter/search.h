#pragma once
/* Terms that compare one field with texts, numbers or addresses, all answered by one look at the field. */

#include "filter/matcher.h"
#include "filter/term.h"

/* Whether the term can be one of them: what asking it by itself costs, about; 0: it cannot. */
unsigned search_weight(const struct term *term);
/* What is found is true; otherwise only what is not found is known to be false. */
bool search_is_exact(const struct term *term);
/* 0: they can share a search, that is, they look at the same field in the same way.  For qsort. */
int search_compare(const struct term *a, const struct term *b);

struct search;
/* Terms that can share one; n-th found is told as values[n].  Borrows the terms. */
int search_new(struct search **ret, const struct term *const *terms, const uint32_t *values, size_t n);
struct search *search_free(struct search *search);
DEFINE_CLEANUP(struct search, search_free)

/* Those whose positive form is, or may be, true for the event; for what lies in contexts, for these values. */
void search_event(struct search *search, const struct event *event, found_fn found, void *user);
void search_values(struct search *search, const struct values *values, found_fn found, void *user);
