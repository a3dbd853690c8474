#include "daemon/last_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macro.h"

static void test_there_and_back(void **state)
{
	static const struct last_words words = { 30, 10, 20, 12345, true };
	char path[] = "/tmp/recorder-words-XXXXXX", text[LAST_WORDS_MAX + 1] = "";
	int fd = mkstemp(path);
	struct last_words found;

	assert_true(fd >= 0);
	assert_int_equal(last_words_write(fd, &words), 0);
	assert_true(pread(fd, text, LAST_WORDS_MAX, 0) > 0);
	assert_true(last_words_read(text, &found));
	assert_int_equal(found.stopped_ns, 30);
	assert_int_equal(found.begin_ns, 10);
	assert_int_equal(found.end_ns, 20);
	assert_int_equal(found.count, 12345);
	assert_true(found.held);
	close(fd);
	unlink(path);
}

static void test_none(void **state)
{
	static const char *const texts[] = {
		"", "4711", "4711\n", "4711\nstopped=30 begin=10 end=20 count=5\n", "4711\nstopped=30 begin=20 end=10 count=5 held=0\n",
		"4711\nstopped=15 begin=10 end=20 count=5 held=0\n", "4711\nrubbish\n", "stopped=30 begin=10 end=20 count=5 held=0\n",
	};
	struct last_words words;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (last_words_read(texts[i], &words))
			fail_msg("'%s' is read", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
