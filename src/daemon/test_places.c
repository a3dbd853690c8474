/* Folders, their safety, the lock. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/places.h"

static int set_up(void **state)
{
	static char dir[64];

	strcpy(dir, "/tmp/test_places.XXXXXX");
	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", (const char *)*state);
	return system(command);
}

static void test_names(void **state)
{
	struct places places;

	assert_int_equal(places_init(&places, NULL, NULL), 0);
	assert_string_equal(places.config_file, "/etc/recorder/recorder.conf");
	assert_string_equal(places.database, "/var/lib/recorder/recorder.db");
	assert_string_equal(places.journals_dir, "/var/log/recorder");
	assert_string_equal(places.socket, "/run/recorder/recorder.sock");
	places_release(&places);
	assert_int_equal(places_init(&places, "/c", "/s"), 0);
	assert_string_equal(places.config_file, "/c/recorder.conf");
	assert_string_equal(places.database, "/s/recorder.db");
	assert_string_equal(places.subscriptions_key, "/s/subscriptions.key");
	assert_string_equal(places.journals_dir, "/s/journals");
	assert_string_equal(places.socket, "/s/recorder.sock");
	places_release(&places);
}

static void test_made_private(void **state)
{
	char path[128];
	struct places places;
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b", (const char *)*state);
	assert_int_equal(places_init(&places, NULL, path), 0);
	assert_int_equal(places_make(&places), 0);
	assert_int_equal(places_make(&places), 0);
	assert_int_equal(stat(places.journals_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* Whoever can write the folder can alter the history. */
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(places_make(&places), -EPERM);
	assert_int_equal(chmod(path, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 0), 0);
		assert_int_equal(places_make(&places), -EPERM);
	}
	places_release(&places);
}

/* Each file that counts, and no other. */
static void test_checked(void **state)
{
	struct places places;
	struct path_doubt doubt;
	char log[128];

	assert_int_equal(places_init(&places, *state, *state), 0);
	assert_int_equal(places_make(&places), 0);
	assert_int_equal(places_check(&places, &doubt), 0);
	assert_string_equal(doubt.message, "");
	snprintf(log, sizeof(log), "%s-wal", places.database);
	for (const char *const *path = (const char *const[]){ places.config_file, places.database, log, places.history_key, places.subscriptions_key,
							       places.user_rules, places.kernel_state, places.lock, NULL }; *path; path++) {
		int fd = open(*path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(places_check(&places, &doubt), 0);
		assert_int_equal(chmod(*path, 0606), 0);
		assert_int_equal(places_check(&places, &doubt), -EPERM);
		assert_int_equal(chmod(*path, 0600), 0);
	}
	for (const char *const *path = (const char *const[]){ places.journals_dir, places.subscriptions_dir, places.state_dir, NULL }; *path; path++) {
		assert_int_equal(chmod(*path, 0770), 0);
		assert_int_equal(places_check(&places, &doubt), -EPERM);
		assert_int_equal(chmod(*path, 0700), 0);
	}
	assert_int_equal(places_check(&places, &doubt), 0);
	places_release(&places);
}

static void test_a_file_in_the_way(void **state)
{
	char path[128];
	struct places places;
	int fd;

	snprintf(path, sizeof(path), "%s/file", (const char *)*state);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(places_init(&places, NULL, path), 0);
	assert_int_equal(places_make(&places), -ENOTDIR);
	places_release(&places);
}

static void test_one_at_a_time(void **state)
{
	struct places places;
	int fd;

	assert_int_equal(places_init(&places, NULL, *state), 0);
	assert_int_equal(places_make(&places), 0);
	fd = places_lock(&places, NULL);
	assert_true(fd >= 0);
	assert_int_equal(places_lock(&places, NULL), -EBUSY);
	close(fd);
	fd = places_lock(&places, NULL);
	assert_true(fd >= 0);
	close(fd);
	places_release(&places);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_made_private),
		TEST(test_checked),
		TEST(test_a_file_in_the_way),
		TEST(test_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
