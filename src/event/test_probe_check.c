/* Which bytes are a record, and where its texts lie. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/test_made.h"

static void expect_text(const struct made *made, unsigned n, struct span expected)
{
	struct span text = probe_text(made_bytes(made), n);

	assert_int_equal(text.size, expected.size);
	assert_memory_equal(text.data, expected.data, expected.size);
}

static int check(const struct made *made, size_t size)
{
	struct span copy = made_copy(made);
	int r = probe_check((struct span){ copy.data, size });

	free((void *)(uintptr_t)copy.data);
	return r;
}

/* The layout is between the kernel's programs, user space and captures. */
static void test_layout(void **state)
{
	assert_int_equal(sizeof(struct probe_head), 96);
	assert_int_equal(sizeof(union probe_body), 80);
	assert_int_equal(offsetof(struct probe_record, body), 96);
	assert_int_equal(offsetof(struct probe_record, call), 176);
	assert_int_equal(offsetof(struct probe_record, text_bytes), 180);
	assert_int_equal(offsetof(struct probe_record, text), sizeof(struct probe_record));
	assert_int_equal(sizeof(struct probe_record) % 8, 0);
	/* Lines of calls.def are only appended. */
	assert_int_equal(PROBE_CALL_open, 1);
	assert_int_equal(PROBE_CALL_renameat2, 12);
	assert_int_equal(PROBE_CALL_connect, 59);
	assert_int_equal(PROBE_CALL_readv, 104);
	assert_int_equal(PROBE_CALL_fallocate, 105);
	assert_int_equal(PROBE_CALL_clock_adjtime64, N_PROBE_CALLS - 1);
	assert_int_equal(PROBE_DNS, 15);
	assert_int_equal(PROBE_RAW, N_PROBE_TYPES - 1);
}

static void test_whole(void **state)
{
	struct made made;

	for (unsigned type = 1; type < N_PROBE_TYPES; type++) {
		make(&made, type, PROBE_CALL_NONE);
		assert_int_equal(check(&made, made.size), 0);
		made.record->call = N_PROBE_CALLS - 1;
		add_text(&made, 0, SPAN("first"));
		add_text(&made, 2, SPAN("third"));
		add_text(&made, 5, SPAN("last"));
		assert_int_equal(check(&made, made.size), 0);
	}
}

static void test_short(void **state)
{
	struct made made;

	assert_int_equal(probe_check((struct span){ NULL, 0 }), -EINVAL);
	make(&made, PROBE_OPEN, PROBE_CALL_open);
	for (size_t size = 0; size < sizeof(struct probe_record); size++)
		assert_int_equal(check(&made, size), -EINVAL);
	add_text(&made, 0, SPAN("text"));
	add_text(&made, 4, SPAN("more"));
	for (size_t size = sizeof(struct probe_record); size < made.size; size++)
		assert_int_equal(check(&made, size), -EINVAL);
	assert_int_equal(check(&made, made.size), 0);
}

/* What lies behind the texts is no part of the record, but of an exec its arguments. */
static void test_more_than_its_texts(void **state)
{
	struct made made;

	make(&made, PROBE_OPEN, PROBE_CALL_open);
	add_text(&made, 5, SPAN("text and more"));
	made.record->text_bytes[5] = 4;
	assert_int_equal(check(&made, made.size), 0);
	expect_text(&made, 5, SPAN("text"));
	made.record->head.type = PROBE_EXEC;
	expect_text(&made, EXEC_ARGS, SPAN("text and more"));
	made.record->text_bytes[EXEC_ARGS] = 0;	/* more than its 16 bits can say */
	assert_int_equal(check(&made, made.size), 0);
	expect_text(&made, EXEC_ARGS, SPAN("text and more"));
}

static void test_misaligned(void **state)
{
	struct made made;
	char *room = malloc(sizeof(struct probe_record) + 8);

	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	assert_non_null(room);
	for (size_t shift = 0; shift < 8; shift++) {
		memcpy(room + shift, made.bytes, made.size);
		assert_int_equal(probe_check((struct span){ room + shift, made.size }), shift == 0 ? 0 : -EINVAL);
	}
	free(room);
}

static void test_lying_sizes(void **state)
{
	struct made made;

	make(&made, PROBE_NAME, PROBE_CALL_rename);
	add_text(&made, 0, SPAN("text"));
	for (unsigned i = 0; i < PROBE_TEXTS; i++) {
		probe_u16 had = made.record->text_bytes[i];

		made.record->text_bytes[i] = (probe_u16)(had + 1);
		assert_int_equal(check(&made, made.size), -EINVAL);
		made.record->text_bytes[i] = UINT16_MAX;
		assert_int_equal(check(&made, made.size), -EINVAL);
		made.record->text_bytes[i] = had;
	}
	/* All of them at once: the sum is no number of 16 bits. */
	for (unsigned i = 0; i < PROBE_TEXTS; i++)
		made.record->text_bytes[i] = i < 4 ? 16384 : 0;
	assert_int_equal(check(&made, made.size), -EINVAL);
	made.record->text_bytes[4] = 4;
	assert_int_equal(check(&made, made.size), -EINVAL);
}

static void test_unknown(void **state)
{
	struct made made;

	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	made.record->head.type = 0;
	assert_int_equal(check(&made, made.size), -EINVAL);
	for (unsigned type = N_PROBE_TYPES; type <= UINT8_MAX; type++) {
		made.record->head.type = (probe_u8)type;
		assert_int_equal(check(&made, made.size), -EINVAL);
	}
	make(&made, PROBE_CALL, PROBE_CALL_stime);
	assert_int_equal(check(&made, made.size), 0);
	for (unsigned call = N_PROBE_CALLS; call <= UINT16_MAX; call++) {
		made.record->call = (probe_u16)call;
		assert_int_equal(check(&made, made.size), -EINVAL);
	}
}

static void test_texts(void **state)
{
	struct made made;

	make(&made, PROBE_NAME, PROBE_CALL_renameat2);
	add_path(&made, NAME_FOLDER, "/a/b");
	add_text(&made, NAME_GIVEN, SPAN("one"));
	add_path(&made, NAME_FOLDER2, "/");
	add_text(&made, NAME_GIVEN2, SPAN(""));
	add_text(&made, NAME_EXTRA, SPAN("x\0y"));
	assert_int_equal(check(&made, made.size), 0);
	expect_text(&made, NAME_FOLDER, SPAN("b\0a\0"));
	expect_text(&made, NAME_GIVEN, SPAN("one"));
	expect_text(&made, NAME_FOLDER2, SPAN("/\0"));
	expect_text(&made, NAME_GIVEN2, SPAN(""));
	expect_text(&made, NAME_EXTRA, SPAN("x\0y"));
	expect_text(&made, 5, SPAN(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_more_than_its_texts),
		cmocka_unit_test(test_misaligned),
		cmocka_unit_test(test_lying_sizes),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
