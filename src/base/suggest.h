#pragma once
/* "did you mean ...?": the name of a list that lies nearest to a mistyped word. */

#include "base/macro.h"
#include "base/span.h"

/* Longer words are not mistyped names. */
#define SUGGEST_MAX 64

struct suggestion {
	struct span word;
	struct span best;		/* borrowed from suggest_offer */
	unsigned distance;
};

static inline struct suggestion suggestion_for(struct span word)
{
	return (struct suggestion){ .word = word, .distance = UINT32_MAX };
}

/* Offers one name; it must outlive the suggestion. */
void suggest_offer(struct suggestion *suggestion, struct span name);
/* The nearest name offered; empty when none is near enough to be meant. */
struct span suggest_best(const struct suggestion *suggestion);
