#include "source/digest_cache.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct digest digest_of(uint64_t inode, uint64_t mtime_ns)
{
	struct digest digest = { .version = { .device = 7, .inode = inode, .size = 3, .mtime_ns = mtime_ns, .ctime_ns = 5 },
				 .header_size = 3, .header = "abc", .entropy = 1585 };

	digest.is_fuzzy = inode % 2;
	if (inode % 3 == 0)
		memset(digest.tlsh, 'A', TLSH_TEXT);
	memset(digest.md5, (int)inode & 0xff, sizeof(digest.md5));
	memset(digest.sha1, (int)inode & 0xff, sizeof(digest.sha1));
	memset(digest.sha256, (int)mtime_ns & 0xff, sizeof(digest.sha256));
	return digest;
}

static void put(struct digest_cache *cache, uint64_t inode, uint64_t mtime_ns)
{
	const struct digest digest = digest_of(inode, mtime_ns);

	digest_cache_put(cache, &digest);
}

static bool has(struct digest_cache *cache, uint64_t inode, uint64_t mtime_ns)
{
	const struct digest wanted = digest_of(inode, mtime_ns), *found = digest_cache_find(cache, &wanted.version);

	if (found)
		assert_memory_equal(found, &wanted, offsetof(struct digest, tlsh) + sizeof(wanted.tlsh));
	return found != NULL;
}

static void test_the_least_lately_asked_for_goes(void **state)
{
	struct digest_cache *cache;

	assert_int_equal(digest_cache_new(&cache, 3), 0);
	assert_false(has(cache, 1, 1));
	for (uint64_t inode = 1; inode <= 3; inode++)
		put(cache, inode, 1);
	assert_true(has(cache, 1, 1));
	put(cache, 4, 1);
	assert_false(has(cache, 2, 1));
	assert_true(has(cache, 1, 1) && has(cache, 3, 1) && has(cache, 4, 1));
	assert_int_equal(digest_cache_size(cache), 3);
	digest_cache_free(cache);
}

static void test_another_version_takes_its_place(void **state)
{
	struct digest_cache *cache;

	assert_int_equal(digest_cache_new(&cache, 2), 0);
	put(cache, 1, 1);
	put(cache, 2, 1);
	put(cache, 1, 9);
	assert_int_equal(digest_cache_size(cache), 2);
	assert_false(has(cache, 1, 1));
	assert_true(has(cache, 1, 9) && has(cache, 2, 1));
	digest_cache_free(cache);
}

/* Against a list that is searched from end to end. */
static void test_against_the_plain_way(void **state)
{
	enum { MOST = 40, INODES = 100 };
	uint64_t inodes[MOST], versions[MOST];
	struct digest_cache *cache;
	unsigned n = 0;

	srand(3);
	assert_int_equal(digest_cache_new(&cache, MOST), 0);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t inode = (uint64_t)rand() % INODES, version = (uint64_t)rand() % 3;
		bool is_put = rand() % 2;
		unsigned at = 0;

		while (at < n && inodes[at] != inode)
			at++;
		if (is_put)
			put(cache, inode, version);
		else
			assert_int_equal(has(cache, inode, version), at < n && versions[at] == version);
		if (!is_put && (at == n || versions[at] != version))
			continue;
		if (at == n && n == MOST)
			at = 0;
		if (at < n) {
			memmove(inodes + at, inodes + at + 1, (n - at - 1) * sizeof(*inodes));
			memmove(versions + at, versions + at + 1, (n - at - 1) * sizeof(*versions));
			n--;
		}
		inodes[n] = inode;
		versions[n++] = version;
	}
	assert_int_equal(digest_cache_size(cache), n);
	digest_cache_free(cache);
}

static void test_written_and_read(void **state)
{
	_cleanup_(buffer_release) struct buffer bytes = { 0 };
	struct digest_cache *cache, *other;

	assert_int_equal(digest_cache_new(&cache, 10), 0);
	for (uint64_t inode = 1; inode <= 10; inode++)
		put(cache, inode, inode);
	assert_true(has(cache, 1, 1));
	assert_int_equal(digest_cache_write(cache, &bytes), 0);
	digest_cache_free(cache);
	/* One with less room keeps those that were asked for last. */
	assert_int_equal(digest_cache_new(&other, 3), 0);
	assert_int_equal(digest_cache_read(other, buffer_span(&bytes)), 0);
	assert_true(has(other, 1, 1) && has(other, 10, 10) && has(other, 9, 9));
	digest_cache_free(other);
	assert_int_equal(digest_cache_new(&other, 3), 0);
	for (size_t i = 0; i < bytes.size; i++) {
		assert_true(digest_cache_read(other, (struct span){ bytes.data, i }) < 0);
		bytes.data[i] ^= 1;
		assert_true(digest_cache_read(other, buffer_span(&bytes)) < 0);
		bytes.data[i] ^= 1;
	}
	assert_int_equal(digest_cache_size(other), 0);
	digest_cache_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_least_lately_asked_for_goes),
		cmocka_unit_test(test_another_version_takes_its_place),
		cmocka_unit_test(test_against_the_plain_way),
		cmocka_unit_test(test_written_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
