/* What is said of SELinux, and of what is missing, for hosts that are made of files: with it and without, enforcing or not, old and new. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macro.h"
#include "source/selinux.h"

#define NOT_APPLIED "SELinux is in enforcing mode but recorder audit-pipe does not have the recorder SELinux policy applied: "
#define ALL "semodule restorecon semanage"
#define STORE "var/lib/selinux/targeted/active/modules/"
#define OLD_STORE "etc/selinux/targeted/active/modules/"
#define RHEL9 "ID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n"
#define RHEL7 "ID=\"rhel\"\nVERSION_ID=\"7.9\"\n"
#define CENTOS7 "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n"
#define FEDORA "ID=fedora\nVERSION_ID=6\n"
#define DEBIAN "ID=debian\nVERSION_ID=\"12\"\n"

static char root[64];

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = strchr(path + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void clear(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/*", root);
	assert_int_equal(system(command), 0);
}

static bool put_label(const char *name, const char *label)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return setxattr(path, "security.selinux", label, strlen(label) + 1, 0) == 0;
}

struct host {
	const char *enforce;		/* NULL: there is no SELinux */
	const char *store;		/* in which our module is; NULL: none */
	const char *label;		/* of the program; NULL: none */
	const char *tools, *release, *program;
};

static void make(const struct host *host)
{
	const char *program = host->program ? host->program : "/usr/bin/recorder";
	char path[256], words[64], *rest = words, *tool;

	clear();
	put(program + 1, "");
	put("etc/selinux/config", "# SELINUXTYPE=nonsense\nSELINUX=enforcing\nSELINUXTYPE=targeted\n");
	if (host->enforce)
		put("sys/fs/selinux/enforce", host->enforce);
	if (host->store) {
		snprintf(path, sizeof(path), "%s200/recorder/cil", host->store);
		put(path, "");
	}
	if (host->label)
		assert_true(put_label(program + 1, host->label));
	if (host->release)
		put("etc/os-release", host->release);
	snprintf(words, sizeof(words), "%s", host->tools ? host->tools : "");
	while ((tool = strsep(&rest, " ")) && *tool) {
		snprintf(path, sizeof(path), "usr/sbin/%s", tool);
		put(path, "");
	}
}

static const char ours[] = "system_u:object_r:recorder_exec_t:s0", others[] = "system_u:object_r:bin_t:s0";

static void test_explain(void **state)
{
	static const struct {
		struct host host;
		const char *why, *mend;
	} cases[] = {
		{ { .tools = ALL }, "there is none", "" },
		{ { .enforce = "0", .label = others }, "it refuses nothing (permissive); the recorder's policy is not applied", "" },
		{ { .enforce = "0", .label = ours }, "it refuses nothing (permissive); the recorder's policy is applied", "" },
		{ { .enforce = "1", .label = ours, .store = STORE }, "it enforces, and the recorder's policy is applied", "" },
		{ { .enforce = "1\n", .label = "u:r:recorder_exec_t" }, "it enforces, and the recorder's policy is applied", "" },
		{ { .enforce = "1", .label = others, .tools = ALL }, NOT_APPLIED "it is not loaded", "recorder selinux install" },
		{ { .enforce = "1", .label = others, .store = STORE, .tools = ALL }, NOT_APPLIED "/usr/bin/recorder has the type bin_t",
		  "recorder selinux install" },
		{ { .enforce = "1", .label = others, .store = OLD_STORE, .tools = ALL }, NOT_APPLIED "/usr/bin/recorder has the type bin_t",
		  "recorder selinux install" },
		{ { .enforce = "1", .label = "nonsense", .store = STORE, .tools = ALL }, NOT_APPLIED "/usr/bin/recorder has no type",
		  "recorder selinux install" },
		{ { .enforce = "1", .store = STORE, .tools = ALL }, NOT_APPLIED "/usr/bin/recorder has no type", "recorder selinux install" },
		/* semanage is needed for a program that is not where the policy expects it. */
		{ { .enforce = "1", .tools = "semodule restorecon" }, NOT_APPLIED "it is not loaded", "recorder selinux install" },
		{ { .enforce = "1", .tools = "semodule restorecon", .program = "/usr/local/bin/recorder" }, NOT_APPLIED "it is not loaded",
		  "recorder selinux install" },
		{ { .enforce = "1", .tools = "semodule restorecon", .program = "/opt/recorder", .release = RHEL9 },
		  NOT_APPLIED "it is not loaded", "install semanage (policycoreutils-python-utils), then `recorder selinux install`" },
		{ { .enforce = "1", .tools = "restorecon", .program = "/opt/recorder", .release = DEBIAN }, NOT_APPLIED "it is not loaded",
		  "install semodule (policycoreutils), semanage (policycoreutils-python-utils), then `recorder selinux install`" },
		{ { .enforce = "1", .program = "/opt/recorder", .release = RHEL7 }, NOT_APPLIED "it is not loaded",
		  "install semodule, restorecon (policycoreutils), semanage (policycoreutils-python), then `recorder selinux install`" },
		{ { .enforce = "1", .program = "/opt/recorder", .release = CENTOS7 }, NOT_APPLIED "it is not loaded",
		  "install semodule, restorecon (policycoreutils), semanage (policycoreutils-python), then `recorder selinux install`" },
		{ { .enforce = "1", .program = "/opt/recorder", .release = FEDORA }, NOT_APPLIED "it is not loaded",
		  "install semodule, restorecon (policycoreutils), semanage (policycoreutils-python-utils), then `recorder selinux install`" },
		{ { .enforce = "1" }, NOT_APPLIED "it is not loaded",
		  "install semodule, restorecon (policycoreutils), then `recorder selinux install`" },
	};
	char why[384], mend[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct host *host = &cases[i].host;
		struct selinux selinux;

		make(host);
		selinux_look(&selinux, root, host->program ? host->program : "/usr/bin/recorder");
		selinux_explain(&selinux, why, sizeof(why), mend, sizeof(mend));
		assert_string_equal(why, cases[i].why);
		assert_string_equal(mend, cases[i].mend);
	}
}

/* What is long is cut, not written beyond. */
static void test_small_room(void **state)
{
	struct selinux selinux;
	char why[20], mend[20];

	make(&(struct host){ .enforce = "1", .program = "/opt/recorder" });
	selinux_look(&selinux, root, "/opt/recorder");
	assert_true(selinux_missing(&selinux, mend, sizeof(mend)));
	assert_int_equal(strlen(mend), sizeof(mend) - 1);
	selinux_explain(&selinux, why, sizeof(why), mend, sizeof(mend));
	assert_string_equal(why, "SELinux is in enfor");
	assert_string_equal(mend, "install semodule, r");
}

static void test_modules(void **state)
{
	struct selinux selinux;

	make(&(struct host){ .enforce = "1", .store = STORE, .tools = ALL });
	put(STORE "400/recorder_permissive/cil", "");
	selinux_look(&selinux, root, "/usr/bin/recorder");
	assert_true(selinux.is_loaded[SELINUX_MODULE_RECORDER]);
	assert_false(selinux.is_loaded[SELINUX_MODULE_PERMISSIVE]);	/* somebody else's, at another priority */
	put(STORE "200/recorder_permissive/cil", "");
	put("etc/selinux/config", "SELINUXTYPE=mls\n");
	selinux_look(&selinux, root, "/usr/bin/recorder");
	assert_false(selinux.is_loaded[SELINUX_MODULE_RECORDER]);
	put("etc/selinux/config", "SELINUXTYPE=\"targeted\"\n");
	selinux_look(&selinux, root, "/usr/bin/recorder");
	assert_true(selinux.is_loaded[SELINUX_MODULE_PERMISSIVE]);
	assert_string_equal(selinux.tools[SELINUX_SEMANAGE], "/usr/sbin/semanage");
}

/* Without a place it is that of this program. */
static void test_own_place(void **state)
{
	struct selinux selinux;

	make(&(struct host){ .enforce = "1" });
	selinux_look(&selinux, root, NULL);
	assert_string_equal(strrchr(selinux.program, '/'), "/source-test_selinux");
	assert_true(selinux.is_elsewhere);
}

static int setup(void **state)
{
	snprintf(root, sizeof(root), "%s/recorder-selinux-XXXXXX", getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 32 ? getenv("TMPDIR") : "/tmp");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	clear();
	return rmdir(root);
}

/* A type of a file is an attribute that root alone can make, where the file system has such. */
static bool can_label(void)
{
	bool can;

	assert_int_equal(setup(NULL), 0);
	put("file", "");
	can = put_label("file", ours);
	teardown(NULL);
	return can;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_small_room),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_own_place),
	};

	if (!can_label()) {
		printf("files cannot have a type here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
