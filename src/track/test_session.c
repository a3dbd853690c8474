#include "track/session.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BEGAN (UINT64_C(1700000000) * NS_PER_SEC)
#define SSHD "/usr/sbin/sshd"

static struct context *of_session(uint32_t ses, const char *program)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_number(&context->values, FIELD_ses, ses);
	values_set_number(&context->values, FIELD_entity_id, 77);
	values_set_number(&context->values, FIELD_start, BEGAN - NS_PER_SEC);
	if (program)
		values_set_text(&context->values, FIELD_executable, span_of(program));
	return context;
}

static struct context *filled(const struct sessions *sessions, uint32_t node, uint32_t ses)
{
	struct context *context = of_session(ses, "/bin/bash");

	sessions_fill(sessions, node, context);
	assert_false(context->values.failed);
	return context;
}

static void assert_nothing(const struct sessions *sessions, uint32_t node, uint32_t ses)
{
	_cleanup_(context_unrefp) struct context *context = filled(sessions, node, ses);

	assert_false(values_has(&context->values, FIELD_login_time));
	assert_false(values_has(&context->values, FIELD_login_ip));
	assert_false(values_has(&context->values, FIELD_login_service));
	assert_false(values_has(&context->values, FIELD_login_leader));
}

static void test_what_is_known_holds_for_all(void **state)
{
	_cleanup_(context_unrefp) struct context *leader = of_session(12, SSHD), *su = of_session(12, "/usr/bin/su"), *other = NULL;
	struct sessions *sessions;

	assert_int_equal(sessions_new(&sessions), 0);
	assert_nothing(sessions, 0, 12);
	sessions_begin(sessions, 0, 12);
	sessions_open(sessions, 0, 12, leader, BEGAN, true);
	sessions_open(sessions, 0, 12, su, BEGAN + 5, true);
	sessions_come_from(sessions, 0, 12, (struct span){ "\xc0\x00\x02\x07", 4 });
	other = filled(sessions, 0, 12);
	assert_int_equal(other->login_time, BEGAN);
	assert_int_equal(other->login_leader, 77);
	assert_true(span_eq(values_text(&other->values, FIELD_login_service), SPAN("sshd")));
	assert_true(span_eq(values_text(&other->values, FIELD_login_ip), (struct span){ "\xc0\x00\x02\x07", 4 }));
	assert_false(values_is_inferred(&other->values, FIELD_login_time));
	/* Of another host, of another number, of none. */
	assert_nothing(sessions, 5, 12);
	assert_nothing(sessions, 0, 13);
	assert_nothing(sessions, 0, UINT32_MAX);
	/* The number is used again. */
	sessions_begin(sessions, 0, 12);
	assert_nothing(sessions, 0, 12);
	sessions_free(sessions);
}

static void test_what_the_context_knows_stays(void **state)
{
	_cleanup_(context_unrefp) struct context *leader = of_session(3, SSHD), *knows = of_session(3, "/bin/bash");
	struct sessions *sessions;

	assert_int_equal(sessions_new(&sessions), 0);
	sessions_open(sessions, 0, 3, leader, BEGAN, true);
	values_set_number(&knows->values, FIELD_login_time, 5);
	assert_true(sessions_know_more(sessions, 0, knows));
	sessions_fill(sessions, 0, knows);
	assert_int_equal(knows->login_time, 5);
	assert_int_equal(knows->login_leader, 77);
	assert_false(sessions_know_more(sessions, 0, knows));
	/* But what was only concluded, audit knows better; and an address may be told later. */
	values_set_inferred(&knows->values, FIELD_login_time);
	values_set_text(&knows->values, FIELD_login_ip, SPAN("\x0a\0\0\1"));
	values_set_inferred(&knows->values, FIELD_login_ip);
	sessions_come_from(sessions, 0, 3, SPAN("\xc0\0\2\7"));
	sessions_fill(sessions, 0, knows);
	assert_int_equal(knows->login_time, BEGAN);
	assert_false(values_is_inferred(&knows->values, FIELD_login_time));
	assert_true(span_eq(values_text(&knows->values, FIELD_login_ip), SPAN("\xc0\0\2\7")));
	assert_false(values_is_inferred(&knows->values, FIELD_login_ip));
	sessions_free(sessions);
}

static void test_before_the_recorder(void **state)
{
	_cleanup_(context_unrefp) struct context *first = of_session(3, SSHD), *shell = of_session(3, "/bin/bash"),
					 *earlier = of_session(3, "/usr/lib/openssh/sshd-session"), *other = NULL;
	struct sessions *sessions;

	assert_int_equal(sessions_new(&sessions), 0);
	values_set_text(&shell->values, FIELD_login_ip, (struct span){ "\x0a\x00\x00\x01", 4 });
	sessions_meet(sessions, 0, first);
	sessions_meet(sessions, 0, shell);
	other = filled(sessions, 0, 3);
	assert_int_equal(other->login_time, BEGAN - NS_PER_SEC);
	assert_true(values_is_inferred(&other->values, FIELD_login_time));
	assert_true(values_is_inferred(&other->values, FIELD_login_ip));
	assert_true(span_eq(values_text(&other->values, FIELD_login_service), SPAN("sshd")));
	/* The first of them is the leader, whatever their order. */
	values_set_number(&earlier->values, FIELD_entity_id, 66);
	values_set_number(&earlier->values, FIELD_start, BEGAN - 2 * NS_PER_SEC);
	sessions_meet(sessions, 0, earlier);
	context_unref(other);
	other = filled(sessions, 0, 3);
	assert_int_equal(other->login_leader, 66);
	/* And audit knows better than /proc. */
	sessions_open(sessions, 0, 3, shell, BEGAN, true);
	sessions_meet(sessions, 0, first);
	context_unref(other);
	other = filled(sessions, 0, 3);
	assert_int_equal(other->login_time, BEGAN);
	sessions_clear_node(sessions, 9);
	assert_true(sessions_know_more(sessions, 0, shell));
	sessions_clear_node(sessions, 0);
	assert_nothing(sessions, 0, 3);
	sessions_free(sessions);
}

static void test_many(void **state)
{
	struct sessions *sessions;

	assert_int_equal(sessions_new(&sessions), 0);
	for (uint32_t ses = 1; ses <= 10 * SESSIONS_MAX; ses++) {
		_cleanup_(context_unrefp) struct context *leader = of_session(ses, SSHD);

		sessions_open(sessions, 0, ses, leader, BEGAN + ses, true);
	}
	assert_nothing(sessions, 0, 1);
	for (uint32_t ses = 9 * SESSIONS_MAX + 1; ses <= 10 * SESSIONS_MAX; ses++) {
		_cleanup_(context_unrefp) struct context *context = filled(sessions, 0, ses);

		assert_int_equal(context->login_time, BEGAN + ses);
	}
	sessions_free(sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_known_holds_for_all),
		cmocka_unit_test(test_what_the_context_knows_stays),
		cmocka_unit_test(test_before_the_recorder),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
