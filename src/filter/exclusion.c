/* What every filter leaves out.  A text is left out by a filter if one of its terms is false for it whatever else the event
 * has: a negated one that names it, or one that asks for something it is not.  Candidates are what negated terms name; kept
 * are those that no filter of any of the kinds can want. */

#include <errno.h>

#include "filter/compiled.h"
#include "filter/term_impl.h"

static bool is_about(const struct term *term, enum field field)
{
	return !term->kind_only && term->name.n_fields == 1 && term->name.fields[0] == field && !term->fold_case &&
	       (term->name.place == PLACE_event || term->name.place == PLACE_process);
}

static bool is_prefix(const struct term *term)
{
	return term->operator == OPERATOR_starts;
}

static bool is_whole(const struct term *term)
{
	return term->operator == OPERATOR_is || term->operator == OPERATOR_in;
}

/* Every text that the candidate stands for fulfils the positive form of term and value. */
static bool covers(const struct term *term, struct span value, struct span text, bool by_prefix)
{
	if (is_prefix(term))
		return span_starts(text, value);
	return is_whole(term) && !by_prefix && span_eq(text, value);
}

/* Some text that it stands for might. */
static bool touches(const struct term *term, struct span value, struct span text, bool by_prefix)
{
	if (is_prefix(term))
		return span_starts(text, value) || (by_prefix && span_starts(value, text));
	if (is_whole(term))
		return by_prefix ? span_starts(value, text) : span_eq(value, text);
	return true;
}

static bool term_excludes(const struct use *use, enum field field, struct span text, bool by_prefix)
{
	const struct term *term = use->predicate->term;

	if (!is_about(term, field))
		return false;
	for (size_t i = 0; i < term->n_values; i++) {
		if (use->negate && covers(term, term->texts[i], text, by_prefix))
			return true;
		if (!use->negate && touches(term, term->texts[i], text, by_prefix))
			return false;
	}
	return !use->negate && term->n_values > 0;
}

bool compiled_of_kinds(const struct compiled *compiled, const bool *of_kinds)
{
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (of_kinds[kind] && kind_set_has(&compiled->source->kinds, kind))
			return true;
	return false;
}

static bool all_exclude(const struct filter *filter, const bool *of_kinds, enum field field, struct span text, bool by_prefix)
{
	for (size_t i = 0; i < filter->n_filters; i++) {
		const struct compiled *compiled = &filter->filters[i];
		bool excludes = false;

		if (!compiled_of_kinds(compiled, of_kinds))
			continue;
		for (uint32_t k = 0; k < compiled->n_uses && !excludes; k++)
			excludes = term_excludes(&compiled->uses[k], field, text, by_prefix);
		if (!excludes)
			return false;
	}
	return true;
}

int filter_excluded(const struct filter *filter, const bool of_kinds[N_KINDS], enum field field, filter_text_fn fn, void *user)
{
	for (size_t i = 0; i < filter->n_predicates; i++) {
		const struct term *term = filter->predicates[i].term;

		if (!filter->predicates[i].negated || !is_about(term, field) || !(is_prefix(term) || is_whole(term)))
			continue;
		for (size_t k = 0; k < term->n_values; k++) {
			int r;

			if (!all_exclude(filter, of_kinds, field, term->texts[k], is_prefix(term)))
				continue;
			r = fn(user, term->texts[k], is_prefix(term));
			if (r < 0)
				return r;
		}
	}
	return 0;
}
