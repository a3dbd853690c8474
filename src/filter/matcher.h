#pragma once
/* Many texts looked for in one subject at once. */

#include "base/macro.h"
#include "base/span.h"

enum literal_place { LITERAL_WHOLE, LITERAL_START, LITERAL_END, LITERAL_INSIDE };

struct literal {
	struct span text;		/* not empty but for LITERAL_WHOLE */
	enum literal_place place;	/* of the subject that it must be */
	uint32_t value;			/* handed to found_fn */
};

struct matcher;
/* The texts are borrowed for as long as it lives, the list is not. */
int matcher_new(struct matcher **ret, const struct literal *literals, size_t n);
struct matcher *matcher_free(struct matcher *matcher);
DEFINE_CLEANUP(struct matcher, matcher_free)

/* Called for each literal that is found, more than once if it is there more than once. */
typedef void (*found_fn)(void *user, uint32_t value);
void matcher_find(const struct matcher *matcher, struct span subject, found_fn found, void *user);
