/* See search.h.  A search is itself a term, one that finds the field as its terms do, and whose test, instead of comparing,
 * hands what it finds to the matcher and is never true, so that every value is looked at. */

#include <errno.h>

#include "filter/search.h"
#include "filter/term_impl.h"

/* A network is looked for as its first bits, the rest cleared, and their number. */
#define NETWORK_KEY_MAX 17

struct prefix {
	uint8_t size, bits;		/* bytes of the address, bits of the network */
};

struct search {
	struct term term;		/* first: tests get it as a term */
	struct matcher *matcher;
	struct prefix *prefixes;	/* those that there are */
	size_t n_prefixes;
	char *keys;			/* of all networks */
	struct buffer folded;
	found_fn found;			/* of the call that runs */
	void *user;
};

static bool is_whole(const struct term *term)
{
	return term->operator == OPERATOR_is || term->operator == OPERATOR_in;
}

bool search_is_exact(const struct term *term)
{
	return !term->patterns;
}

/* A shorter text is in too many subjects. */
#define REQUIRED_MIN 4

/* A pattern is looked for by a text that it cannot match without. */
static unsigned weight_of_patterns(const struct term *term)
{
	for (size_t i = 0; i < term->n_values; i++)
		if (pattern_required(term->patterns[i]).size < REQUIRED_MIN)
			return 0;
	return (unsigned)term->n_values * 8;
}

unsigned search_weight(const struct term *term)
{
	if (term->kind_only)
		return 0;
	if (term->patterns)
		return weight_of_patterns(term);
	if (!term->texts && !is_whole(term))
		return 0;
	return (unsigned)term->n_values * (term->operator == OPERATOR_contains ? 4 : 1);
}

int search_compare(const struct term *a, const struct term *b)
{
	if (a->name.place != b->name.place)
		return (int)a->name.place - (int)b->name.place;
	if (a->name.categories != b->name.categories)
		return a->name.categories - b->name.categories;
	if (a->name.n_fields != b->name.n_fields)
		return (int)a->name.n_fields - (int)b->name.n_fields;
	for (unsigned i = 0; i < a->name.n_fields; i++)
		if (a->name.fields[i] != b->name.fields[i])
			return (int)a->name.fields[i] - (int)b->name.fields[i];
	return a->fold_case - b->fold_case;
}

/* What is looked at */

static void look(struct search *search, struct span subject)
{
	if (search->term.fold_case) {
		char *to;

		buffer_clear(&search->folded);
		to = buffer_reserve(&search->folded, subject.size);
		/* Without memory for a copy one of another case is not found. */
		for (size_t i = 0; to && i < subject.size; i++)
			to[i] = ascii_lower(subject.data[i]);
		if (to)
			subject.data = to;
	}
	matcher_find(search->matcher, subject, search->found, search->user);
}

static struct search *of_term(const struct term *term)
{
	return (struct search *)(uintptr_t)term;
}

static bool look_at_text(const struct term *term, const struct values *values, enum field field)
{
	look(of_term(term), values_text(values, field));
	return false;
}

static bool look_at_list(const struct term *term, const struct values *values, enum field field)
{
	struct span item, rest = values_text(values, field);

	while (list_next(&rest, &item))
		look(of_term(term), item);
	return false;
}

static bool look_at_number(const struct term *term, const struct values *values, enum field field)
{
	uint64_t number = values_number(values, field);

	look(of_term(term), (struct span){ (const char *)&number, sizeof(number) });
	return false;
}

static struct span network_key(const uint8_t *address, struct prefix prefix, char *to)
{
	memcpy(to, address, prefix.size);
	address_cut((uint8_t *)to, prefix.size, prefix.bits);
	to[prefix.size] = (char)prefix.bits;
	return (struct span){ to, prefix.size + 1u };
}

static bool look_at_address(const struct term *term, const struct values *values, enum field field)
{
	struct search *search = of_term(term);
	struct span address = values_text(values, field), unmapped = address_unmapped(address);
	char key[NETWORK_KEY_MAX];

	for (size_t i = 0; i < search->n_prefixes; i++) {
		struct span bytes = search->prefixes[i].size == 4 ? unmapped : address;

		if (bytes.size == search->prefixes[i].size)
			look(search, network_key((const uint8_t *)bytes.data, search->prefixes[i], key));
	}
	return false;
}

static test_fn test_for(const struct term *term)
{
	return term->numbers ? look_at_number :
	       term->networks ? look_at_address :
	       fields[term->name.fields[0]].type == TYPE_LIST ? look_at_list : look_at_text;
}

/* Making one */

static struct literal literal_of(const struct term *term, size_t i, uint32_t value)
{
	static const enum literal_place literal_places[N_OPERATORS] = {
		[OPERATOR_is] = LITERAL_WHOLE, [OPERATOR_in] = LITERAL_WHOLE, [OPERATOR_contains] = LITERAL_INSIDE,
		[OPERATOR_starts] = LITERAL_START, [OPERATOR_ends] = LITERAL_END,
	};

	if (term->numbers)
		return (struct literal){ { (const char *)&term->numbers[i], sizeof(term->numbers[i]) }, LITERAL_WHOLE, value };
	if (term->patterns)
		return (struct literal){ pattern_required(term->patterns[i]), LITERAL_INSIDE, value };
	return (struct literal){ term->texts[i], literal_places[term->operator], value };
}

static void add_prefix(struct search *search, struct prefix prefix)
{
	for (size_t i = 0; i < search->n_prefixes; i++)
		if (search->prefixes[i].size == prefix.size && search->prefixes[i].bits == prefix.bits)
			return;
	search->prefixes[search->n_prefixes++] = prefix;
}

static int set_networks(struct search *search, const struct term *const *terms, const uint32_t *values, size_t n, size_t n_literals,
			struct literal *literals)
{
	size_t used = 0;

	search->keys = malloc(n_literals * NETWORK_KEY_MAX);
	search->prefixes = calloc(n_literals, sizeof(*search->prefixes));
	if (!search->keys || !search->prefixes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < terms[i]->n_values; k++, used++) {
			const struct network *network = &terms[i]->networks[k];
			struct prefix prefix = { network->size, network->bits };

			literals[used] = (struct literal){ network_key(network->bytes, prefix, search->keys + used * NETWORK_KEY_MAX),
							   LITERAL_WHOLE, values[i] };
			add_prefix(search, prefix);
		}
	return 0;
}

int search_new(struct search **ret, const struct term *const *terms, const uint32_t *values, size_t n)
{
	_cleanup_(search_freep) struct search *search = calloc(1, sizeof(*search));
	_cleanup_(freep) struct literal *literals = NULL;
	size_t n_literals = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		n_literals += terms[i]->n_values;
	literals = calloc(MAX(n_literals, 1u), sizeof(*literals));
	if (!search || !literals)
		return -ENOMEM;
	if (terms[0]->networks) {
		r = set_networks(search, terms, values, n, n_literals, literals);
		if (r < 0)
			return r;
	} else {
		n_literals = 0;
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < terms[i]->n_values; k++)
				literals[n_literals++] = literal_of(terms[i], k, values[i]);
	}
	r = matcher_new(&search->matcher, literals, n_literals);
	if (r < 0)
		return r;
	search->term.name = terms[0]->name;
	search->term.known = terms[0]->known;
	search->term.fold_case = terms[0]->fold_case;
	search->term.test = test_for(terms[0]);
	search->term.match = places[terms[0]->name.place].match;
	*ret = TAKE(search);
	return 0;
}

struct search *search_free(struct search *search)
{
	if (!search)
		return NULL;
	matcher_free(search->matcher);
	buffer_release(&search->folded);
	free(search->prefixes);
	free(search->keys);
	free(search);
	return NULL;
}

void search_event(struct search *search, const struct event *event, found_fn found, void *user)
{
	search->found = found;
	search->user = user;
	if (kind_set_has(&search->term.known, event->kind))
		search->term.match(&search->term, event);
}

void search_values(struct search *search, const struct values *values, found_fn found, void *user)
{
	search->found = found;
	search->user = user;
	for (unsigned i = 0; i < search->term.name.n_fields; i++)
		if (values_has(values, search->term.name.fields[i]))
			search->term.test(&search->term, values, search->term.name.fields[i]);
}
