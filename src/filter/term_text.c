/* The text form of a term.
 *
 *	term	= [ "not" ] TYPE
 *		| FIELD [ "not" ] OPERATOR [ "not" ] values [ "case insensitive" ]
 *	values	= value { "," value } | "(" value { "," value } ")"
 *	value	= "'" text, in which '' stands for ' "'" | number
 *
 * A value ends at a quote that no second one follows; backslashes are ordinary bytes (Windows paths). */

#include <errno.h>

#include "base/buffer.h"
#include "filter/term.h"

struct parser {
	struct span rest;
	struct buffer *values;		/* bytes of all values, quotes undone */
	size_t *sizes;			/* of each value */
	size_t n_values, capacity;
	struct filter_error *error;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word_end(char c)
{
	return is_blank(c) || c == '\'' || c == '"' || c == '(' || c == ')' || c == ',';
}

static void skip(struct parser *p, size_t n)
{
	p->rest = (struct span){ p->rest.data + n, p->rest.size - n };
}

static void skip_blanks(struct parser *p)
{
	while (p->rest.size > 0 && is_blank(p->rest.data[0]))
		skip(p, 1);
}

/* The next word without taking it; empty at a value or the end. */
static struct span peek_word(struct parser *p)
{
	size_t n = 0;

	skip_blanks(p);
	while (n < p->rest.size && !is_word_end(p->rest.data[n]))
		n++;
	return (struct span){ p->rest.data, n };
}

static bool take_word(struct parser *p, struct span word)
{
	if (!span_eq(peek_word(p), word))
		return false;
	skip(p, word.size);
	return true;
}

static bool take_byte(struct parser *p, char byte)
{
	skip_blanks(p);
	if (p->rest.size == 0 || p->rest.data[0] != byte)
		return false;
	skip(p, 1);
	return true;
}

static bool is_number(struct span word)
{
	size_t i = word.size > 1 && word.data[0] == '-';

	if (word.size == i)
		return false;
	for (; i < word.size; i++)
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
	return true;
}

static int end_value(struct parser *p, size_t size)
{
	if (p->n_values == p->capacity) {
		size_t capacity = p->capacity ? p->capacity * 2 : 8;
		size_t *sizes = reallocarray(p->sizes, capacity, sizeof(*sizes));

		if (!sizes)
			return -ENOMEM;
		p->sizes = sizes;
		p->capacity = capacity;
	}
	p->sizes[p->n_values++] = size;
	return 0;
}

static int parse_quoted(struct parser *p)
{
	struct span from = p->rest;
	size_t before = p->values->size;

	while (p->rest.size > 0) {
		const char *quote_at = memchr(p->rest.data, '\'', p->rest.size);
		size_t n = quote_at ? (size_t)(quote_at - p->rest.data) : p->rest.size;

		buffer_append(p->values, p->rest.data, n);
		skip(p, n);
		if (!quote_at)
			break;
		skip(p, 1);
		if (p->rest.size == 0 || p->rest.data[0] != '\'')
			return end_value(p, p->values->size - before);
		buffer_append_byte(p->values, '\'');
		skip(p, 1);
	}
	return filter_fail(p->error, "the value that begins with %s lacks its closing quote",
			   quote(from).text);
}

static int parse_value(struct parser *p)
{
	struct span word = peek_word(p);

	if (take_byte(p, '\''))
		return parse_quoted(p);
	if (p->rest.size > 0 && p->rest.data[0] == '"')
		return filter_fail(p->error, "values stand in single quotes, not double ones");
	if (word.size == 0)
		return filter_fail(p->error, "a value in single quotes is missing%s%s",
				   p->rest.size ? " before " : " at the end",
				   p->rest.size ? quote(p->rest).text : "");
	if (!is_number(word))
		return filter_fail(p->error, "value %s must stand in single quotes", quote(word).text);
	buffer_append_span(p->values, word);
	skip(p, word.size);
	return end_value(p, word.size);
}

static int parse_values(struct parser *p)
{
	bool bracket = take_byte(p, '(');
	int r;

	do {
		r = parse_value(p);
		if (r < 0)
			return r;
	} while (take_byte(p, ','));
	if (bracket && !take_byte(p, ')'))
		return filter_fail(p->error, "the list lacks its closing bracket");
	return 0;
}

/* Words up to the value. What is no word of any operator ends the operator, so that an unquoted value gets
 * the message that it lacks its quotes. */
static int parse_operator(struct parser *p, struct buffer *operator, bool *ret_negate)
{
	unsigned n_words = 0, n_not = 0;

	for (;;) {
		struct span word = peek_word(p);

		if (word.size == 0 || is_number(word))
			break;
		if (span_eq(word, SPAN("not"))) {
			n_not++;
		} else {
			bool second = span_eq(word, SPAN("with")) || span_eq(word, SPAN("than"));

			if (n_words == 1 && !second)
				break;
			if (n_words == 2)
				break;
			if (n_words > 0)
				buffer_append_byte(operator, ' ');
			buffer_append_span(operator, word);
			n_words++;
		}
		skip(p, word.size);
	}
	if (n_not > 1)
		return filter_fail(p->error, "the term is negated twice");
	*ret_negate = n_not > 0;
	return 0;
}

static int parse_case(struct parser *p, bool *ret)
{
	bool folded = false;

	if (take_word(p, SPAN("case"))) {
		folded = take_word(p, SPAN("insensitive"));
		if (!folded && !take_word(p, SPAN("sensitive")))
			return filter_fail(p->error, "'case' is followed by 'insensitive' or 'sensitive'");
	}
	skip_blanks(p);
	if (span_eq(peek_word(p), SPAN("and")) || span_eq(peek_word(p), SPAN("or")))
		return filter_fail(
			p->error,
			"%s joins no terms: terms of one filter stand beside each other and all must "
			"hold, filters beside each other are alternatives",
			quote(peek_word(p)).text);
	if (p->rest.size > 0)
		return filter_fail(p->error, "unexpected %s after the value", quote(p->rest).text);
	*ret = folded;
	return 0;
}

static int make(struct term **ret, const struct parser *p, struct term_parts *parts)
{
	_cleanup_(freep) struct span *values = calloc(p->n_values, sizeof(*values));
	size_t used = 0;

	if (!values || buffer_error(p->values) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_values; i++) {
		values[i] = (struct span){ p->values->data ? p->values->data + used : "", p->sizes[i] };
		used += p->sizes[i];
	}
	parts->values = values;
	parts->n_values = p->n_values;
	return term_new(ret, parts, p->error);
}

static int parse_field_term(struct term **ret, struct parser *p, struct span field)
{
	_cleanup_(buffer_release) struct buffer operator = { 0 };
	struct term_parts parts = { .field = field };
	int r = parse_operator(p, &operator, &parts.negate);

	if (r < 0)
		return r;
	if (operator.size == 0)
		return filter_fail(p->error,
				   "an operator is missing after %s (is, contains, starts with, ends with, "
				   "matches, in, less than, greater than)",
				   quote(field).text);
	parts.operator = buffer_span(&operator);
	/* A wrong name is reported before what follows it. */
	r = term_check_names(field, parts.operator, p->error);
	if (r < 0 || (r = parse_values(p)) < 0 || (r = parse_case(p, &parts.fold_case)) < 0)
		return r;
	return make(ret, p, &parts);
}

int term_parse(struct term **ret, struct span text, struct filter_error *error)
{
	_cleanup_(buffer_release) struct buffer values = { 0 };
	struct parser p = { .rest = text, .values = &values, .error = error };
	bool negate = take_word(&p, SPAN("not"));
	struct span name = peek_word(&p);
	int r;

	if (text.size == 0 || name.size == 0)
		return filter_fail(error, p.rest.size ? "a term begins with an event type or a field"
						      : "the term is empty");
	skip(&p, name.size);
	skip_blanks(&p);
	if (p.rest.size == 0)
		return term_new_type(ret, name, negate, error);
	if (negate)
		return filter_fail(error,
				   "'not' stands before a type or beside the operator: %.*s is not '...'",
				   (int)MIN(name.size, 64u), name.data);
	r = parse_field_term(ret, &p, name);
	free(p.sizes);
	return r;
}
