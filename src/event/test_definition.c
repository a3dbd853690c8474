#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "event/definition.h"

static void test_places(void **state)
{
	static const struct {
		const char *path;
		enum definition definition;
		const char *name;
	} cases[] = {
		{ "/etc/systemd/system/evil.service", DEFINITION_SERVICE, "evil.service" },
		{ "/etc/systemd/system/evil.timer", DEFINITION_TASK, "evil.timer" },
		{ "/etc/systemd/system/ssh.service.d/override.conf", DEFINITION_SERVICE, "ssh.service" },
		{ "/etc/systemd/system/multi-user.target.wants/evil.service", DEFINITION_SERVICE, "evil.service" },
		{ "/usr/lib/systemd/system/getty@.service", DEFINITION_SERVICE, "getty@.service" },
		{ "/home/alice/.config/systemd/user/x.timer", DEFINITION_TASK, "x.timer" },
		{ "/root/.config/systemd/user/default.target.wants/x.service", DEFINITION_SERVICE, "x.service" },
		{ "/etc/systemd/system/.#evil.serviceabc", DEFINITION_NONE, NULL },
		{ "/etc/systemd/system/.service", DEFINITION_NONE, NULL },
		{ "/etc/systemd/system/a/b/c.service", DEFINITION_NONE, NULL },
		{ "/etc/systemd/system/a.service.d/x", DEFINITION_NONE, NULL },
		{ "/etc/systemd/system/", DEFINITION_NONE, NULL },
		{ "/etc/systemd/system/home.mount", DEFINITION_NONE, NULL },
		{ "/etc/init.d/nginx", DEFINITION_SERVICE, "nginx" },
		{ "/etc/init.d/", DEFINITION_NONE, NULL },
		{ "/etc/rc.local", DEFINITION_SERVICE, "rc.local" },
		{ "/etc/rc.local.bak", DEFINITION_NONE, NULL },
		{ "/etc/crontab", DEFINITION_TASK, "crontab" },
		{ "/etc/cron.d/backup", DEFINITION_TASK, "backup" },
		{ "/etc/cron.d/backup.dpkg-new", DEFINITION_NONE, NULL },
		{ "/etc/cron.d/sub/backup", DEFINITION_NONE, NULL },
		{ "/var/spool/cron/crontabs/alice", DEFINITION_TASK, "alice" },
		{ "/var/spool/cron/crontabs/tmp.XyZ123", DEFINITION_NONE, NULL },
		{ "/var/spool/cron/alice", DEFINITION_TASK, "alice" },
		{ "/var/spool/cron/atjobs/a0000101c8b6f2", DEFINITION_TASK, "a0000101c8b6f2" },
		{ "/tmp/etc/cron.d/backup", DEFINITION_NONE, NULL },
		{ "/", DEFINITION_NONE, NULL },
		{ "", DEFINITION_NONE, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span name = { NULL, 0 };
		enum definition definition = definition_of(span_of(cases[i].path), &name);

		if (definition != cases[i].definition)
			fail_msg("%s: %d", cases[i].path, (int)definition);
		if (cases[i].name && !span_eq(name, span_of(cases[i].name)))
			fail_msg("%s: %.*s", cases[i].path, (int)name.size, name.data);
	}
}

static void test_parts(void **state)
{
	assert_true(definition_is_part(SPAN("/etc/systemd/system/ssh.service.d/override.conf")));
	assert_true(definition_is_part(SPAN("/etc/systemd/system/multi-user.target.wants/evil.service")));
	assert_false(definition_is_part(SPAN("/etc/systemd/system/evil.service")));
	assert_false(definition_is_part(SPAN("/etc/cron.d/x")));
	assert_false(definition_is_part(SPAN("")));
}

static int count(void *user, const char *folder, bool is_deep)
{
	unsigned *n = user;

	assert_int_equal(folder[strlen(folder) - 1], '/');
	n[is_deep]++;
	return 0;
}

static int refuse(void *user, const char *folder, bool is_deep)
{
	return -5;
}

static void test_folders(void **state)
{
	unsigned n[2] = { 0 };

	assert_int_equal(definition_folders(count, n), 0);
	assert_true(n[0] > 5 && n[1] > 5);
	assert_int_equal(definition_folders(refuse, NULL), -5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
