/* Which records come out together, when, and in which order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assemble/assemble.h"
#include "base/macro.h"

enum { SYSCALL = 1300, PATH = 1302, PROCTITLE = 1327, EOE = 1320, USER_LOGIN = 1112 };

static const struct assembler_options defaults = ASSEMBLER_DEFAULTS;

struct fixture {
	struct assembler *assembler;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(assembler_new(&f->assembler, &defaults), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_null(assembler_free(f->assembler));
	free(f);
	return 0;
}

/* Time of the records and of the stream in ms. */
static void push(struct fixture *f, uint64_t serial, uint32_t type, const char *body, uint64_t ms)
{
	struct assembler_key key = {
		.time_ns = 1000 * NS_PER_MS,
		.serial = serial,
		.ends_event = type == EOE,
		.may_end_event = type == PROCTITLE || type == USER_LOGIN,
		.is_single = type >= 0x10000,
	};
	char *copy = strdup(body);	/* so that a body that was not copied is a use after free */

	assert_int_equal(assembler_push(f->assembler, &key, type, span_of(copy), false, ms * NS_PER_MS), 0);
	free(copy);
}

/* Expects the draft of a serial with these bodies, joined with commas. */
static struct draft *expect(struct fixture *f, uint64_t ms, uint64_t serial, const char *bodies)
{
	struct draft *draft = NULL;
	char text[512] = "";
	size_t n = 0;

	assert_int_equal(assembler_pop(f->assembler, ms * NS_PER_MS, &draft), 1);
	assert_int_equal(draft->serial, serial);
	for (uint32_t i = 0; i < draft->n_records; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? "," : "",
				      (int)draft->records[i].size, draft->records[i].data);
	assert_string_equal(text, bodies);
	return draft;
}

static void expect_nothing(struct fixture *f, uint64_t ms)
{
	struct draft *draft = NULL;

	assert_int_equal(assembler_pop(f->assembler, ms * NS_PER_MS, &draft), 0);
	assert_null(draft);
}

static void test_interleaved(void **state)
{
	struct fixture *f = *state;

	push(f, 1, SYSCALL, "a", 0);
	push(f, 2, SYSCALL, "b", 0);
	push(f, 1, PATH, "c", 0);
	push(f, 2, PATH, "d", 0);
	expect_nothing(f, 0);
	push(f, 2, EOE, "", 0);
	push(f, 1, EOE, "", 0);
	assert_true(expect(f, 0, 2, "b,d,")->end_seen);
	assert_int_equal(expect(f, 0, 1, "a,c,")->end, DRAFT_COMPLETE);
	expect_nothing(f, 1000000);
	assert_int_equal(assembler_next_ns(f->assembler), UINT64_MAX);
}

static void test_serial_comes_again(void **state)
{
	struct fixture *f = *state;

	/* A serial says nothing without its time: it starts anew at each boot, and wraps. */
	push(f, 7, SYSCALL, "old", 0);
	push(f, 7, EOE, "", 0);
	push(f, 7, SYSCALL, "new", 0);
	push(f, 7, EOE, "", 0);
	expect(f, 0, 7, "old,");
	expect(f, 0, 7, "new,");
}

static void test_soft_end_waits_for_stragglers(void **state)
{
	struct fixture *f = *state;

	push(f, 1, PROCTITLE, "title first", 0);
	expect_nothing(f, 100);
	push(f, 1, SYSCALL, "late", 100);
	expect_nothing(f, 299);
	assert_int_equal(assembler_next_ns(f->assembler), 300 * NS_PER_MS);
	assert_false(expect(f, 300, 1, "title first,late")->end_seen);
}

static void test_soft_end_by_newer_drafts(void **state)
{
	struct fixture *f = *state;
	struct draft *draft = NULL;

	for (unsigned i = 0; i <= defaults.soft_drafts; i++)
		push(f, i, USER_LOGIN, "x", 0);
	assert_int_equal(assembler_pop(f->assembler, 0, &draft), 1);
	assert_int_equal(draft->serial, 0);
	expect_nothing(f, 0);
}

static void test_order_without_end_records(void **state)
{
	struct fixture *f = *state;

	/* 1 has no end at all, 2 a soft one: 2 does not overtake 1. */
	push(f, 1, SYSCALL, "open", 0);
	push(f, 2, USER_LOGIN, "soft", 0);
	expect_nothing(f, 5000);
	assert_int_equal(expect(f, 10000, 1, "open")->end, DRAFT_TIMED_OUT);
	expect(f, 10000, 2, "soft");
	/* What has its end record does overtake: it is late for nobody. */
	push(f, 3, SYSCALL, "open", 0);
	push(f, 4, SYSCALL, "ends", 0);
	push(f, 4, EOE, "", 0);
	expect(f, 0, 4, "ends,");
	expect_nothing(f, 0);
}

static void test_single(void **state)
{
	struct fixture *f = *state;

	push(f, 9, 0x10000, "ours", 0);
	expect(f, 0, 9, "ours");
}

static void test_nodes_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	struct assembler_key key = { .serial = 1, .time_ns = 5 };
	struct draft *draft = NULL;

	key.node = SPAN("alpha");
	assert_int_equal(assembler_push(f->assembler, &key, SYSCALL, SPAN("a"), true, 0), 0);
	key.node = SPAN("beta");
	key.ends_event = true;
	assert_int_equal(assembler_push(f->assembler, &key, EOE, SPAN("b"), true, 0), 0);
	assert_int_equal(assembler_pop(f->assembler, 0, &draft), 1);
	assert_true(span_eq(draft->node, SPAN("beta")));
	assert_int_equal(draft->n_records, 1);
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	struct draft *draft = NULL;
	static char large[1 << 20];
	struct assembler_key key = { .serial = 1, .time_ns = 5 };
	unsigned n = 0;

	for (unsigned i = 0; i < defaults.max_drafts + 10; i++)
		push(f, i, SYSCALL, "x", 0);
	while (assembler_pop(f->assembler, 0, &draft) > 0) {
		assert_int_equal(draft->end, DRAFT_FORCED);
		n++;
	}
	assert_int_equal(n, 10);
	/* One draft that never stops growing. */
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(assembler_push(f->assembler, &key, PATH, (struct span){ large, sizeof(large) },
						false, 0), 0);
	assert_int_equal(assembler_stats(f->assembler)->dropped, 24);
	/* Many that together are too large: the oldest leave. */
	for (unsigned i = 0; i < 200; i++) {
		key.serial = 1000000 + i;
		assert_int_equal(assembler_push(f->assembler, &key, PATH, (struct span){ large, sizeof(large) },
						false, 0), 0);
		while (assembler_pop(f->assembler, 0, &draft) > 0)
			;
	}
	assert_true(assembler_stats(f->assembler)->forced >= 136 + 10);
}

static void test_drain(void **state)
{
	struct fixture *f = *state;
	struct draft *draft = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < 100; i++)
		push(f, i, i % 3 ? SYSCALL : i % 2 ? EOE : PROCTITLE, "x", 0);
	while (assembler_drain(f->assembler, &draft) > 0)
		n++;
	assert_int_equal(n, 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_interleaved),
		TEST(test_serial_comes_again),
		TEST(test_soft_end_waits_for_stragglers),
		TEST(test_soft_end_by_newer_drafts),
		TEST(test_order_without_end_records),
		TEST(test_single),
		TEST(test_nodes_are_kept_apart),
		TEST(test_bounds),
		TEST(test_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
