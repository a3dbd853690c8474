#include "source/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MOST 100000u

struct pauses {
	size_t bytes;
	unsigned n, stop_at;		/* 0: never */
	int write_to;			/* -1: nobody writes meanwhile */
};

static bool on_pause(void *user, size_t bytes)
{
	struct pauses *pauses = user;

	pauses->bytes += bytes;
	if (pauses->write_to >= 0 && pwrite(pauses->write_to, "x", 1, 0) != 1)
		abort();
	return ++pauses->n == pauses->stop_at;
}

static int file_of(const char *bytes, size_t size)
{
	char name[] = "/tmp/recorder-digest-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return fd;
}

static struct digester *digester_of(size_t buffer_bytes, struct pauses *pauses)
{
	struct digester *digester;

	*pauses = (struct pauses){ .write_to = -1 };
	assert_int_equal(digester_new(&digester, &(struct digester_options){ .max_bytes = MOST, .buffer_bytes = buffer_bytes,
									     .pause = on_pause, .user = pauses }), 0);
	return digester;
}

static void assert_hex(const unsigned char *bytes, size_t size, const char *expected)
{
	char text[80];

	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	assert_string_equal(text, expected);
}

/* RFC 1321 A.5, RFC 3174 7.3, FIPS 180-2 B.1; the empty file as everybody has it. */
static void test_known(void **state)
{
	static const size_t buffers[] = { 1, 2, 64, 65536 };

	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++) {
		struct pauses pauses;
		struct digester *digester = digester_of(buffers[i], &pauses);
		struct digest digest;
		int fd = file_of("abc", 3);

		lseek(fd, 2, SEEK_SET);
		assert_int_equal(digester_read(digester, fd, &digest), 0);
		assert_int_equal(digest.state, DIGEST_OK);
		assert_hex(digest.md5, 16, "900150983cd24fb0d6963f7d28e17f72");
		assert_hex(digest.sha1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
		assert_hex(digest.sha256, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		assert_int_equal(digest.header_size, MIN(3u, buffers[i]));
		assert_memory_equal(digest.header, "abc", digest.header_size);
		assert_int_equal(digest.entropy, 1585);
		assert_int_equal(pauses.bytes, 3);
		close(fd);
		fd = file_of("", 0);
		assert_int_equal(digester_read(digester, fd, &digest), 0);
		assert_hex(digest.md5, 16, "d41d8cd98f00b204e9800998ecf8427e");
		assert_hex(digest.sha256, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		assert_int_equal(digest.entropy, 0);
		assert_int_equal(digest.header_size, 0);
		close(fd);
		digester_free(digester);
	}
}

/* Only for who asks: src/source/test_tlsh.c says whether it is right. */
static void test_fuzzy(void **state)
{
	char bytes[5000];
	int fd;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * i >> 4);
	fd = file_of(bytes, sizeof(bytes));
	for (unsigned fuzzy = 0; fuzzy < 2; fuzzy++) {
		struct digester *digester;
		struct digest digest;

		assert_int_equal(digester_new(&digester, &(struct digester_options){ .max_bytes = MOST, .buffer_bytes = 100, .fuzzy = fuzzy }), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(digester_read(digester, fd, &digest), 0);
			assert_int_equal(digest.is_fuzzy, fuzzy);
			assert_int_equal(strlen(digest.tlsh), fuzzy ? TLSH_TEXT : 0);
		}
		if (fuzzy) {
			struct tlsh tlsh;
			char text[TLSH_TEXT + 1];

			tlsh_begin(&tlsh);
			tlsh_add(&tlsh, (const unsigned char *)bytes, sizeof(bytes));
			assert_true(tlsh_end(&tlsh, text));
			assert_string_equal(digest.tlsh, text);
		}
		digester_free(digester);
	}
	close(fd);
}

static void test_entropy(void **state)
{
	static const struct {
		unsigned values;
		uint16_t entropy;
	} cases[] = { { 1, 0 }, { 2, 1000 }, { 3, 1585 }, { 16, 4000 }, { 100, 6644 }, { 256, 8000 } };
	struct pauses pauses;
	struct digester *digester = digester_of(4096, &pauses);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char bytes[76800];
		struct digest digest;
		int fd;

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (char)(k % cases[i].values);
		fd = file_of(bytes, sizeof(bytes));
		assert_int_equal(digester_read(digester, fd, &digest), 0);
		assert_in_range(digest.entropy, cases[i].entropy ? cases[i].entropy - 1u : 0, cases[i].entropy + 1u);
		close(fd);
	}
	digester_free(digester);
}

static void test_what_is_not_digested(void **state)
{
	static char much[MOST + 1];
	struct pauses pauses;
	struct digester *digester = digester_of(4096, &pauses);
	struct digest digest;
	int fd;

	memcpy(much, "\177ELF", 4);
	fd = file_of(much, sizeof(much));
	assert_int_equal(digester_read(digester, fd, &digest), 0);
	assert_int_equal(digest.state, DIGEST_TOO_BIG);
	assert_int_equal(digest.version.size, sizeof(much));
	assert_memory_equal(digest.header, "\177ELF", 4);
	assert_int_equal(pauses.n, 0);
	assert_int_equal(ftruncate(fd, MOST), 0);
	assert_int_equal(digester_read(digester, fd, &digest), 0);
	assert_int_equal(digest.state, DIGEST_OK);
	/* Somebody writes to it meanwhile, of the same length. */
	pauses.write_to = fd;
	assert_int_equal(digester_read(digester, fd, &digest), 0);
	assert_int_equal(digest.state, DIGEST_CHANGED);
	pauses = (struct pauses){ .write_to = -1, .stop_at = 2 };
	assert_int_equal(digester_read(digester, fd, &digest), -ECANCELED);
	assert_int_equal(pauses.n, 2);
	close(fd);
	fd = open("/", O_RDONLY);
	assert_int_equal(digester_read(digester, fd, &digest), -EISDIR);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(digester_read(digester, fd, &digest), -EINVAL);
	close(fd);
	assert_int_equal(digester_read(digester, -1, &digest), -EBADF);
	digester_free(digester);
}

static void test_version(void **state)
{
	struct file_stamp before, after;
	int fd = file_of("abc", 3);

	assert_int_equal(file_stamp_of(fd, &before), 0);
	assert_int_equal(file_stamp_of(fd, &after), 0);
	assert_true(file_stamp_is(&before, &after));
	/* Who sets the time back is seen by the other one. */
	usleep(20000);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(futimens(fd, (struct timespec[]){ { 0, UTIME_OMIT }, { (time_t)(before.mtime_ns / NS_PER_SEC),
										(long)(before.mtime_ns % NS_PER_SEC) } }), 0);
	assert_int_equal(file_stamp_of(fd, &after), 0);
	assert_int_equal(after.mtime_ns, before.mtime_ns);
	assert_false(file_stamp_is(&before, &after));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_fuzzy),
		cmocka_unit_test(test_entropy),
		cmocka_unit_test(test_what_is_not_digested),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
