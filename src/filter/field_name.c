/* Look-up of the names a term may use. Own names are a table made from filter_fields.def; every other name
 * is one of fields.def, so a field that is added there can be used in a subscription at once. */

#include "filter/field_name.h"

#define IN_ALL ALL_CATEGORIES
#define IN_FILE CATEGORY_BIT_file
/* Of what a signal has of its event, with it. */
#define IN_NETWORK (CATEGORY_BIT_network | CATEGORY_BIT_signal)
#define IN_DNS CATEGORY_BIT_dns
#define IN_HTTP CATEGORY_BIT_http
#define IN_SECURITY (CATEGORY_BIT_security | CATEGORY_BIT_signal)

static const struct field_name own_names[] = {
#define NAME(name_, place_, categories_, a, b, c, meaning_)         \
	{ .name = name_,                                            \
	  .meaning = meaning_,                                      \
	  .place = PLACE_##place_,                                  \
	  .categories = (uint16_t)(categories_),                    \
	  .fields = { FIELD_##a, FIELD_##b, FIELD_##c },            \
	  .n_fields = (FIELD_##a != FIELD_NONE) + (FIELD_##b != FIELD_NONE) + (FIELD_##c != FIELD_NONE) },
#include "filter/filter_fields.def"
};

static void set_categories(struct field_name *name)
{
	if (name->categories)
		return;
	for (unsigned i = 0; i < name->n_fields; i++)
		name->categories |= fields[name->fields[i]].is_context ? (uint16_t)IN_ALL :
									 fields[name->fields[i]].categories;
}

static bool lookup_own(struct span name, struct field_name *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_names); i++) {
		if (!span_eq(span_of(own_names[i].name), name))
			continue;
		*ret = own_names[i];
		set_categories(ret);
		return true;
	}
	return false;
}

static bool lookup_field(struct span name, enum place place, struct field_name *ret)
{
	enum field field = field_lookup(name);

	if (field == FIELD_NONE || (place != PLACE_event && !fields[field].is_context))
		return false;
	if (place == PLACE_event && fields[field].is_context)
		place = PLACE_process;
	*ret = (struct field_name){ .meaning = fields[field].meaning, .place = place, .fields = { field },
				    .n_fields = 1 };
	set_categories(ret);
	return true;
}

/* `executable` and `user.name` after `process.parent.`: a name of the process with or without its first
 * word. */
static bool lookup_relative(struct span rest, enum place place, struct field_name *ret)
{
	static const char prefix[] = "process.";
	char full[SUGGEST_MAX + sizeof(prefix)];

	if (rest.size == 0 || rest.size > SUGGEST_MAX)
		return false;
	memcpy(full, prefix, sizeof(prefix) - 1);
	memcpy(full + sizeof(prefix) - 1, rest.data, rest.size);
	return lookup_field((struct span){ full, sizeof(prefix) - 1 + rest.size }, place, ret) ||
	       lookup_field(rest, place, ret);
}

bool field_name_lookup(struct span name, struct field_name *ret)
{
	static const struct {
		struct span prefix;
		enum place place;
	} relatives[] = {
		{ { "process.parent.", 15 }, PLACE_parent },
		{ { "process.ancestry.", 17 }, PLACE_ancestry },
	};

	if (lookup_own(name, ret) || lookup_field(name, PLACE_event, ret))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(relatives); i++) {
		struct span prefix = relatives[i].prefix;

		if (span_starts(name, prefix) &&
		    lookup_relative((struct span){ name.data + prefix.size, name.size - prefix.size },
				    relatives[i].place, ret))
			return true;
	}
	return false;
}

void field_name_suggest(struct suggestion *suggestion)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_names); i++)
		suggest_offer(suggestion, span_of(own_names[i].name));
	for (size_t i = 0; i < N_FIELDS; i++)
		suggest_offer(suggestion, span_of(fields[i].name));
}

const struct field_name *field_name_own(size_t i)
{
	return i < ARRAY_SIZE(own_names) ? &own_names[i] : NULL;
}
