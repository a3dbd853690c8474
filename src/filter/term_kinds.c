/* Which kinds of events a term can be true for: said by its type, by a field of the kind itself (event.action), or by what has the
 * field that it asks for. */

#include <errno.h>

#include "filter/term_impl.h"

bool kind_set_intersect(struct kind_set *set, const struct kind_set *other)
{
	uint64_t left = 0;

	for (size_t i = 0; i < ARRAY_SIZE(set->bits); i++)
		left |= set->bits[i] &= other->bits[i];
	return left != 0;
}

void term_set_kinds(struct term *term)
{
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (term->negate ? !term->kind_only || !kind_set_has(&term->known, kind) :
				   kind_set_has(&term->known, kind))
			kind_set_add(&term->kinds, kind);
}

/* Terms on the kind: their text is compared with the names in the table of kinds, now. */
static void names_of_kind(enum place place, unsigned kind, struct span ret[static 2])
{
	const struct category_info *category = &categories[kinds[kind].category];

	ret[0] = span_of(place == PLACE_action ? kinds[kind].action :
			 place == PLACE_type ? kinds[kind].ecs_type : category->name);
	ret[1] = place == PLACE_category ? span_of(kinds[kind].ecs_category) : ret[0];
}

static int check_kind_value(const struct term *term, const struct term_parts *parts,
			    struct filter_error *error)
{
	for (size_t i = 0; i < term->n_values; i++) {
		struct suggestion suggestion = suggestion_for(parts->values[i]);
		bool found = false;

		for (unsigned kind = 0; kind < N_KINDS && !found; kind++) {
			struct span names[2];

			if (!(term->name.categories & 1u << kinds[kind].category))
				continue;
			names_of_kind(term->name.place, kind, names);
			for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
				suggest_offer(&suggestion, names[k]);
				found = found || term->text(names[k], term->texts[i]);
			}
		}
		if (!found)
			return filter_fail(error, "no event has a %s %s%s", quote(parts->field).text,
					   quote(parts->values[i]).text,
					   quote_suggestion(suggest_best(&suggestion)).text);
	}
	return 0;
}

int term_decide_kinds(struct term *term, const struct term_parts *parts, struct filter_error *error)
{
	term->kind_only = true;
	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		struct span names[2];

		if (!(term->name.categories & 1u << kinds[kind].category))
			continue;
		names_of_kind(term->name.place, kind, names);
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (term_text_matches(term, names[k]))
				kind_set_add(&term->known, kind);
	}
	return term->texts ? check_kind_value(term, parts, error) : 0;
}

void term_add_known_kinds(struct term *term)
{
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (field_name_is_of(&term->name, kind))
			kind_set_add(&term->known, kind);
}

/* `file`, `process.exec` */
static bool type_has_kind(struct span type, unsigned kind)
{
	struct span category = span_of(categories[kinds[kind].category].name),
		    action = span_of(kinds[kind].action);

	return span_eq(type, category) ||
	       (type.size == category.size + 1 + action.size && span_starts(type, category) &&
		type.data[category.size] == '.' && span_ends(type, action));
}

int term_new_type(struct term **ret, struct span type, bool negate, struct filter_error *error)
{
	_cleanup_(term_freep) struct term *term = calloc(1, sizeof(*term));
	bool found = false;

	if (!term)
		return -ENOMEM;
	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		if (!type_has_kind(type, kind))
			continue;
		kind_set_add(&term->known, kind);
		found = true;
	}
	if (!found) {
		struct suggestion suggestion = suggestion_for(type);
		struct field_name name;

		if (field_name_lookup(type, &name))
			return filter_fail(
				error, "%s is a field: it takes an operator and a value, as in %.*s is '...'",
				quote(type).text, (int)MIN(type.size, 64u), type.data);
		for (size_t i = 0; i < N_CATEGORIES; i++)
			suggest_offer(&suggestion, span_of(categories[i].name));
		return filter_fail(error, "unknown event type %s%s", quote(type).text,
				   quote_suggestion(suggest_best(&suggestion)).text);
	}
	term->kind_only = true;
	term->negate = negate;
	term_set_kinds(term);
	buffer_printf(&term->canonical, "type.%d/", negate);
	buffer_append_span(&term->canonical, type);
	if (buffer_error(&term->canonical) < 0)
		return -ENOMEM;
	*ret = TAKE(term);
	return 0;
}
