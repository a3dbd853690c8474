/* Which folders rules name for which paths, on a host that is made up below a folder. */

#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/audit_folders.h"

static char base[64], root[96], proc[96];

static void make(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void write_text(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void link_to(const char *target, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void remove_all(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", base);
	assert_int_equal(system(command), 0);
}

#define ROOT "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
#define SHM "21 20 0:30 / /dev/shm rw - tmpfs none rw\n"

/* The host is process 1, we are `self`, 50 is somebody else. */
static int set_up(void **state)
{
	strcpy(base, "/tmp/recorder-folders-XXXXXX");
	assert_non_null(mkdtemp(base));
	snprintf(root, sizeof(root), "%s/root", base);
	snprintf(proc, sizeof(proc), "%s/proc", base);
	make("root");
	for (const char *const *name = (const char *const[]){ "root/etc", "root/etcetera", "root/srv", "root/dev", "root/dev/shm", NULL }; *name; name++)
		make(*name);
	link_to("srv", "root/link");
	write_text("root/file", "");
	make("proc");
	for (const char *const *name = (const char *const[]){ "proc/1", "proc/1/ns", "proc/self", "proc/self/ns", "proc/50", "proc/50/ns", NULL }; *name; name++)
		make(*name);
	for (const char *const *name = (const char *const[]){ "1", "self", "50", NULL }; *name; name++) {
		char path[32];

		snprintf(path, sizeof(path), "proc/%s/ns/mnt", *name);
		link_to("mnt:[100]", path);
		snprintf(path, sizeof(path), "proc/%s/mountinfo", *name);
		write_text(path, ROOT SHM);
	}
	return 0;
}

static int tear_down(void **state)
{
	remove_all();
	return 0;
}

static void find(struct audit_folders *ret, const char *path, bool below)
{
	const struct source_exclusion paths[] = { { { "/srv/always/", 12 }, true }, { { path, strlen(path) }, below } };

	audit_folders_find(ret, paths, 2, &(struct audit_folders_host){ root, proc });
}

static void expect(const char *path, bool below, const char *expected, bool with_root)
{
	struct audit_folders found;
	char text[1024] = "";

	find(&found, path, below);
	for (size_t i = 1; i < found.n; i++)	/* behind /srv */
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", found.paths[i]);
	if (!expected) {
		assert_int_equal(found.n, 0);
		assert_true(found.why[0] != 0);
		return;
	}
	if (found.n == 0)
		fail_msg("%s: %s", path, found.why);
	assert_string_equal(text, expected);
	assert_int_equal(found.root != 0, with_root);
}

/* Whose inodes are not those that audit tells. */
static bool is_overlay(void)
{
	struct statfs fs;

	return statfs(root, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static void test_folders(void **state)
{
	expect("/etc/", true, " /etc", false);
	expect("/etc/ssh/sshd_config", false, " /etc", false);
	expect("/srv/x", true, "", false);	/* there already */
	expect("/dev/shm/a/b", true, " /dev/shm", false);
	/* What begins so, now and later. */
	expect("/etcet", true, is_overlay() ? NULL : " /etcetera", true);
	/* The mount is one of them. */
	expect("/dev/shm", false, " /dev", false);
}

static void test_no_bound(void **state)
{
	static const char *const paths[] = { "/", "", "etc/", "/nothing/there", "/link/x", "/file", "/fil", "/file/x", "/no", "//etc/x", "/etc/../x",
					     "/etc/./x", "/etc//x" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		expect(paths[i], true, NULL, false);
}

static uint64_t identity_of(const char *path)
{
	struct audit_folders found;

	find(&found, path, true);
	return found.identity;
}

/* The rules are made anew when what they hang on is another, and not for anything else. */
static void test_identity(void **state)
{
	uint64_t before = identity_of("/etc/x"), other;
	char from[128], to[128];

	assert_true(identity_of("/etc/x") == before);
	/* A mount elsewhere... */
	write_text("proc/1/mountinfo", ROOT SHM "30 20 0:40 / /opt rw - tmpfs none rw\n");
	assert_true(identity_of("/etc/x") == before);
	/* ...or where they look: on the way, in it. */
	write_text("proc/1/mountinfo", ROOT SHM "30 20 0:40 / /etc rw - tmpfs none rw\n");
	other = identity_of("/etc/x");
	assert_true(other != before);
	write_text("proc/1/mountinfo", ROOT SHM "31 20 0:40 / /etc rw - tmpfs none rw\n");
	assert_true(identity_of("/etc/x") != other);
	write_text("proc/1/mountinfo", ROOT SHM "30 20 0:40 / /etc/xyz/mnt rw - tmpfs none rw\n");
	assert_true(identity_of("/etc/x") != before);
	write_text("proc/1/mountinfo", ROOT SHM);
	assert_true(identity_of("/etc/x") == before);
	/* A folder takes the place of another. */
	snprintf(from, sizeof(from), "%s/etc", root);
	snprintf(to, sizeof(to), "%s/was", root);
	assert_int_equal(rename(from, to), 0);
	other = identity_of("/etc/x");
	assert_true(other != before);
	assert_int_equal(mkdir(from, 0755), 0);
	assert_true(identity_of("/etc/x") != before && identity_of("/etc/x") != other);
	/* One more that begins so. */
	before = identity_of("/etc");
	make("root/etc2");
	assert_true(identity_of("/etc") != before);
	assert_int_equal(rmdir(from), 0);
	assert_int_equal(rename(to, from), 0);
}

/* A container has another file system where the path is. */
static void test_containers(void **state)
{
	link_to("mnt:[200]", "proc/50/ns/mnt");
	write_text("proc/50/mountinfo", "40 1 0:50 / / rw - overlay none rw\n");
	expect("/etc/x", true, NULL, false);
	/* The host has it too, elsewhere: it is called by that name. */
	write_text("proc/1/mountinfo", ROOT SHM "30 20 0:50 / /var/merged rw - overlay none rw\n");
	expect("/etc/x", true, " /etc", false);
	/* A service with a /tmp of its own */
	write_text("proc/1/mountinfo", ROOT SHM);
	write_text("proc/50/mountinfo", ROOT SHM "30 20 0:50 / /tmp rw - tmpfs none rw\n");
	expect("/etc/x", true, " /etc", false);
	write_text("proc/50/mountinfo", ROOT SHM "30 20 0:50 / /etc/xyz/deep rw - tmpfs none rw\n");
	expect("/etc/x", true, NULL, false);
	expect("/etc/y", true, " /etc", false);
	/* It has gone. */
	link_to("mnt:[100]", "proc/50/ns/mnt");
	expect("/etc/x", true, " /etc", false);
}

/* The kernel looks for folders and mounts from where the recorder is. */
static void test_own_mounts(void **state)
{
	link_to("mnt:[300]", "proc/self/ns/mnt");
	link_to(root, "proc/1/root");
	write_text("proc/self/mountinfo", ROOT SHM "50 20 8:1 /etc/recorder /etc/recorder rw - ext4 /dev/sda rw\n");
	write_text("proc/1/mountinfo", ROOT SHM "30 20 0:40 / /etc/xyz rw - tmpfs none rw\n");
	expect("/etc/x", true, NULL, false);
	link_to("mnt:[100]", "proc/self/ns/mnt");
	expect("/etc/x", true, " /etc", false);
}

static void test_too_many(void **state)
{
	struct source_exclusion paths[AUDIT_SCOPE_FOLDERS + 1];
	char names[AUDIT_SCOPE_FOLDERS + 1][16];
	struct audit_folders found;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char path[32];

		snprintf(names[i], sizeof(names[i]), "/m%zu/", i);
		snprintf(path, sizeof(path), "root/m%zu", i);
		make(path);
		paths[i] = (struct source_exclusion){ span_of(names[i]), true };
	}
	audit_folders_find(&found, paths, ARRAY_SIZE(paths) - 1, &(struct audit_folders_host){ root, proc });
	assert_int_equal(found.n, AUDIT_SCOPE_FOLDERS);
	audit_folders_find(&found, paths, ARRAY_SIZE(paths), &(struct audit_folders_host){ root, proc });
	assert_int_equal(found.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_containers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_mounts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
