#include "base/sip.h"
#include "sink/id_cache.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void sizes(void **state)
{
	struct id_cache *cache;

	assert_int_equal(id_cache_new(&cache, 0), -EINVAL);
	assert_int_equal(id_cache_new(&cache, 4), -EINVAL);
	assert_int_equal(id_cache_new(&cache, 24), -EINVAL);
	assert_int_equal(id_cache_new(&cache, 8), 0);
	assert_null(id_cache_free(cache));
	assert_null(id_cache_free(NULL));
}

static void finds_what_was_put(void **state)
{
	_cleanup_(id_cache_freep) struct id_cache *cache = NULL;

	assert_int_equal(id_cache_new(&cache, 65536), 0);
	for (uint64_t i = 0; i < 20000; i++) {
		assert_int_equal(id_cache_get(cache, i), 0);
		id_cache_put(cache, i, i + 1);
	}
	for (uint64_t i = 0; i < 20000; i++)
		assert_int_equal(id_cache_get(cache, i), i + 1);
	id_cache_put(cache, 7, 99);
	assert_int_equal(id_cache_get(cache, 7), 99);
	/* The key 0 is a key like any. */
	assert_int_equal(id_cache_get(cache, 0), 1);
	id_cache_clear(cache);
	for (uint64_t i = 0; i < 20000; i++)
		assert_int_equal(id_cache_get(cache, i), 0);
}

/* Whatever is put, what is found is right: never the value of another key. And the new is there. */
static void full(void **state)
{
	_cleanup_(id_cache_freep) struct id_cache *cache = NULL;
	unsigned found = 0;

	assert_int_equal(id_cache_new(&cache, 1024), 0);
	for (uint64_t i = 1; i <= 100000; i++) {
		uint64_t key = i * UINT64_C(0xd1342543de82ef95), value;

		id_cache_put(cache, key, i);
		assert_int_equal(id_cache_get(cache, key), i);
		value = id_cache_get(cache, (i / 2) * UINT64_C(0xd1342543de82ef95));
		assert_true(value == 0 || value == i / 2);
	}
	for (uint64_t i = 100000 - 1024; i <= 100000; i++)
		found += id_cache_get(cache, i * UINT64_C(0xd1342543de82ef95)) != 0;
	assert_in_range(found, 700, 1024);
}

/* What is asked for all the time survives a storm of what is asked for once. */
static void clock_spares_what_is_used(void **state)
{
	_cleanup_(id_cache_freep) struct id_cache *cache = NULL;
	unsigned lost = 0;

	assert_int_equal(id_cache_new(&cache, 4096), 0);
	for (uint64_t i = 0; i < 100; i++)
		id_cache_put(cache, i, i + 1);
	for (uint64_t i = 0; i < 1000000; i++) {
		id_cache_put(cache, 1000 + i, 1);
		if (id_cache_get(cache, i % 100) == 0) {
			lost++;
			id_cache_put(cache, i % 100, 1);
		}
	}
	assert_true(lost < 1000);
}

static void hashes(void **state)
{
	struct sip_key key, other;
	char text[64];

	assert_int_equal(sip_key_new(&key), 0);
	assert_int_equal(sip_key_new(&other), 0);
	memset(text, 'a', sizeof(text));
	for (size_t size = 0; size < sizeof(text); size++) {
		struct span s = { text, size };

		assert_true(sip_hash(&key, 0, s) == sip_hash(&key, 0, s));
		assert_true(sip_hash(&key, 0, s) != sip_hash(&key, 1, s));
		assert_true(sip_hash(&key, 0, s) != sip_hash(&other, 0, s));
		assert_true(sip_hash(&key, 0, s) != sip_hash(&key, 0, (struct span){ text, size + 1 }));
		for (size_t bit = 0; bit < size * 8; bit++) {
			uint64_t before = sip_hash(&key, 0, s);

			text[bit / 8] ^= (char)(1 << bit % 8);
			assert_true(sip_hash(&key, 0, s) != before);
			text[bit / 8] ^= (char)(1 << bit % 8);
		}
	}
	/* A NUL at the end is not nothing. */
	memset(text, 0, sizeof(text));
	for (size_t size = 0; size + 1 < sizeof(text); size++)
		assert_true(sip_hash(&key, 0, (struct span){ text, size }) !=
			    sip_hash(&key, 0, (struct span){ text, size + 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),  cmocka_unit_test(finds_what_was_put),
		cmocka_unit_test(full),	  cmocka_unit_test(clock_spares_what_is_used),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
