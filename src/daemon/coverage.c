/* See coverage.h. */

#include "daemon/coverage.h"

#include <string.h>

static void begin_span(struct coverage *c, uint64_t now_ns)
{
	/* Of those born before the end of the first nothing is known any more. */
	if (c->n_spans == BLIND_SPANS_MAX) {
		c->since_ns = c->spans[0].maybe_until_ns;
		c->blind_before = c->was_on = true;
		memmove(c->spans, c->spans + 1, sizeof(c->spans) - sizeof(c->spans[0]));
		c->n_spans--;
	}
	c->spans[c->n_spans].from_ns = now_ns;
	c->spans[c->n_spans].maybe_from_ns = c->looked_ns;
	c->spans[c->n_spans].until_ns = c->spans[c->n_spans].maybe_until_ns = UINT64_MAX;
	c->n_spans++;
}

void coverage_look(struct coverage *c, uint64_t now_ns, bool blind)
{
	if (c->since_ns == 0) {
		c->since_ns = c->looked_ns = now_ns;
		c->blind_before = blind;
	}
	if (blind && !c->is_blind)
		begin_span(c, now_ns);
	if (!blind && c->is_blind) {
		c->spans[c->n_spans - 1].until_ns = c->looked_ns;
		c->spans[c->n_spans - 1].maybe_until_ns = now_ns;
	}
	c->is_blind = blind;
	c->looked_ns = now_ns;
}

void coverage_end(struct coverage *c)
{
	*c = (struct coverage){ 0 };
}

enum covered coverage_of(const struct coverage *c, uint64_t start_ns, uint64_t tick_ns)
{
	if (c->since_ns == 0 || start_ns < c->since_ns)
		return COVERED_BEFORE;
	for (unsigned i = 0; i < c->n_spans; i++) {
		if (start_ns >= c->spans[i].from_ns && start_ns + tick_ns <= c->spans[i].until_ns)
			return COVERED_NOT;
		if (start_ns + tick_ns > c->spans[i].maybe_from_ns && start_ns < c->spans[i].maybe_until_ns)
			return COVERED_UNSURE;
	}
	return COVERED;
}
