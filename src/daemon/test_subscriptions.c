/* Sets of subscriptions, and what both of two leave out. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/exclusions.h"
#include "daemon/subscriptions.h"

static struct subscription_entry *make(const char *name, const char *streams)
{
	struct filter_error error = { "" };
	struct subscription_entry *entry = NULL;
	char document[8192];

	snprintf(document, sizeof(document), "{\"name\":\"%s\",\"streams\":[%s]}", name, streams);
	if (subscription_entry_new(&entry, span_of(document), true, &error) < 0)
		fail_msg("%s", error.message);
	return entry;
}

#define DATABASE(terms) "{\"type\":\"database\",\"event_filters\":[{\"terms\":[" terms "]}]}"
#define JOURNAL(name) "{\"type\":\"journal\",\"name\":\"" name "\",\"event_filters\":[{\"terms\":[\"file\"]}]}"

/* The set has the reference alone. */
static int put(struct subscriptions *set, const char *name, const char *streams, struct filter_error *error)
{
	struct subscription_entry *entry = make(name, streams);
	int r = subscriptions_put(set, entry, error);

	subscription_entry_unref(entry);
	return r;
}

static void test_put_and_remove(void **state)
{
	struct subscriptions set = { 0 }, copy;
	struct filter_error error = { "" };
	const struct subscription_entry *before;

	assert_int_equal(put(&set, "a", DATABASE("\"file\""), &error), 0);
	assert_int_equal(put(&set, "b", DATABASE("\"process\""), &error), 0);
	assert_int_equal(set.n, 2);
	assert_null(subscriptions_find(&set, SPAN("c")));
	before = subscriptions_find(&set, SPAN("a"));
	assert_int_equal(subscriptions_copy(&copy, &set), 0);
	/* A copy changes by itself. */
	assert_int_equal(put(&copy, "a", DATABASE("\"dns\""), &error), 0);
	assert_int_equal(put(&copy, "c", DATABASE("\"dns\""), &error), 0);
	subscriptions_remove(&copy, SPAN("b"));
	subscriptions_remove(&copy, SPAN("nobody"));
	assert_int_equal(copy.n, 2);
	assert_ptr_not_equal(subscriptions_find(&copy, SPAN("a")), before);
	assert_ptr_equal(subscriptions_find(&set, SPAN("a")), before);
	assert_non_null(subscriptions_find(&set, SPAN("b")));
	assert_null(subscriptions_find(&copy, SPAN("b")));
	subscriptions_release(&set);
	assert_string_equal(subscription_entry_name(copy.list[0]), "a");
	subscriptions_release(&copy);
}

static void test_beside(void **state)
{
	struct subscriptions set = { 0 };
	struct filter_error error = { "" };

	assert_int_equal(put(&set, "a", JOURNAL("j"), &error), 0);
	assert_int_equal(put(&set, "b", JOURNAL("j"), &error), -EINVAL);
	assert_non_null(strstr(error.message, "that of the subscription 'a' already"));
	assert_int_equal(set.n, 1);
	/* In its own place it may have it. */
	assert_int_equal(put(&set, "a", JOURNAL("j"), &error), 0);
	subscriptions_release(&set);
}

static void test_bounds(void **state)
{
	struct subscriptions set = { 0 };
	struct filter_error error = { "" };
	bool wanted[N_KINDS];
	char name[32];

	for (unsigned i = 0; i < 63; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(put(&set, name, DATABASE("\"file\""), &error), 0);
	}
	assert_int_equal(subscriptions_compile(&set, &error), 0);
	filter_wanted(set.filter, wanted);
	assert_true(wanted[KIND_ID(file, write)]);
	assert_false(wanted[KIND_ID(process, exec)]);
	set.filter = filter_free(set.filter);
	assert_int_equal(put(&set, "n63", DATABASE("\"file\""), &error), 0);
	assert_int_equal(subscriptions_compile(&set, &error), -EINVAL);
	assert_non_null(strstr(error.message, "63"));
	assert_null(set.filter);
	for (unsigned i = 64; i < MAX_SUBSCRIPTIONS; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(put(&set, name, DATABASE("\"file\""), &error), 0);
	}
	assert_int_equal(put(&set, "one-more", DATABASE("\"file\""), &error), -EINVAL);
	subscriptions_release(&set);
}

static struct filter *compile(struct subscriptions *set, const char *streams)
{
	struct filter_error error = { "" };

	assert_int_equal(put(set, "n", streams, &error), 0);
	assert_int_equal(subscriptions_compile(set, &error), 0);
	return set->filter;
}

static void test_exclusions(void **state)
{
	struct subscriptions one = { 0 }, other = { 0 }, any = { 0 };
	struct exclusions of_one, of_other, both;

	exclusions_find(&of_one, compile(&one, DATABASE("\"file\",\"file.path starts with '/etc/'\",\"file.path starts not with '/proc/'\"")));
	exclusions_find(&of_other, compile(&other, DATABASE("\"file\",\"file.path in ('/usr/a', '/usr/b')\","
							    "\"file.path starts not with '/proc/'\",\"file.path starts not with '/sys/'\"")));
	assert_int_equal(of_one.n_required, 1);
	assert_true(exclusions_pass(&of_one, SPAN("/etc/passwd")));
	assert_false(exclusions_pass(&of_one, SPAN("/usr/a")));
	assert_int_equal(of_other.n_required, 2);
	assert_true(exclusions_pass(&of_other, SPAN("/usr/a")));
	assert_false(exclusions_pass(&of_other, SPAN("/usr/ab")));
	both = of_one;
	exclusions_keep_common(&both, &of_other);
	assert_true(exclusions_pass(&both, SPAN("/etc/passwd")));
	assert_true(exclusions_pass(&both, SPAN("/usr/b")));
	assert_false(exclusions_pass(&both, SPAN("/var/c")));
	assert_int_equal(both.n_paths, 1);
	assert_true(span_eq(both.paths[0].path, SPAN("/proc/")));
	/* One without a bound leaves none. */
	exclusions_find(&of_other, compile(&any, DATABASE("\"file\",\"file.operation is 'write'\"")));
	assert_int_equal(of_other.n_required, 0);
	both = of_one;
	exclusions_keep_common(&both, &of_other);
	assert_true(exclusions_pass(&both, SPAN("/var/c")));
	subscriptions_release(&one);
	subscriptions_release(&other);
	subscriptions_release(&any);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_put_and_remove), cmocka_unit_test(test_beside),
					    cmocka_unit_test(test_bounds), cmocka_unit_test(test_exclusions) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
