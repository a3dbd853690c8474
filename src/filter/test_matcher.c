/* The matcher says what comparing one by one says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter/matcher.h"

#define N_MAX 300

static void note(void *user, uint32_t value)
{
	bool *found = user;

	found[value] = true;
}

static bool is_there(const struct literal *literal, struct span subject)
{
	struct span text = literal->text;

	switch (literal->place) {
	case LITERAL_WHOLE:
		return span_eq(subject, text);
	case LITERAL_START:
		return span_starts(subject, text);
	case LITERAL_END:
		return span_ends(subject, text);
	case LITERAL_INSIDE:
		break;
	}
	return text.size <= subject.size && memmem(subject.data, subject.size, text.data, text.size);
}

static void assert_same(const struct literal *literals, size_t n, const struct span *subjects, size_t n_subjects)
{
	_cleanup_(matcher_freep) struct matcher *matcher = NULL;

	assert_int_equal(matcher_new(&matcher, literals, n), 0);
	for (size_t i = 0; i < n_subjects; i++) {
		bool found[N_MAX] = { false };

		matcher_find(matcher, subjects[i], note, found);
		for (size_t k = 0; k < n; k++)
			if (found[k] != is_there(&literals[k], subjects[i]))
				fail_msg("literal %zu '%.*s' (%d) in '%.*s'", k, (int)literals[k].text.size,
					 literals[k].text.data, (int)literals[k].place, (int)subjects[i].size,
					 subjects[i].data);
	}
}

static void test_places(void **state)
{
	static const char *const texts[] = { "/usr/bin/ls", "/usr/", "/usr/bin/", "ls", "s", "/bin/", "usr", "in", "bin/l", "/usr/bin/lsx",
					     "a", "aaaa", "aaaaaaaaaaaaaaaaa", "/usr/bin/ls" };
	static const char *const subjects[] = { "", "a", "s", "ls", "/usr/bin/ls", "/usr/bin/lsx", "/usr/", "/usr", "aaaaaaaaaaaaaaaaaaaaa",
						"/x/usr/bin/ls", "aaa", "aaaa" };
	struct literal literals[ARRAY_SIZE(texts) * 4 + 1];
	struct span spans[ARRAY_SIZE(subjects)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (unsigned place = LITERAL_WHOLE; place <= LITERAL_INSIDE; place++, n++)
			literals[n] = (struct literal){ span_of(texts[i]), (enum literal_place)place, (uint32_t)n };
	literals[n] = (struct literal){ SPAN(""), LITERAL_WHOLE, (uint32_t)n };
	n++;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		spans[i] = span_of(subjects[i]);
	assert_same(literals, n, spans, ARRAY_SIZE(spans));
	assert_same(literals, 0, spans, ARRAY_SIZE(spans));
	for (size_t i = 0; i < n; i++) {
		literals[i].value = 0;
		assert_same(&literals[i], 1, spans, ARRAY_SIZE(spans));
	}
}

static uint32_t random_number(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Few letters, so that much is found. */
static struct span random_text(char *to, size_t size, uint32_t *seed)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (char)('a' + random_number(seed) % 3);
	return (struct span){ to, size };
}

static void test_random(void **state)
{
	static char memory[N_MAX][24], subject_memory[50][64];
	struct literal literals[N_MAX];
	struct span subjects[50];
	uint32_t seed = 1;

	for (unsigned round = 0; round < 40; round++) {
		size_t n = 1 + random_number(&seed) % N_MAX;

		for (uint32_t i = 0; i < n; i++)
			literals[i] = (struct literal){ random_text(memory[i], 1 + random_number(&seed) % (round % 20 + 1), &seed),
							(enum literal_place)(random_number(&seed) % 4), i };
		for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
			subjects[i] = random_text(subject_memory[i], random_number(&seed) % 64, &seed);
		assert_same(literals, n, subjects, ARRAY_SIZE(subjects));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_places), cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
