#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/dispatcher.h"

#define CALL "audit(1170021493.977:293): arch=c000003e syscall=59 success=yes"
#define LINE "node=host type=SYSCALL msg=" CALL "\x1d" "ARCH=x86_64 SYSCALL=execve"
#define FULL 8970u			/* what auditd 3.0.9 writes behind each head */

struct seen {
	size_t n;
	struct {
		uint32_t type;
		char text[200];
	} records[32];
};

static int note(void *user, const struct record *record)
{
	struct seen *seen = user;

	assert_true(seen->n < ARRAY_SIZE(seen->records));
	seen->records[seen->n].type = record->type;
	assert_true(record->text.size < sizeof(seen->records[0].text));
	memcpy(seen->records[seen->n].text, record->text.data, record->text.size);
	seen->records[seen->n++].text[record->text.size] = 0;
	return 0;
}

/* As auditd writes it; padding: bytes of whatever behind it. */
static void put(struct buffer *to, uint32_t version, uint32_t type, const char *text, size_t padding)
{
	const uint32_t head[] = { version, 16, type, (uint32_t)strlen(text) };

	buffer_append(to, head, sizeof(head));
	buffer_append_text(to, text);
	for (size_t i = 0; i < padding; i++)
		buffer_append_byte(to, (char)(i * 7));
}

static void put_padded(struct buffer *to, uint32_t version, uint32_t type, const char *text)
{
	put(to, version, type, text, FULL - strlen(text));
}

static void feed(struct dispatcher *dispatcher, struct span bytes, size_t step, struct seen *seen)
{
	for (size_t at = 0; at < bytes.size; at += step) {
		struct span part = { bytes.data + at, MIN(step, bytes.size - at) };

		assert_int_equal(dispatcher_push(dispatcher, part, note, seen), 0);
	}
}

static void expect_three(const struct seen *seen)
{
	assert_int_equal(seen->n, 3);
	assert_int_equal(seen->records[0].type, 1300);
	assert_string_equal(seen->records[0].text, CALL);
	assert_int_equal(seen->records[1].type, 0);
	assert_string_equal(seen->records[1].text, LINE);
	assert_int_equal(seen->records[2].type, 1112);
	assert_string_equal(seen->records[2].text, "audit(1.000:1): pid=1 msg='a b  c'");
}

/* Of audit 2 and 3.0, and of later ones; in pieces of any size. */
static void test_binary(void **state)
{
	static const size_t steps[] = { 1, 7, 16, 22, 4096, 8986, 1 << 20 };

	for (unsigned padded = 0; padded < 2; padded++)
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			struct dispatcher dispatcher = { 0 };
			struct buffer bytes = { 0 };
			struct seen seen = { 0 };

			for (unsigned k = 0; k < 3; k++) {
				static const struct {
					uint32_t version, type;
					const char *text;
				} of[] = { { 0, 1300, CALL }, { 1, 1300, LINE "\n" }, { 0, 1112, "audit(1.000:1): pid=1 msg='a\nb\n\nc'" } };

				put(&bytes, of[k].version, of[k].type, of[k].text, padded ? FULL - strlen(of[k].text) : 0);
			}
			feed(&dispatcher, buffer_span(&bytes), steps[i], &seen);
			expect_three(&seen);
			assert_int_equal(dispatcher.n_damaged, 0);
			buffer_release(&bytes);
			dispatcher_release(&dispatcher);
		}
}

/* The first is told before it is known how it is framed: nobody waits for the next one. */
static void test_at_once(void **state)
{
	struct dispatcher dispatcher = { 0 };
	struct buffer bytes = { 0 };
	struct seen seen = { 0 };

	put(&bytes, 0, 1300, CALL, 0);
	feed(&dispatcher, buffer_span(&bytes), bytes.size, &seen);
	assert_int_equal(seen.n, 1);
	buffer_release(&bytes);
	dispatcher_release(&dispatcher);
}

/* What lies in the padding may be of an older record, with a head that looks good. */
static void test_what_padding_holds(void **state)
{
	struct dispatcher dispatcher = { 0 };
	struct buffer bytes = { 0 };
	struct seen seen = { 0 };

	put_padded(&bytes, 0, 1300, CALL);
	put_padded(&bytes, 0, 1300, CALL);
	put(&bytes, 0, 1300, CALL, 0);
	put(&bytes, 0, 1112, CALL, FULL - 2 * strlen(CALL) - 16);
	put_padded(&bytes, 0, 1300, CALL);
	feed(&dispatcher, buffer_span(&bytes), 1000, &seen);
	assert_int_equal(seen.n, 4);
	for (size_t i = 0; i < seen.n; i++)
		assert_int_equal(seen.records[i].type, 1300);
	buffer_release(&bytes);
	dispatcher_release(&dispatcher);
}

static void test_lines(void **state)
{
	const struct span text = SPAN("type=SYSCALL msg=" CALL "\n" LINE "\n" "type=UNKNOWN[1420] msg=audit(1.0:1): a=b\n"
					     "type=CUT msg=audit(1.0:");

	for (size_t step = 1; step <= text.size; step++) {
		struct dispatcher dispatcher = { 0 };
		struct seen seen = { 0 };

		feed(&dispatcher, text, step, &seen);
		assert_int_equal(seen.n, 3);
		assert_string_equal(seen.records[0].text, "type=SYSCALL msg=" CALL);
		assert_string_equal(seen.records[1].text, LINE);
		assert_int_equal(seen.records[2].type, 0);
		assert_int_equal(dispatcher.n_damaged, 0);
		dispatcher_release(&dispatcher);
	}
}

/* A place that makes no sense costs itself, and counts once. */
static void test_damage(void **state)
{
	struct dispatcher dispatcher = { 0 };
	struct buffer bytes = { 0 };
	struct seen seen = { 0 };

	put(&bytes, 0, 1300, CALL, 0);
	put(&bytes, 0, 1300, CALL, 0);
	buffer_append_text(&bytes, "of a writer that was cut off");
	put(&bytes, 2, 1300, CALL, 0);	/* a version that nobody knows */
	put(&bytes, 0, 1300, CALL, 0);
	put(&bytes, 0, UINT32_MAX, CALL, 0);
	put(&bytes, 0, 1300, CALL, 0);
	feed(&dispatcher, buffer_span(&bytes), 5, &seen);
	assert_int_equal(seen.n, 4);
	assert_int_equal(dispatcher.n_damaged, 2);
	buffer_release(&bytes);
	dispatcher_release(&dispatcher);
}

/* A line without end takes no memory without end, and nothing in it is a record. */
static void test_long_line(void **state)
{
	struct dispatcher dispatcher = { 0 };
	struct seen seen = { 0 };

	feed(&dispatcher, SPAN("type=USER msg=audit(1.0:1): "), 100, &seen);
	for (unsigned i = 0; i < 100000; i++) {
		feed(&dispatcher, SPAN(" type=SYSCALL msg=" CALL), 1000, &seen);
		assert_true(dispatcher.left.size <= DISPATCHER_LINE_MAX);
	}
	assert_int_equal(seen.n, 0);
	feed(&dispatcher, SPAN("\ntype=SYSCALL msg=" CALL "\n"), 1000, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(dispatcher.n_damaged, 1);
	dispatcher_release(&dispatcher);
}

static int refuse(void *user, const struct record *record)
{
	return -ECANCELED;
}

static void test_emit_says_no(void **state)
{
	struct dispatcher dispatcher = { 0 };

	assert_int_equal(dispatcher_push(&dispatcher, SPAN(LINE "\n"), refuse, NULL), -ECANCELED);
	dispatcher_release(&dispatcher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary), cmocka_unit_test(test_at_once), cmocka_unit_test(test_what_padding_holds),
		cmocka_unit_test(test_lines), cmocka_unit_test(test_damage), cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_emit_says_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
