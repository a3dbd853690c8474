/* What of audit's rules subscriptions let be narrowed. */

#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/narrowing.h"
#include "daemon/subscriptions.h"

#define FILTER(terms) "{\"terms\":[" terms "]}"

static struct filter *compile(struct subscriptions *set, const char *filters)
{
	struct filter_error error = { "" };
	struct subscription_entry *entry;
	char document[8192];

	snprintf(document, sizeof(document), "{\"name\":\"a\",\"streams\":[{\"type\":\"database\",\"event_filters\":[%s]}]}", filters);
	if (subscription_entry_new(&entry, span_of(document), true, &error) < 0 || subscriptions_put(set, entry, &error) < 0)
		fail_msg("%s", error.message);
	subscription_entry_unref(entry);
	assert_int_equal(subscriptions_compile(set, &error), 0);
	return set->filter;
}

/* `one`, and `other` if it is not NULL. */
static void find(struct narrowing *narrowing, const char *one, const char *other, size_t max)
{
	struct subscriptions of_one = { 0 }, of_other = { 0 };

	narrowing_find(narrowing, compile(&of_one, one), other ? compile(&of_other, other) : NULL, max);
	/* Nothing is borrowed. */
	subscriptions_release(&of_one);
	subscriptions_release(&of_other);
}

static const char *paths_of(const struct narrowing *narrowing)
{
	static char text[1024];

	text[0] = 0;
	for (size_t i = 0; i < narrowing->n_paths; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s%s", i > 0 ? " " : "", (int)narrowing->paths[i].path.size,
			 narrowing->paths[i].path.data, narrowing->paths[i].below ? "*" : "");
	return text;
}

/* Kinds of files that are narrowed to folders. */
static const char *kinds_of(const struct narrowing *narrowing)
{
	static char text[1024];

	text[0] = 0;
	for (unsigned i = 0; i < N_KINDS; i++)
		if (narrowing->by_folder[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", text[0] ? " " : "", kinds[i].action);
	return text;
}

#define ALL "create write read rename delete link symlink truncate chmod chown xattr"
#define ALL_BUT_SYMLINK "create write read rename delete link truncate chmod chown xattr"

static void test_paths(void **state)
{
	static const struct {
		const char *one, *other, *kinds, *paths;
	} cases[] = {
		{ FILTER("\"file\",\"file.path starts with '/etc'\""), NULL, ALL, "/etc*" },
		{ FILTER("\"file\",\"file.path in ('/etc/a', '/b')\"") "," FILTER("\"file\",\"file.path is '/b'\""), NULL, ALL, "/etc/a /b" },
		/* The text of a symbolic link is not looked for. */
		{ FILTER("\"file\",\"file.any_path starts with '/etc/'\""), NULL, ALL_BUT_SYMLINK, "/etc/*" },
		{ FILTER("\"file\",\"file.path starts with '/a/'\"") "," FILTER("\"file\",\"file.target_path starts with '/b/'\""), NULL,
		  ALL_BUT_SYMLINK, "/a/* /b/*" },
		/* One filter binds a kind, another does not. */
		{ FILTER("\"file\",\"file.path starts with '/a/'\"") "," FILTER("\"file.delete\""), NULL,
		  "create write read rename link symlink truncate chmod chown xattr", "/a/*" },
		{ FILTER("\"file.write\",\"file.path starts with '/a/'\""), FILTER("\"file.write\",\"file.path starts with '/b/'\""), "write",
		  "/a/* /b/*" },
		{ FILTER("\"file.write\",\"file.path starts with '/a/'\""), FILTER("\"file.write\""), "", "" },
		{ FILTER("\"file.write\",\"file.path starts with '/a/'\""), FILTER("\"process\""), "write", "/a/*" },
		{ FILTER("\"file\""), NULL, "", "" },
		/* What says less than a beginning */
		{ FILTER("\"file\",\"file.path contains '/etc'\""), NULL, "", "" },
		{ FILTER("\"file\",\"file.path ends with '/etc'\""), NULL, "", "" },
		{ FILTER("\"file\",\"file.path matches '^/etc/'\""), NULL, "", "" },
		{ FILTER("\"file\",\"file.path not starts with '/etc'\""), NULL, "", "" },
		{ FILTER("\"file\",\"file.path starts with '/ETC' case insensitive\""), NULL, "", "" },
		{ FILTER("\"file\",\"process.cwd starts with '/etc'\""), NULL, "", "" },
		/* A filter of no type may want files too. */
		{ FILTER("\"file\",\"file.path starts with '/a/'\"") "," FILTER("\"process.path is '/bin/x'\""), NULL, "", "" },
		{ FILTER("\"file.mount\",\"file.path starts with '/a/'\""), NULL, "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct narrowing narrowing = { 0 };

		find(&narrowing, cases[i].one, cases[i].other, 50);
		assert_string_equal(kinds_of(&narrowing), cases[i].kinds);
		assert_string_equal(paths_of(&narrowing), cases[i].paths);
		narrowing_release(&narrowing);
	}
}

static void test_too_many(void **state)
{
	struct narrowing narrowing = { 0 };
	const char three[] = FILTER("\"file\",\"file.path in ('/a/a', '/a/b', '/a/c', '/a/a')\"");

	find(&narrowing, three, NULL, 3);
	assert_string_equal(kinds_of(&narrowing), ALL);
	find(&narrowing, three, NULL, 2);
	assert_string_equal(kinds_of(&narrowing), "");
	assert_int_equal(narrowing.n_paths, 0);
	find(&narrowing, three, NULL, 0);
	assert_string_equal(kinds_of(&narrowing), "");
	narrowing_release(&narrowing);
}

static void test_users(void **state)
{
	static const struct {
		const char *filters;
		uint32_t field;
		size_t n;
		bool connects;		/* are narrowed, and files */
	} cases[] = {
		{ FILTER("\"file\",\"user.id in (0, 7)\"") "," FILTER("\"network\",\"user.id is 7\""), AUDIT_UID, 2, true },
		{ FILTER("\"process.user_name is 'root'\""), AUDIT_UID, 1, true },
		{ FILTER("\"process.login_user_name is 'root'\""), AUDIT_LOGINUID, 1, true },
		{ FILTER("\"process.login_user_name in ('unset', 'root')\""), AUDIT_LOGINUID, 2, true },
		{ FILTER("\"process.effective_user_name is 'root'\""), AUDIT_EUID, 1, true },
		{ FILTER("\"process.user_name is 'no such user'\""), AUDIT_UID, 0, false },
		{ FILTER("\"process.user_name starts with 'roo'\""), AUDIT_UID, 0, false },
		{ FILTER("\"process.user_name not is 'root'\""), AUDIT_UID, 0, false },
		{ FILTER("\"process.parent_user_name is 'root'\""), AUDIT_UID, 0, false },
		{ FILTER("\"process.user_name is 'root'\"") "," FILTER("\"process.login_user_name is 'root'\""), AUDIT_UID, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct narrowing narrowing = { 0 };
		const struct audit_scope *scope;

		find(&narrowing, cases[i].filters, NULL, 50);
		scope = narrowing_make(&narrowing);
		assert_int_equal(scope != NULL, cases[i].connects);
		if (scope) {
			assert_int_equal(scope->user_field, cases[i].field);
			assert_int_equal(scope->n_users, cases[i].n);
			assert_true(scope->by_user[KIND_ID(network, connect)] && scope->by_user[KIND_ID(file, chmod)]);
			assert_false(narrowing_passes(&narrowing, KIND_ID(network, connect), SPAN("")));
		}
		assert_false(narrowing_is_outdated(&narrowing, false));
		narrowing_release(&narrowing);
	}
}

static void test_outcomes(void **state)
{
	static const struct {
		const char *filters;
		enum audit_outcome outcome;
	} cases[] = {
		{ FILTER("\"network\""), AUDIT_OUTCOME_ANY },
		{ FILTER("\"network\",\"event.outcome is 'success'\""), AUDIT_OUTCOME_SUCCESS },
		{ FILTER("\"network\",\"event.outcome in ('failure', 'in_progress')\""), AUDIT_OUTCOME_FAILURE },
		{ FILTER("\"network\",\"event.outcome in ('failure', 'success')\""), AUDIT_OUTCOME_ANY },
		{ FILTER("\"network\",\"event.outcome not is 'failure'\""), AUDIT_OUTCOME_ANY },
		{ FILTER("\"network\",\"event.outcome is 'failure'\"") "," FILTER("\"network.connect\",\"event.outcome is 'success'\""), AUDIT_OUTCOME_ANY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct narrowing narrowing = { 0 };

		find(&narrowing, cases[i].filters, NULL, 50);
		narrowing_make(&narrowing);
		assert_int_equal(narrowing.scope.outcome[KIND_ID(network, connect)], cases[i].outcome);
		narrowing_release(&narrowing);
	}
}

/* From those that the rules say now on, so that they change only where they have to; and not back before those of before are gone. */
static void test_spelling(void **state)
{
	struct narrowing narrowing = { 0 };
	const struct audit_scope *scope;
	uint64_t identity;

	find(&narrowing, FILTER("\"file\",\"file.path starts with '/tmp/'\""), NULL, 50);
	scope = narrowing_make(&narrowing);
	if (!scope)
		skip();		/* containers here that nobody made for this */
	assert_string_equal(scope->folders[0], "/tmp/.");
	assert_true(narrowing_passes(&narrowing, KIND_ID(file, write), SPAN("/tmp/x")));
	assert_false(narrowing_passes(&narrowing, KIND_ID(file, write), SPAN("/var/x")));
	assert_true(narrowing_passes(&narrowing, KIND_ID(network, connect), SPAN("")));
	identity = narrowing.identity;
	narrowing_make(&narrowing);
	assert_string_equal(scope->folders[0], "/tmp/.");
	/* It was another then. */
	narrowing.identity = identity ^ 1;
	narrowing.next_look_ns = 0;
	assert_true(narrowing_is_outdated(&narrowing, false));
	narrowing_make(&narrowing);
	assert_string_equal(scope->folders[0], "/tmp/./.");
	find(&narrowing, FILTER("\"file.write\",\"file.path starts with '/tmp/'\""), NULL, 50);
	assert_string_equal(narrowing_make(&narrowing)->folders[0], "/tmp/./.");
	for (unsigned i = 0; i < 3; i++) {
		static const char *const next[] = { "/tmp/././.", "/tmp/./././.", "/tmp/." };

		narrowing_forget(&narrowing);
		assert_true(narrowing_is_outdated(&narrowing, true));
		assert_string_equal(narrowing_make(&narrowing)->folders[0], next[i]);
	}
	narrowing_release(&narrowing);
}

/* What the kernel does not take, or would not count, is asked for whole, and said to be; until that is no reason any more. */
static void test_drop(void **state)
{
	struct narrowing narrowing = { 0 };
	char text[256];

	find(&narrowing, FILTER("\"file\",\"file.path starts with '/tmp/'\"") "," FILTER("\"network\",\"event.outcome is 'failure'\""), NULL, 50);
	if (!narrowing_make(&narrowing) || !narrowing.scope.by_folder[KIND_ID(file, write)])
		skip();
	assert_string_equal(narrowing_text(&narrowing, text, sizeof(text)), "below /tmp");
	narrowing_drop(&narrowing, "the kernel does not want them");
	assert_string_equal(narrowing_text(&narrowing, text, sizeof(text)), "all: the kernel does not want them");
	assert_false(narrowing.is_narrowed);
	assert_true(narrowing_passes(&narrowing, KIND_ID(file, write), SPAN("/var/x")));
	assert_true(narrowing_passes(&narrowing, KIND_ID(network, connect), SPAN("")));
	assert_false(narrowing_is_outdated(&narrowing, true));
	assert_ptr_equal(narrowing_make(&narrowing), &narrowing.scope);
	assert_string_equal(narrowing_text(&narrowing, text, sizeof(text)), "below /tmp");
	assert_int_equal(narrowing.scope.outcome[KIND_ID(network, connect)], AUDIT_OUTCOME_FAILURE);
	assert_true(narrowing.scope.by_folder[KIND_ID(file, write)] && narrowing.is_narrowed);
	narrowing_release(&narrowing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths), cmocka_unit_test(test_too_many), cmocka_unit_test(test_users),
		cmocka_unit_test(test_outcomes), cmocka_unit_test(test_spelling), cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
