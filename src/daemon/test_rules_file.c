/* When the recorder's file lies among those of the host that augenrules joins, and when it does not; what those say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "source/audit_control.h"

struct world {
	char root[64];
	struct audit_control control;
	struct daemon d;
};

static void path_of(char ret[static 128], const struct world *w, const char *name)
{
	snprintf(ret, 128, "%s%s", w->root, name);
}

static void put(const struct world *w, const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *out;

	path_of(path, w, name);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(path, mode), 0);
}

static void put_rules(const struct world *w, const char *text)
{
	put(w, RULES_FOLDER "/50-theirs.rules", text, 0640);
}

static int set_up(void **state)
{
	static const char *const folders[] = { "/etc", "/etc/audit", RULES_FOLDER, "/sbin" };
	static const bool wanted[N_KINDS] = { [KIND_ID(process, exec)] = true };
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->root, "/tmp/recorder-rules-XXXXXX");
	if (!mkdtemp(w->root) || places_init(&w->d.places, w->root, w->root) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[128];

		path_of(path, w, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	put(w, "/sbin/augenrules", "#!/bin/sh\n", 0755);
	put_rules(w, "-D\n-e 2\n");
	settings_init(&w->d.conf.settings);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(ring_new(&w->d.ring, 1 << 16) | ring_new(&w->d.notes_ring, 1 << 16), 0);
	w->d.notes = (struct notes){ .ring = w->d.notes_ring, .wake = w->d.ring };
	/* As if they had been loaded. */
	w->control.plan = malloc(sizeof(*w->control.plan));
	assert_int_equal(audit_plan_make(w->control.plan, &(struct audit_rules_options){ .wanted = wanted, .have_connector = true }), 0);
	w->d.audit = &w->control;
	w->d.rules_loaded = true;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];
	int r;

	snprintf(command, sizeof(command), "rm -rf '%s'", w->root);
	r = system(command);
	rule_facts_release(&w->d.rule_facts);
	places_release(&w->d.places);
	ring_free(w->d.ring);
	ring_free(w->d.notes_ring);
	free(w->control.plan);
	free(w);
	return r;
}

static void expect_there(struct world *w, bool is_there)
{
	char path[128];

	daemon_tick_rules_file(&w->d);
	path_of(path, w, OWN_RULES_FILE);
	assert_int_equal(access(path, F_OK) == 0, is_there);
	assert_int_equal(w->d.rules_file.is_there, is_there);
	assert_string_equal(w->d.rules_file.problem, "");
	assert_true(w->d.rules_file.n_lines > 0);	/* they are rules that could stand there all the same */
}

static void set_allowed(struct world *w, bool allowed)
{
	w->d.conf.settings.value[SETTING_AuditdDisableKernelPanicProtection] = allowed;
	w->d.rules_file.stale = true;	/* as when rules are loaded anew */
}

/* The kernel is as ever; what the files make of it when the machine starts is another one. */
static void test_a_kernel_that_would_panic(void **state)
{
	struct world *w = *state;

	daemon_look_at_rule_files(&w->d);
	expect_there(w, true);
	put_rules(w, "-D\n-f 2\n-e 2\n");
	daemon_look_at_rule_files(&w->d);
	expect_there(w, false);
	/* Looked at once more, it is no news. */
	daemon_look_at_rule_files(&w->d);
	assert_false(w->d.rules_file.stale);
	set_allowed(w, true);
	expect_there(w, true);
	daemon_look_at_rule_files(&w->d);
	assert_false(w->d.rules_file.stale);
	set_allowed(w, false);
	expect_there(w, false);
	put_rules(w, "-D\n-f 1\n-e 2\n");
	daemon_look_at_rule_files(&w->d);
	expect_there(w, true);
}

/* At the start: it is not even written. */
static void test_files_that_said_so_before(void **state)
{
	struct world *w = *state;

	put_rules(w, "-f 2\n");
	daemon_look_at_rule_files(&w->d);
	expect_there(w, false);
}

/* Of a host that would not read the recorder's file nothing is made for its sake. */
static void test_a_kernel_that_will_be_locked(void **state)
{
	struct world *w = *state;
	char path[128];

	daemon_look_at_rule_files(&w->d);
	assert_true(w->d.rules_file.will_lock);
	put_rules(w, "-D\n-e 2\n-e 1\n");
	daemon_look_at_rule_files(&w->d);
	assert_false(w->d.rules_file.will_lock);
	put_rules(w, "-D\n-e 1\n-e 2\n");
	path_of(path, w, "/sbin/augenrules");
	assert_int_equal(unlink(path), 0);
	daemon_look_at_rule_files(&w->d);
	assert_false(w->d.rules_file.will_lock);
}

/* Somebody removed it: it is looked at when the time has come, and not before. */
static void test_looked_at_again(void **state)
{
	struct world *w = *state;
	char path[128];

	w->d.conf.settings.value[SETTING_ConfigRefreshConfigIntervalMins] = 2;
	expect_there(w, true);
	path_of(path, w, OWN_RULES_FILE);
	assert_int_equal(unlink(path), 0);
	w->d.rules_file.looked_ns -= 110 * NS_PER_SEC;
	daemon_tick_rules_file(&w->d);
	assert_int_not_equal(access(path, F_OK), 0);
	w->d.rules_file.looked_ns -= 10 * NS_PER_SEC;
	expect_there(w, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_kernel_that_would_panic, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files_that_said_so_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_kernel_that_will_be_locked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_looked_at_again, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
