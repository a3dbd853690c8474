/* Counting in bounded memory: exact while it fits, and honest when it does not. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/tally.h"

static void add(struct tally *tally, const char *key, uint64_t time_ns)
{
	assert_int_equal(tally_add(tally, span_of(key), time_ns), 0);
}

static void assert_entry(const struct tally_entry *entry, const char *key, uint64_t count, uint64_t first_ns, uint64_t last_ns)
{
	assert_int_equal(entry->size, strlen(key));
	assert_memory_equal(entry->key, key, entry->size);
	assert_int_equal(entry->count, count);
	assert_int_equal(entry->first_ns, first_ns);
	assert_int_equal(entry->last_ns, last_ns);
}

static void test_exact(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = NULL;
	const struct tally_entry *const *entries;

	assert_int_equal(tally_new(&tally, 100, 100000), 0);
	assert_int_equal(tally_ranking(tally, &entries), 0);
	add(tally, "b", 5);
	add(tally, "a", 9);
	add(tally, "a", 7);		/* times need not rise */
	add(tally, "", 1);
	add(tally, "aa", 2);
	assert_int_equal(tally_ranking(tally, &entries), 4);
	assert_entry(entries[0], "a", 2, 7, 9);
	assert_entry(entries[1], "", 1, 1, 1);	/* equals in the order of their bytes */
	assert_entry(entries[2], "aa", 1, 2, 2);
	assert_entry(entries[3], "b", 1, 5, 5);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(entries[i]->missed, 0);
	assert_int_equal(tally_gone_max(tally), 0);
	add(tally, "b", 6);		/* a ranking is not the end */
	add(tally, "b", 8);
	assert_int_equal(tally_ranking(tally, &entries), 4);
	assert_entry(entries[0], "b", 3, 5, 8);
}

/* More values than are kept, in an order that is bad for the one that matters: it comes late, and between others. */
static void test_more_than_fit(void **state)
{
	enum { KEPT = 64, OTHERS = 20000, TRUTH = 2000 };
	_cleanup_(tally_freep) struct tally *tally = NULL;
	const struct tally_entry *const *entries;
	size_t n;

	assert_int_equal(tally_new(&tally, KEPT, 1 << 20), 0);
	for (unsigned i = 0; i < OTHERS; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", i);
		add(tally, key, i);
		if (i >= OTHERS / 2 && i < OTHERS / 2 + TRUTH)
			add(tally, "hot", i);
	}
	n = tally_ranking(tally, &entries);
	assert_true(n > 0 && n <= KEPT);
	assert_int_equal(entries[0]->size, 3);
	assert_memory_equal(entries[0]->key, "hot", 3);
	assert_true(entries[0]->count <= TRUTH && entries[0]->count + entries[0]->missed >= TRUTH);
	/* What is promised of those that went. */
	assert_true(tally_gone_max(tally) > 0 && tally_gone_max(tally) <= 2 * (OTHERS + TRUTH) / KEPT);
	for (size_t i = 1; i < n; i++)
		assert_true(entries[i]->count + entries[i]->missed <= 1 + tally_gone_max(tally));
}

/* One that is there from the beginning and stays is exact whatever comes. */
static void test_the_first_stays_exact(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = NULL;
	const struct tally_entry *const *entries;

	assert_int_equal(tally_new(&tally, 16, 1 << 20), 0);
	for (unsigned i = 0; i < 5000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", i);
		add(tally, "always", i);
		add(tally, key, i);
	}
	assert_true(tally_ranking(tally, &entries) <= 16);
	assert_entry(entries[0], "always", 5000, 0, 4999);
	assert_int_equal(entries[0]->missed, 0);
}

static void test_bytes_are_bounded(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = NULL;
	const struct tally_entry *const *entries;
	char key[1000] = "";
	size_t n, bytes = 0;

	assert_int_equal(tally_new(&tally, 1000000, 20000), 0);
	for (unsigned i = 0; i < 500; i++) {
		memcpy(key, &i, sizeof(i));
		assert_int_equal(tally_add(tally, (struct span){ key, sizeof(key) }, 1), 0);
	}
	n = tally_ranking(tally, &entries);
	for (size_t i = 0; i < n; i++)
		bytes += entries[i]->size;
	assert_true(n > 0 && bytes <= 20000);
	assert_true(tally_gone_max(tally) > 0);
}

static void test_long_keys(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = NULL, *small = NULL;
	_cleanup_(freep) char *key = calloc(1, TALLY_KEY_MAX + 1);
	const struct tally_entry *const *entries;

	assert_non_null(key);
	assert_int_equal(tally_new(&tally, 10, 1 << 20), 0);
	assert_int_equal(tally_add(tally, (struct span){ key, TALLY_KEY_MAX }, 1), 0);
	assert_int_equal(tally_add(tally, (struct span){ key, TALLY_KEY_MAX + 1 }, 1), -E2BIG);
	assert_int_equal(tally_ranking(tally, &entries), 1);
	assert_int_equal(tally_new(&small, 10, 1000), 0);
	assert_int_equal(tally_add(small, (struct span){ key, 1000 }, 1), -E2BIG);
	assert_int_equal(tally_ranking(small, &entries), 0);
	assert_int_equal(tally_gone_max(small), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_more_than_fit),
		cmocka_unit_test(test_the_first_stays_exact),
		cmocka_unit_test(test_bytes_are_bounded),
		cmocka_unit_test(test_long_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
