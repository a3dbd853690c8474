/* Numbers, hash and UTF-8 of span.c. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/span.h"

static void test_decimal(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 7 },
		{ "99999999999999999999", -ERANGE, 7 },
		{ "", -EINVAL, 7 },
		{ "-1", -EINVAL, 7 },
		{ "1 ", -EINVAL, 7 },
		{ "1x", -EINVAL, 7 },
		{ "007", 0, 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 7;

		assert_int_equal(span_to_u64(span_of(cases[i].text), &value), cases[i].r);
		assert_int_equal(value, cases[i].value);
	}
}

static void test_signed(void **state)
{
	int64_t value = 7;

	assert_int_equal(span_to_i64(SPAN("-9223372036854775808"), &value), 0);
	assert_true(value == INT64_MIN);
	assert_int_equal(span_to_i64(SPAN("9223372036854775808"), &value), -ERANGE);
	assert_int_equal(span_to_i64(SPAN("-"), &value), -EINVAL);
	assert_int_equal(span_to_i64(SPAN("-13"), &value), 0);
	assert_int_equal(value, -13);
}

static void test_hex(void **state)
{
	uint64_t value = 7;

	assert_int_equal(span_hex_to_u64(SPAN("fFffffffffffffff"), &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(span_hex_to_u64(SPAN("10000000000000000"), &value), -ERANGE);
	assert_int_equal(span_hex_to_u64(SPAN("g"), &value), -EINVAL);
	assert_int_equal(span_hex_to_u64(SPAN("@"), &value), -EINVAL);
	assert_int_equal(span_hex_to_u64(SPAN(""), &value), -EINVAL);
}

static void test_hash(void **state)
{
	char text[64] = { 0 };

	/* Ids are made of it: these figures must never change. */
	assert_true(span_hash(SPAN(""), 0) != span_hash(SPAN(""), 1));
	assert_int_equal(span_hash(SPAN("recorder"), 0), UINT64_C(0xc312dd301b90ef4d));
	assert_int_equal(span_hash(SPAN("the quick brown fox jumps over"), 1), UINT64_C(0xe410a4d247939a3d));
	/* Every length and every bit matters. */
	for (size_t n = 1; n < sizeof(text); n++) {
		uint64_t plain = span_hash((struct span){ text, n }, 0);

		assert_true(plain != span_hash((struct span){ text, n - 1 }, 0));
		for (size_t bit = 0; bit < n * 8; bit++) {
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
			assert_true(plain != span_hash((struct span){ text, n }, 0));
			text[bit / 8] = 0;
		}
	}
}

static void test_utf8(void **state)
{
	static const struct {
		struct span text;
		size_t valid;
	} cases[] = {
		{ SPAN("plain ASCII, longer than eight"), 30 },
		{ SPAN("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80"), 15 },
		{ SPAN("12345678\xff"), 8 },
		{ SPAN("a\0b"), 1 },
		{ SPAN("12345678\0"), 8 },
		{ SPAN("\xc0\x80"), 0 },	     /* overlong NUL */
		{ SPAN("\xe0\x80\xaf"), 0 },	     /* overlong slash */
		{ SPAN("\xed\xa0\x80"), 0 },	     /* surrogate */
		{ SPAN("\xf4\x90\x80\x80"), 0 },     /* above U+10FFFF */
		{ SPAN("ab\xe2\x82"), 2 },	     /* cut */
		{ SPAN("\x80"), 0 },
		{ SPAN(""), 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(span_utf8_prefix(cases[i].text), cases[i].valid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimal), cmocka_unit_test(test_signed), cmocka_unit_test(test_hex),
		cmocka_unit_test(test_hash),	cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
