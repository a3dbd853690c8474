/* See rule_text.h.  A line is read as auditctl does (src/auditctl.c of audit: words between blanks, `-e2` as `-e 2`, # in front is a
 * comment), as far as these three facts go; what it would refuse is no fact. */

#include "source/rule_text.h"

#include <errno.h>

#define PLACES_NAMED 4
#define LINE_MAX_BYTES 6144		/* what auditctl reads as one line */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span take_line(struct span *rest)
{
	const char *newline = memchr(rest->data, '\n', rest->size);
	struct span line = { rest->data, newline ? (size_t)(newline - rest->data) + 1 : rest->size };

	*rest = (struct span){ line.data + line.size, rest->size - line.size };
	return line;
}

static struct span take_word(struct span *rest)
{
	struct span word = *rest;
	size_t n = 0;

	while (word.size > 0 && is_blank(word.data[0]))
		word = (struct span){ word.data + 1, word.size - 1 };
	while (n < word.size && !is_blank(word.data[n]))
		n++;
	word.size = n;
	*rest = (struct span){ word.data + n, (size_t)(rest->data + rest->size - (word.data + n)) };
	return word;
}

/* The fact that an option may be of, and the values with which it is; `off`: with which it is so no more. */
static const struct fact_option {
	char letter;
	enum rule_fact fact;
	const char *values[2], *off[2];
} fact_options[] = {
	{ 'e', RULE_LOCKS, { "2" }, { "0", "1" } },
	{ 'f', RULE_PANICS, { "2" }, { "0", "1" } },
	{ 'a', RULE_BLINDS, { "task,never", "never,task" }, { NULL } },
	{ 'A', RULE_BLINDS, { "task,never", "never,task" }, { NULL } },
};

static bool is_one_of(struct span word, const char *const values[2])
{
	for (size_t i = 0; i < 2; i++)
		if (values[i] && span_eq(word, span_of(values[i])))
			return true;
	return false;
}

static const struct fact_option *option_of(struct span word)
{
	for (size_t i = 0; word.size >= 2 && word.data[0] == '-' && i < ARRAY_SIZE(fact_options); i++)
		if (fact_options[i].letter == word.data[1])
			return &fact_options[i];
	return NULL;
}

/* The first option of the line that says something of a fact; *ret_holds: that it is so. */
static const struct fact_option *read_line(struct span line, bool *ret_holds)
{
	struct span word;

	line.size = MIN(line.size, (size_t)LINE_MAX_BYTES);
	word = take_word(&line);
	if (word.size > 0 && word.data[0] == '#')
		return NULL;
	for (; word.size > 0; word = take_word(&line)) {
		const struct fact_option *option = option_of(word);
		struct span value = { word.data + 2, word.size - 2 };

		if (!option)
			continue;
		if (value.size == 0)
			value = take_word(&line);
		*ret_holds = is_one_of(value, option->values);
		if (*ret_holds || is_one_of(value, option->off))
			return option;
	}
	return NULL;
}

static void add_place(struct rule_fact_places *places, struct span path, unsigned line)
{
	if (places->n++ >= PLACES_NAMED)
		return;
	buffer_append_text(&places->text, places->n > 1 ? ", " : "");
	buffer_append_span(&places->text, path);
	buffer_printf(&places->text, ":%u", line);
}

void rule_facts_look(struct rule_facts *facts, const char *path, struct span text)
{
	for (unsigned number = 1; text.size > 0; number++) {
		bool holds = false;
		const struct fact_option *option = read_line(take_line(&text), &holds);

		if (!option)
			continue;
		if (option->fact == RULE_BLINDS) {
			add_place(&facts->places[RULE_BLINDS], span_of(path), number);
			continue;
		}
		facts->last[option->fact].holds = holds;
		facts->last[option->fact].line = number;
		buffer_clear(&facts->last[option->fact].path);
		buffer_append_text(&facts->last[option->fact].path, path);
	}
}

void rule_facts_end(struct rule_facts *facts)
{
	for (unsigned i = 0; i < ARRAY_SIZE(facts->last); i++) {
		if (facts->last[i].holds)
			add_place(&facts->places[i], buffer_span(&facts->last[i].path), facts->last[i].line);
		facts->last[i].holds = false;
	}
}

const char *rule_facts_places(struct rule_facts *facts, enum rule_fact fact)
{
	struct rule_fact_places *places = &facts->places[fact];

	if (places->n > PLACES_NAMED) {
		buffer_printf(&places->text, " and %u more", places->n - PLACES_NAMED);
		places->n = PLACES_NAMED;
	}
	return buffer_text(&places->text);
}

int rule_facts_error(const struct rule_facts *facts)
{
	int r = 0;

	for (unsigned i = 0; i < N_RULE_FACTS && r >= 0; i++)
		r = buffer_error(&facts->places[i].text);
	for (unsigned i = 0; i < ARRAY_SIZE(facts->last) && r >= 0; i++)
		r = buffer_error(&facts->last[i].path);
	return r;
}

void rule_facts_release(struct rule_facts *facts)
{
	for (unsigned i = 0; i < N_RULE_FACTS; i++)
		buffer_release(&facts->places[i].text);
	for (unsigned i = 0; i < ARRAY_SIZE(facts->last); i++)
		buffer_release(&facts->last[i].path);
	*facts = (struct rule_facts){ 0 };
}

unsigned rule_text_sighted(struct buffer *ret, struct span text)
{
	unsigned n = 0;

	while (text.size > 0) {
		struct span line = take_line(&text);
		bool holds = false;
		const struct fact_option *option = read_line(line, &holds);

		if (option && option->fact == RULE_BLINDS)
			n++;
		else
			buffer_append_span(ret, line);
	}
	return n;
}
