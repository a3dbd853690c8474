/* Sealed text: what is made can be opened, and nothing else can: no other byte, length, name or key. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "control/sealed.h"

#define NAME SPAN("ssh.signals")
#define TEXT SPAN("{ \"name\": \"ssh.signals\", \"streams\": [] }\n")

static const struct seal_key *key(unsigned char byte)
{
	static struct seal_key made;
	unsigned char bytes[SEAL_KEY_BYTES];

	memset(bytes, byte, sizeof(bytes));
	assert_int_equal(seal_key_init(&made, bytes), 0);
	return &made;
}

static void expect_open(int expected, const struct seal_key *with, struct span name, struct span bytes)
{
	_cleanup_(sealed_wipe) struct buffer text = { 0 };

	assert_int_equal(sealed_open(&text, with, name, bytes), expected);
	if (expected < 0)
		assert_int_equal(text.size, 0);
}

static void test_round_trip(void **state)
{
	static char longest[SEALED_TEXT_MAX + 1];
	const size_t sizes[] = { 0, 1, 15, 16, 17, TEXT.size, SEALED_TEXT_MAX };

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, TEXT.data, TEXT.size);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_(buffer_release) struct buffer sealed = { 0 }, text = { 0 };

		buffer_append_text(&text, "before");
		assert_int_equal(sealed_make(&sealed, key(1), NAME, (struct span){ longest, sizes[i] }), 0);
		assert_int_equal(sealed.size, SEALED_HEAD_BYTES + sizes[i] + SEALED_TAG_BYTES);
		assert_true(sealed_is(buffer_span(&sealed)));
		assert_int_equal(sealed_open(&text, key(1), NAME, buffer_span(&sealed)), 0);
		assert_int_equal(text.size, 6 + sizes[i]);
		assert_memory_equal(text.data + 6, longest, sizes[i]);
		if (sizes[i] > 16)
			assert_null(memmem(sealed.data, sealed.size, longest, 16));
	}
	expect_open(-EINVAL, key(1), NAME, TEXT);
	assert_false(sealed_is(TEXT));
}

/* The format as the header says it, made by another program (AESGCM of Python's cryptography): key 32 times 01, name "a", text
 * "{}", nonce 01 to 0c. */
static void test_known_bytes(void **state)
{
	static const unsigned char sealed[] = {
		0x89, 0x52, 0x53, 0x45, 0x41, 0x4c, 0x0a, 0x01, 0xe3, 0x8d, 0x28, 0xca, 0xfc, 0xe5, 0xc6, 0xb1,
		0x00, 0x00, 0x00, 0x02, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c,
		0x9c, 0x9b, 0x75, 0x84, 0x2d, 0x45, 0x8f, 0xbf, 0xa5, 0x45, 0x51, 0x04, 0xe1, 0x21, 0xd4, 0x51,
		0x0f, 0xe0,
	};
	_cleanup_(buffer_release) struct buffer text = { 0 };

	assert_int_equal(sealed_open(&text, key(1), SPAN("a"), (struct span){ (const char *)sealed, sizeof(sealed) }), 0);
	assert_string_equal(buffer_text(&text), "{}");
}

static void test_each_nonce_once(void **state)
{
	_cleanup_(buffer_release) struct buffer a = { 0 }, b = { 0 };

	assert_int_equal(sealed_make(&a, key(1), NAME, TEXT), 0);
	assert_int_equal(sealed_make(&b, key(1), NAME, TEXT), 0);
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.data, b.data, 20);
	assert_memory_not_equal(a.data + 20, b.data + 20, 12);
	assert_memory_not_equal(a.data + SEALED_HEAD_BYTES, b.data + SEALED_HEAD_BYTES, TEXT.size);
}

static void test_altered(void **state)
{
	_cleanup_(buffer_release) struct buffer sealed = { 0 };

	assert_int_equal(sealed_make(&sealed, key(1), NAME, TEXT), 0);
	for (size_t i = 0; i < sealed.size; i++) {
		const int expected = i < 7 ? -EINVAL : i < 8 ? -EPROTONOSUPPORT : i < 16 ? -EKEYREJECTED : i < 20 ? 0 : -EBADMSG;

		for (unsigned bit = 0; bit < 8; bit++) {
			_cleanup_(buffer_release) struct buffer text = { 0 };
			int r;

			sealed.data[i] ^= (char)(1u << bit);
			r = sealed_open(&text, key(1), NAME, buffer_span(&sealed));
			/* The length: it says more or less than there is. */
			if (expected == 0)
				assert_true(r == -ENODATA || r == -EBADMSG);
			else
				assert_int_equal(r, expected);
			assert_int_equal(text.size, 0);
			sealed.data[i] ^= (char)(1u << bit);
		}
	}
	expect_open(0, key(1), NAME, buffer_span(&sealed));
}

static void test_cut(void **state)
{
	_cleanup_(buffer_release) struct buffer sealed = { 0 };

	assert_int_equal(sealed_make(&sealed, key(1), NAME, TEXT), 0);
	for (size_t size = 0; size < sealed.size; size++) {
		/* In memory of its own, so that a read behind its end is seen. */
		char *cut = malloc(size + (size == 0));

		memcpy(cut, sealed.data, size);
		expect_open(size < 7 ? -EINVAL : -ENODATA, key(1), NAME, (struct span){ cut, size });
		free(cut);
	}
	buffer_append_byte(&sealed, 0);
	expect_open(-EBADMSG, key(1), NAME, buffer_span(&sealed));
}

static void test_foreign(void **state)
{
	_cleanup_(buffer_release) struct buffer sealed = { 0 };

	assert_int_equal(sealed_make(&sealed, key(1), NAME, TEXT), 0);
	expect_open(-EKEYREJECTED, key(2), NAME, buffer_span(&sealed));
	expect_open(-EBADMSG, key(1), SPAN("ssh.signal"), buffer_span(&sealed));
	expect_open(-EBADMSG, key(1), SPAN("ssh.signals2"), buffer_span(&sealed));
	expect_open(-EBADMSG, key(1), SPAN(""), buffer_span(&sealed));
	/* Another key that says it is ours. */
	memcpy(sealed.data + 8, key(2)->id, 8);
	expect_open(-EBADMSG, key(2), NAME, buffer_span(&sealed));
}

static void test_too_large(void **state)
{
	static char large[SEALED_MAX + 1];
	_cleanup_(buffer_release) struct buffer sealed = { 0 };

	assert_int_equal(sealed_make(&sealed, key(1), NAME, (struct span){ large, SEALED_TEXT_MAX + 1 }), -EFBIG);
	assert_int_equal(sealed.size, 0);
	assert_int_equal(sealed_make(&sealed, key(1), NAME, SPAN("")), 0);
	memcpy(large, sealed.data, SEALED_HEAD_BYTES);
	expect_open(-EFBIG, key(1), NAME, (struct span){ large, SEALED_MAX + 1 });
	/* A length that nobody has. */
	memset(large + 16, 0xff, 4);
	expect_open(-ENODATA, key(1), NAME, (struct span){ large, SEALED_MAX });
}

/* libcrypto's memory fails at the n-th piece, until there is enough. */
static long allocations_left = -1;

static bool may_allocate(void)
{
	return allocations_left < 0 || allocations_left-- > 0;
}

static void *failing_malloc(size_t size, const char *file, int line)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *failing_realloc(void *p, size_t size, const char *file, int line)
{
	return may_allocate() ? realloc(p, size) : NULL;
}

static void plain_free(void *p, const char *file, int line)
{
	free(p);
}

static void test_no_memory(void **state)
{
	_cleanup_(buffer_release) struct buffer sealed = { 0 }, text = { 0 };
	const struct seal_key *with = key(1);
	long n = 0;
	int r;

	do {
		allocations_left = n++;
		r = sealed_make(&sealed, with, NAME, TEXT);
		allocations_left = -1;
		assert_true(r == 0 || (r == -EIO && sealed.size == 0));
		assert_true(n < 1000);
	} while (r < 0);
	assert_true(n > 1);
	n = 0;
	do {
		allocations_left = n++;
		r = sealed_open(&text, with, NAME, buffer_span(&sealed));
		allocations_left = -1;
		assert_true(r == 0 || (r == -EIO && text.size == 0));
		assert_true(n < 1000);
	} while (r < 0);
	assert_true(n > 1);
	assert_true(span_eq(buffer_span(&text), TEXT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_known_bytes),
		cmocka_unit_test(test_each_nonce_once),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_no_memory),
	};

	/* Before its first use, or not at all. */
	if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
