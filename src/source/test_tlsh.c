#include "source/tlsh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"

/* So many bytes, of which each has only the bits of the mask. */
static unsigned char *bytes_of(size_t size, unsigned mask)
{
	unsigned char *bytes = malloc(size + 1);
	uint32_t x = 1;

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++) {
		x = x * 1103515245 + 12345;
		bytes[i] = (unsigned char)(x >> 16 & mask);
	}
	return bytes;
}

static bool hash(const unsigned char *bytes, size_t size, size_t piece, char ret[static TLSH_TEXT + 1])
{
	struct tlsh tlsh;

	tlsh_begin(&tlsh);
	for (size_t at = 0; at < size; at += piece)
		tlsh_add(&tlsh, bytes + at, MIN(piece, size - at));
	return tlsh_end(&tlsh, ret);
}

/* As Debian's tlsh_unittest 3.4.4 says it (without its T1), of files with these bytes. */
static void test_known(void **state)
{
	static const struct {
		size_t size;
		unsigned mask;
		const char *text;
	} cases[] = {
		{ 256, 255, "T13AD09766632DD9030700AB7831BA38084A0C02B3E8AC763A26701691C6A03E789B902F" },
		{ 656, 255, "T11EF068F3272CD683014C465C22F9155CBB043675E9ED276F45300AB09EF4FCB415C165" },
		{ 657, 255, "T12F0168F3272CD683014C465C22F9155CBB043675E9ED276F45300AB09EF4FCB415C169" },
		{ 3171, 255, "T18E516DE9261EE6D3400CB150A2F6176C771CD7F2DDC53F5B58508460ECA4387D2BE459" },
		{ 3172, 255, "T173616DE9261EE6D3400CB150A2F6176C771CD7F2DDC53F5B58508460ECA4387D2BE459" },
		{ 65536, 255, "T1345312E9131DD0D6ADD4E71EBE2869766843E991C0B230EE9FD44B52B21858B3CF1C89" },
		{ 1000003, 255, "T181253387518EC1EDBCE5D60C838E367E62438B2612153452A4E7394FB0C349D69EB6FB" },
		{ 300, 15, "T136E0E757920239CF3275F54BB532DF3944A947451F76B44B03C7754D6C8134ADD055D0" },
		{ 5000, 15, "T14EA12CAAB9D6386217ADF2C7C791DC2E186BF05023B330D65A8753850019398FF3601D" },
	};
	static const size_t pieces[] = { 1, 3, 4, 5, 4096, SIZE_MAX / 2 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned char *bytes = bytes_of(cases[i].size, cases[i].mask);

		for (size_t k = 0; k < ARRAY_SIZE(pieces); k++) {
			char text[TLSH_TEXT + 1];

			if (pieces[k] < 4096 && cases[i].size > 100000)
				continue;
			assert_true(hash(bytes, cases[i].size, pieces[k], text));
			assert_string_equal(text, cases[i].text);
		}
		free(bytes);
	}
}

/* The least that has one, since version 4: what another implementation (tlsh2, of Rust) gives in its manual. */
static void test_short(void **state)
{
	static const char text[] = "Sed ut perspiciatis unde omnis iste natuserror sit voluptatem accusantium";
	char found[TLSH_TEXT + 1];

	assert_true(hash((const unsigned char *)text, strlen(text), 7, found));
	assert_string_equal(found, "T184A022B383C2A2A20ACB0830880CF0202CCAC080033A023800338A30B0880AA8E0BE38");
}

static void test_none(void **state)
{
	unsigned char *bytes = bytes_of(100000, 255), *two = bytes_of(100000, 1);
	char text[TLSH_TEXT + 1] = "left";
	struct tlsh tlsh;

	assert_false(hash(bytes, 0, 1, text));
	assert_false(hash(bytes, 4, 1, text));
	assert_false(hash(bytes, TLSH_MIN_BYTES - 1, 64, text));
	assert_true(hash(bytes, TLSH_MIN_BYTES, 64, text));
	/* Too few different triplets. */
	assert_false(hash(two, 100000, 64, text));
	memset(bytes, 0, 100000);
	assert_false(hash(bytes, 100000, 64, text));
	/* More than there are steps of length for. */
	tlsh_begin(&tlsh);
	tlsh_add(&tlsh, two, 1);
	for (unsigned i = 0; i < 256; i++)
		tlsh.buckets[i] = i;
	tlsh.size = 4224281216;
	assert_true(tlsh_end(&tlsh, text));
	tlsh.size++;
	assert_false(tlsh_end(&tlsh, text));
	free(bytes);
	free(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
