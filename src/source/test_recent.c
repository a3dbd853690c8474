#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macro.h"
#include "source/recent.h"

static struct record record_of(char text[static 64], unsigned serial)
{
	return (struct record){ .type = 1300, .text = { text, (size_t)snprintf(text, 64, "audit(1.000:%u): a=b", serial) } };
}

static void few(void **state)
{
	struct recent recent = { 0 };
	struct record record;
	char text[64];

	record = record_of(text, 1);
	recent_close(&recent);
	assert_false(recent_has(&recent, &record));
	recent = (struct recent){ 0 };
	recent_add(&recent, &record);
	recent_close(&recent);
	assert_true(recent_has(&recent, &record));
	record.type = 1307;	/* of the same event, another */
	assert_false(recent_has(&recent, &record));
	record = record_of(text, 2);
	assert_false(recent_has(&recent, &record));
	recent_release(&recent);
}

/* The last RECENT_MAX are known, each of them, and no other. */
static void many(void **state)
{
	struct recent recent = { 0 };
	struct record record;
	char text[64];

	for (unsigned i = 0; i < 3 * RECENT_MAX + 5; i++) {
		record = record_of(text, i);
		recent_add(&recent, &record);
	}
	recent_close(&recent);
	for (unsigned i = 0; i < 3 * RECENT_MAX + 10; i++) {
		record = record_of(text, i);
		assert_int_equal(recent_has(&recent, &record), i >= 2 * RECENT_MAX + 5 && i < 3 * RECENT_MAX + 5);
	}
	recent_release(&recent);
}

/* The first since then are known for ever, with what was recent then; and the last. */
static void held(void **state)
{
	struct recent recent = { 0 };
	struct record record;
	char text[64];

	recent_hold(&recent, 10);	/* nothing was there yet: no fault */
	recent_hold(&recent, 0);
	for (unsigned i = 0; i < 6 * RECENT_MAX; i++) {
		if (i == 2 * RECENT_MAX)
			recent_hold(&recent, RECENT_MAX);
		record = record_of(text, i);
		recent_add(&recent, &record);
	}
	recent_close(&recent);
	for (unsigned i = 0; i < 6 * RECENT_MAX; i++) {
		record = record_of(text, i);
		assert_int_equal(recent_has(&recent, &record), (i >= RECENT_MAX && i < 3 * RECENT_MAX) || i >= 5 * RECENT_MAX);
	}
	recent_release(&recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(few), cmocka_unit_test(many), cmocka_unit_test(held) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
