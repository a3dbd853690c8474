/* Growing bytes, printed numbers and times. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"

static void test_numbers(void **state)
{
	struct buffer b = { 0 };

	buffer_append_u64(&b, 0);
	buffer_append_byte(&b, ' ');
	buffer_append_u64(&b, UINT64_MAX);
	buffer_append_byte(&b, ' ');
	buffer_append_i64(&b, INT64_MIN);
	buffer_append_byte(&b, ' ');
	buffer_append_hex(&b, 0xbeef, 0);
	buffer_append_byte(&b, ' ');
	buffer_append_hex(&b, 1, 16);
	assert_string_equal(buffer_text(&b),
			    "0 18446744073709551615 -9223372036854775808 beef 0000000000000001");
	buffer_release(&b);
}

static void test_growth(void **state)
{
	struct buffer b = { 0 };

	for (unsigned i = 0; i < 10000; i++)
		buffer_printf(&b, "%u,", i);
	assert_int_equal(b.size, 10 * 2 + 90 * 3 + 900 * 4 + 9000 * 5);
	buffer_clear(&b);
	buffer_printf(&b, "%0300d", 7);
	assert_int_equal(b.size, 300);
	assert_int_equal(buffer_error(&b), 0);
	buffer_release(&b);
	assert_string_equal(buffer_text(&b), "");
	buffer_release(&b);
}

static void test_failure_sticks(void **state)
{
	struct buffer b = { 0 };

	assert_null(buffer_reserve(&b, SIZE_MAX / 2));
	buffer_append_text(&b, "lost");
	assert_int_equal(b.size, 0);
	assert_int_equal(buffer_error(&b), -ENOMEM);
	buffer_clear(&b);
	buffer_append_text(&b, "kept");
	assert_int_equal(buffer_error(&b), 0);
	assert_int_equal(b.size, 4);
	buffer_release(&b);
}

static void test_times(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ UINT64_C(951782400) * NS_PER_SEC, "2000-02-29T00:00:00.000000000Z" },
		{ UINT64_C(1795343338) * NS_PER_SEC + 1, "2026-11-22T10:28:58.000000001Z" },
		{ UINT64_C(4107542399) * NS_PER_SEC + 999999999, "2100-02-28T23:59:59.999999999Z" },
		{ UINT64_C(4107542400) * NS_PER_SEC, "2100-03-01T00:00:00.000000000Z" },
		{ UINT64_MAX, "2554-07-21T23:34:33.709551615Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer b = { 0 };

		buffer_append_time(&b, cases[i].ns);
		assert_string_equal(buffer_text(&b), cases[i].text);
		buffer_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_failure_sticks),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
