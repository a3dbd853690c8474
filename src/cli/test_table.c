/* Text on a terminal, and tables of it. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/table.h"
#include "cli/text.h"

static void assert_safe(struct span bytes, const char *expected)
{
	_cleanup_(buffer_release) struct buffer out = { 0 };

	text_append_safe(&out, bytes);
	assert_string_equal(buffer_text(&out), expected);
	assert_int_equal(out.size, strlen(expected));
}

static void test_safe(void **state)
{
	assert_safe(SPAN(""), "");
	assert_safe(SPAN("plain text"), "plain text");
	assert_safe(SPAN("a\nb\tc\rd"), "a\\nb\\tc\\rd");
	assert_safe(SPAN("\x1b[31mred\x07\x7f"), "\\x1b[31mred\\x07\\x7f");
	assert_safe(SPAN("nul\0nul"), "nul\\x00nul");
	assert_safe(SPAN("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
	/* Not UTF-8: a lone byte, a cut letter, an overlong one, a surrogate. */
	assert_safe(SPAN("\xff"), "\\xff");
	assert_safe(SPAN("x\xe2\x82"), "x\\xe2\\x82");
	assert_safe(SPAN("\xc0\xaf"), "\\xc0\\xaf");
	assert_safe(SPAN("\xed\xa0\x80"), "\\xed\\xa0\\x80");
	assert_safe(SPAN("\xff\xc3\xbc"), "\\xff\xc3\xbc");
	/* C1 controls and what turns text around. */
	assert_safe(SPAN("\xc2\x9b" "31m"), "\\u{9b}31m");
	assert_safe(SPAN("a\xe2\x80\xae" "cba"), "a\\u{202e}cba");
	assert_safe(SPAN("\xe2\x80\x8b\xef\xbb\xbf"), "\\u{200b}\\u{feff}");
}

static void test_width(void **state)
{
	assert_int_equal(text_width(SPAN("")), 0);
	assert_int_equal(text_width(SPAN("abc")), 3);
	assert_int_equal(text_width(SPAN("gr\xc3\xbc\xc3\x9f")), 4);
	assert_int_equal(text_width(SPAN("\xe6\x97\xa5\xe6\x9c\xac")), 4);	/* double width */
	assert_int_equal(text_width(SPAN("e\xcc\x81")), 1);				/* combining accent */
	assert_int_equal(text_width(SPAN("\xf0\x9f\x98\x80")), 2);			/* emoji */
}

static void assert_cut(const char *text, size_t width, const char *expected)
{
	_cleanup_(buffer_release) struct buffer out = { 0 };

	text_append_cut(&out, span_of(text), width);
	assert_string_equal(buffer_text(&out), expected);
}

static void test_cut(void **state)
{
	assert_cut("abcdef", 6, "abcdef");
	assert_cut("abcdef", 5, "abcd…");
	assert_cut("abcdef", 1, "…");
	assert_cut("abcdef", 0, "");
	assert_cut("", 0, "");
	assert_cut("日本語", 6, "日本語");
	assert_cut("日本語", 5, "日本…");
	assert_cut("日本語", 4, "日…");	/* half of a letter is not shown */
	assert_cut("日本語", 2, "…");
}

static char *printed(struct table *table, size_t width, bool colour)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct screen screen = { .out = file, .width = width, .colour = colour };

	assert_int_equal(table_print(table, &screen), 0);
	fclose(file);
	return text;
}

static void test_print(void **state)
{
	static const char *const titles[] = { "NAME", ">N", "TEXT" };
	_cleanup_(table_freep) struct table *table = NULL;
	_cleanup_(freep) char *wide = NULL, *narrow = NULL, *empty = NULL, *coloured = NULL;

	assert_int_equal(table_new(&table, titles, 3), 0);
	empty = printed(table, SIZE_MAX, false);
	assert_string_equal(empty, "NAME  N  TEXT\n");
	table_cell_text(table, "日本", COLOUR_NONE);
	table_cell_text(table, "7", COLOUR_NONE);
	table_cell_text(table, "a text that is long", COLOUR_NONE);
	table_cell_text(table, "a", COLOUR_NONE);
	table_cell_text(table, "12345", COLOUR_NONE);
	table_cell_text(table, "\x1b[2J", COLOUR_NONE);
	assert_int_equal(table_rows(table), 2);
	wide = printed(table, SIZE_MAX, false);
	assert_string_equal(wide, "NAME      N  TEXT\n"
				  "日本      7  a text that is long\n"
				  "a     12345  \\x1b[2J\n");
	assert_int_equal(table_rows(table), 0);
	table_cell_text(table, "x", COLOUR_NONE);
	table_cell_text(table, "1", COLOUR_NONE);
	table_cell_text(table, "a text that is long", COLOUR_NONE);
	narrow = printed(table, 20, false);
	assert_string_equal(narrow, "NAME  N  TEXT\nx     1  a text tha…\n");
	table_cell_text(table, "x", COLOUR_RED);
	table_cell_text(table, "1", COLOUR_NONE);
	table_cell_text(table, "", COLOUR_GREEN);
	coloured = printed(table, SIZE_MAX, true);
	assert_non_null(strstr(coloured, "\033[31mx\033[0m   "));
	assert_null(strstr(coloured, "\033[32m"));
}

static void test_numbers(void **state)
{
	static const struct {
		uint64_t n;
		const char *count, *bytes, *duration;
	} cases[] = {
		{ 0, "0", "0 B", "0 ns" },
		{ 999, "999", "999 B", "999 ns" },
		{ 1000, "1,000", "1000 B", "1 µs" },
		{ 1000007, "1,000,007", "976.6 KiB", "1 ms" },
		{ UINT64_C(4300000000), "4,300,000,000", "4.0 GiB", "4.3 s" },
		{ UINT64_C(125000000000), "125,000,000,000", "116.4 GiB", "2 min 05 s" },
		{ UINT64_C(7500000000000), "7,500,000,000,000", "6.8 TiB", "2 h 05 min" },
		{ UINT64_MAX, "18,446,744,073,709,551,615", "16384.0 PiB", "213503 d 23 h" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buffer_release) struct buffer out = { 0 };

		append_count(&out, cases[i].n);
		assert_string_equal(buffer_text(&out), cases[i].count);
		buffer_clear(&out);
		append_bytes(&out, cases[i].n);
		assert_string_equal(buffer_text(&out), cases[i].bytes);
		buffer_clear(&out);
		append_duration(&out, cases[i].n);
		assert_string_equal(buffer_text(&out), cases[i].duration);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_safe),  cmocka_unit_test(test_width),   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_print), cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
