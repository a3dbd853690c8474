/* Makes a term from its parts.
 *
 * Everything that can be decided once is decided when the term is made: where the field lies (a function),
 * how its type is compared (another), numbers and networks parsed, texts folded and sorted, expressions
 * compiled. Case is folded for ASCII letters alone, but in regular expressions.
 *
 * What it leaves out: sharing between terms; filter.c asks equal terms only once an event. */

#include <errno.h>

#include "filter/record_type.h"
#include "filter/term_impl.h"

/* What people type who come from other languages. */
static const struct {
	struct span word, meant;
} foreign_operators[] = {
	{ { "=", 1 }, { "is", 2 } },		{ { "==", 2 }, { "is", 2 } },
	{ { "equals", 6 }, { "is", 2 } },	{ { "eq", 2 }, { "is", 2 } },
	{ { "!=", 2 }, { "is not", 6 } },	{ { "<>", 2 }, { "is not", 6 } },
	{ { "<", 1 }, { "less than", 9 } },	{ { ">", 1 }, { "greater than", 12 } },
	{ { "~", 1 }, { "matches", 7 } },	{ { "=~", 2 }, { "matches", 7 } },
	{ { "like", 4 }, { "contains", 8 } },	{ { "regex", 5 }, { "matches", 7 } },
	{ { "startswith", 10 }, { "starts with", 11 } }, { { "endswith", 8 }, { "ends with", 9 } },
};

struct term *term_free(struct term *term)
{
	if (!term)
		return NULL;
	for (size_t i = 0; term->patterns && i < term->n_values; i++)
		pattern_free(term->patterns[i]);
	free(term->patterns);
	free(term->texts);
	free(term->numbers);
	free(term->networks);
	free(term->memory);
	buffer_release(&term->canonical);
	free(term);
	return NULL;
}

static int find_operator(struct span name, enum operator_id *ret, struct filter_error *error)
{
	struct suggestion suggestion = suggestion_for(name);

	for (size_t i = 0; i < N_OPERATORS; i++) {
		if (!span_eq(operators[i].name, name))
			continue;
		*ret = (enum operator_id)i;
		return 0;
	}
	if (span_starts(name, SPAN("not ")) || span_ends(name, SPAN(" not")))
		return filter_fail(error, "operator %s: in an object 'not' is the key 'negate'", quote(name).text);
	for (size_t i = 0; i < ARRAY_SIZE(foreign_operators); i++)
		if (span_eq(foreign_operators[i].word, name))
			return filter_fail(error, "unknown operator %s%s", quote(name).text,
					   quote_suggestion(foreign_operators[i].meant).text);
	term_suggest_operator(&suggestion);
	return filter_fail(error, "unknown operator %s%s", quote(name).text,
			   quote_suggestion(suggest_best(&suggestion)).text);
}

const char *term_operator_name(size_t i)
{
	return i < N_OPERATORS ? operators[i].name.data : NULL;
}

void term_suggest_operator(struct suggestion *suggestion)
{
	for (size_t i = 0; i < N_OPERATORS; i++)
		suggest_offer(suggestion, operators[i].name);
}

static int find_field(struct span name, struct field_name *ret, struct filter_error *error)
{
	struct suggestion suggestion = suggestion_for(name);

	if (field_name_lookup(name, ret))
		return 0;
	if (category_lookup(name) != N_CATEGORIES)
		return filter_fail(error, "%s is an event type, not a field; a type is a term of its own",
				   quote(name).text);
	field_name_suggest(&suggestion);
	return filter_fail(error, "unknown field %s%s", quote(name).text,
			   quote_suggestion(suggest_best(&suggestion)).text);
}

int term_check_names(struct span field, struct span operator, struct filter_error *error)
{
	struct field_name name;
	enum operator_id id;
	int r = find_field(field, &name, error);

	return r < 0 ? r : find_operator(operator, &id, error);
}

static bool is_hash(enum field field)
{
	static const enum field hashes[] = {
		FIELD_hash_md5,	  FIELD_hash_sha1,   FIELD_hash_sha256,	  FIELD_script_md5, FIELD_script_sha1, FIELD_script_sha256,
		FIELD_dll_md5,	  FIELD_dll_sha1,    FIELD_dll_sha256,	  FIELD_driver_md5, FIELD_driver_sha1, FIELD_driver_sha256,
	};

	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (hashes[i] == field)
			return true;
	return false;
}

static int set_texts(struct term *term, const struct term_parts *parts, struct filter_error *error)
{
	size_t size = 0, used = 0;

	for (size_t i = 0; i < parts->n_values; i++)
		size += parts->values[i].size;
	term->memory = malloc(MAX(size, 1u));
	term->texts = calloc(parts->n_values, sizeof(*term->texts));
	if (!term->memory || !term->texts)
		return -ENOMEM;
	for (size_t i = 0; i < parts->n_values; i++) {
		struct span value = parts->values[i];
		char *copy = term->memory + used;

		if (value.size == 0 && term->operator != OPERATOR_is && term->operator != OPERATOR_in)
			return filter_fail(error, "the value is empty: every text would match");
		for (size_t k = 0; k < value.size; k++)
			copy[k] = term->fold_case ? ascii_lower(value.data[k]) : value.data[k];
		term->texts[i] = (struct span){ copy, value.size };
		used += value.size;
	}
	term->n_values = parts->n_values;
	term->text = term->fold_case ? operators[term->operator].folded : operators[term->operator].text;
	term->test = term_test_text;
	if (term->text == span_eq && term->n_values > 8) {
		qsort(term->texts, term->n_values, sizeof(*term->texts), compare_spans);
		term->test = term_test_sorted;
	}
	return 0;
}

/* (?i) in front of all of them is how people write `case insensitive`. */
static size_t fold_prefix(const struct term_parts *parts)
{
	static const struct span prefix = { "(?i)", 4 };

	for (size_t i = 0; i < parts->n_values; i++)
		if (!span_starts(parts->values[i], prefix) || parts->values[i].size == prefix.size)
			return 0;
	return prefix.size;
}

static int set_patterns(struct term *term, const struct term_parts *parts, struct filter_error *error)
{
	size_t skipped = fold_prefix(parts);

	term->fold_case = term->fold_case || skipped > 0;
	term->patterns = calloc(parts->n_values, sizeof(struct pattern *));
	if (!term->patterns)
		return -ENOMEM;
	term->n_values = parts->n_values;
	for (size_t i = 0; i < parts->n_values; i++) {
		struct span value = parts->values[i];
		int r = pattern_new(&term->patterns[i], (struct span){ value.data + skipped, value.size - skipped },
				    term->fold_case, error);

		if (r < 0)
			return r;
		term->pattern_bytes += pattern_bytes(term->patterns[i]);
	}
	term->test = term_test_text;
	return 0;
}

static int set_text_values(struct term *term, const struct term_parts *parts, struct filter_error *error)
{
	bool is_list = term->name.n_fields > 0 && fields[term->name.fields[0]].type == TYPE_LIST;
	int r = term->operator== OPERATOR_matches ? set_patterns(term, parts, error)
						  : set_texts(term, parts, error);

	if (r < 0)
		return r;
	if (is_list)
		term->test = term_test_list;
	return 0;
}

static int set_numbers(struct term *term, const struct term_parts *parts, struct filter_error *error)
{
	static const test_fn tests[N_OPERATORS] = {
		[OPERATOR_is] = term_test_number, [OPERATOR_in] = term_test_number,
		[OPERATOR_less] = term_test_less, [OPERATOR_greater] = term_test_greater,
	};
	enum field_type type = fields[term->name.fields[0]].type;

	if (parts->n_values > 1 && tests[term->operator] != term_test_number)
		return filter_fail(error, "operator %s takes one value", quote(parts->operator).text);
	term->numbers = calloc(parts->n_values, sizeof(*term->numbers));
	if (!term->numbers)
		return -ENOMEM;
	for (size_t i = 0; i < parts->n_values; i++)
		if (value_parse_number(type, parts->values[i], &term->numbers[i]) < 0)
			return filter_fail(error, "%s is not %s, which field %s holds",
					   quote(parts->values[i]).text, value_describe(type),
					   quote(parts->field).text);
	term->n_values = parts->n_values;
	term->test = tests[term->operator];
	return 0;
}

static int set_networks(struct term *term, const struct term_parts *parts, struct filter_error *error)
{
	term->networks = calloc(parts->n_values, sizeof(*term->networks));
	if (!term->networks)
		return -ENOMEM;
	for (size_t i = 0; i < parts->n_values; i++) {
		int r = network_parse(parts->values[i], &term->networks[i]);
		char meant[NETWORK_TEXT_MAX];

		if (r < 0)
			return filter_fail(error,
					   "%s is neither an address nor a network such as '10.0.0.0/8'",
					   quote(parts->values[i]).text);
		if (r > 0) {
			network_text(&term->networks[i], meant);
			return filter_fail(error, "%s has bits set beyond its prefix%s",
					   quote(parts->values[i]).text,
					   quote_suggestion(span_of(meant)).text);
		}
		if (term->operator == OPERATOR_is && term->networks[i].bits != term->networks[i].size * 8)
			return filter_fail(error, "%s is a network: use operator 'in'",
					   quote(parts->values[i]).text);
	}
	term->n_values = parts->n_values;
	term->test = term_test_address;
	return 0;
}

/* Record types may be numbers; where only audit's can be meant, a name is one of them. */
static int set_codes(struct term *term, struct term_parts *parts, struct span **ret_texts, struct filter_error *error)
{
	bool is_whole = term->operator == OPERATOR_is || term->operator == OPERATOR_in;

	if (term->name.n_fields != 1 || term->name.fields[0] != FIELD_code || !is_whole)
		return 0;
	for (size_t i = 0; term->name.categories != ALL_CATEGORIES && i < parts->n_values; i++)
		if (record_type_check(parts->values[i], error) < 0)
			return -EINVAL;
	*ret_texts = calloc(parts->n_values * 2, sizeof(**ret_texts));
	if (!*ret_texts)
		return -ENOMEM;
	parts->n_values = record_type_texts(parts->values, parts->n_values, *ret_texts);
	parts->values = *ret_texts;
	term->fold_case = true;
	return 0;
}

static void set_canonical(struct term *term, const struct term_parts *parts)
{
	struct buffer *out = &term->canonical;

	buffer_printf(out, "%d.%x.%d.%d", (int)term->name.place, term->name.categories, (int)term->operator,
		      term->fold_case);
	for (unsigned i = 0; i < term->name.n_fields; i++)
		buffer_printf(out, ".%d", (int)term->name.fields[i]);
	for (size_t i = 0; i < parts->n_values; i++) {
		buffer_printf(out, "/%zu:", parts->values[i].size);
		buffer_append_span(out, parts->values[i]);
	}
}

static int check_values(const struct term_parts *parts, struct filter_error *error)
{
	if (parts->n_values == 0)
		return filter_fail(error, "the value is missing: %s takes one in single quotes",
				   quote(parts->operator).text);
	if (parts->n_values > TERM_VALUES_MAX)
		return filter_fail(error, "more than %d values", TERM_VALUES_MAX);
	for (size_t i = 0; i < parts->n_values; i++)
		if (parts->values[i].size > TERM_VALUE_MAX)
			return filter_fail(error, "value %s is longer than %d bytes",
					   quote(parts->values[i]).text, TERM_VALUE_MAX);
	return 0;
}

static enum value_class class_of(const struct term *term)
{
	enum field_type type;

	if (term->name.n_fields == 0)
		return VALUE_TEXT;
	type = fields[term->name.fields[0]].type;
	return type == TYPE_IP ? VALUE_ADDRESS : field_type_is_text(type) ? VALUE_TEXT : VALUE_NUMBER;
}

static int set_values(struct term *term, const struct term_parts *parts, struct filter_error *error)
{
	enum value_class class = class_of(term);

	if (!(operators[term->operator].classes & class))
		return filter_fail(error, "operator %s does not apply to %s, which holds %s%s",
				   quote(parts->operator).text, quote(parts->field).text,
				   class == VALUE_TEXT	    ? "a text"
				   : class == VALUE_ADDRESS ? "an address"
							    : "a number",
				   class == VALUE_ADDRESS ? ": use 'is' or 'in'" : "");
	if (term->fold_case && class != VALUE_TEXT)
		return filter_fail(error, "case is of no account in %s, which holds no text",
				   quote(parts->field).text);
	term->fold_case = term->fold_case || (term->name.n_fields > 0 && is_hash(term->name.fields[0]));
	if (term->name.n_fields == 0) {
		int r = set_text_values(term, parts, error);

		return r < 0 ? r : term_decide_kinds(term, parts, error);
	}
	return class == VALUE_TEXT ? set_text_values(term, parts, error) :
	       class == VALUE_NUMBER ? set_numbers(term, parts, error) : set_networks(term, parts, error);
}

int term_new(struct term **ret, const struct term_parts *parts, struct filter_error *error)
{
	_cleanup_(term_freep) struct term *term = calloc(1, sizeof(*term));
	_cleanup_(freep) struct span *with_names = NULL;
	struct term_parts full = *parts;
	int r;

	if (!term)
		return -ENOMEM;
	term->negate = parts->negate;
	term->fold_case = parts->fold_case;
	r = find_field(parts->field, &term->name, error);
	if (r < 0 || (r = find_operator(parts->operator, &term->operator, error)) < 0 ||
	    (r = check_values(parts, error)) < 0)
		return r;
	r = set_codes(term, &full, &with_names, error);
	if (r < 0)
		return r;
	r = set_values(term, &full, error);
	if (r < 0)
		return r;
	if (!term->kind_only)
		term_add_known_kinds(term);
	term_set_kinds(term);
	term->match = term_plain_match(term);
	if (!term->match)
		term->match = places[term->name.place].match;
	if (!term->kind_only)
		term->cost = operators[term->operator].cost * places[term->name.place].cost;
	set_canonical(term, parts);
	if (buffer_error(&term->canonical) < 0)
		return -ENOMEM;
	*ret = TAKE(term);
	return 0;
}

const struct kind_set *term_kinds(const struct term *term)
{
	return &term->kinds;
}

bool term_is_kind_only(const struct term *term)
{
	return term->kind_only;
}

unsigned term_cost(const struct term *term)
{
	return term->cost;
}

size_t term_pattern_bytes(const struct term *term)
{
	return term->pattern_bytes;
}

uint64_t term_given_up(const struct term *term)
{
	uint64_t n = 0;

	for (size_t i = 0; term->patterns && i < term->n_values; i++)
		n += pattern_given_up(term->patterns[i]);
	return n;
}

struct span term_canonical(const struct term *term)
{
	return buffer_span(&term->canonical);
}

bool term_is_negated(const struct term *term)
{
	return term->negate;
}

void term_set_position(struct term *term, unsigned position)
{
	term->position = position;
}

unsigned term_position(const struct term *term)
{
	return term->position;
}

enum place term_place(const struct term *term)
{
	return term->name.place;
}

bool term_fields(const struct term *term, uint64_t set[static FIELD_WORDS])
{
	return field_name_fields(&term->name, set);
}

bool term_is_of_context(const struct term *term)
{
	bool in_context = term->name.place == PLACE_process || term->name.place == PLACE_parent ||
			  term->name.place == PLACE_ancestry;

	/* A name that some events do not have depends on the event too. */
	return !term->kind_only && in_context && term->name.categories == ALL_CATEGORIES;
}
