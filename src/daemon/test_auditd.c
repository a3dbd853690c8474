/* The configuration of the host's audit daemon is looked at again, and made what the settings want. */

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

#define CONF "/etc/audit/auditd.conf"
#define BEFORE "log_format = RAW\nwrite_logs = yes\nq_depth = 2000\n"
#define AFTER "log_format = RAW\nwrite_logs = yes\nq_depth = 32768\n"

struct world {
	char root[64];
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

static int set_up(void **state)
{
	static const char *const folders[] = { "/etc", "/etc/audit", "/bin" };
	struct world *w = calloc(1, sizeof(*w));
	char path[128];

	strcpy(w->root, "/tmp/recorder-auditd-XXXXXX");
	if (!mkdtemp(w->root) || places_init(&w->d.places, w->root, w->root) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		path_of(path, w, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	/* The host's version is that of no test. */
	put(w, "/bin/auditctl", "#!/bin/sh\necho auditctl version 3.0.9\n", 0755);
	path_of(path, w, "/bin");
	assert_int_equal(setenv("PATH", path, 1), 0);
	settings_init(&w->d.conf.settings);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(ring_new(&w->d.ring, 1 << 16) | ring_new(&w->d.notes_ring, 1 << 16), 0);
	w->d.notes = (struct notes){ .ring = w->d.notes_ring, .wake = w->d.ring };
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];
	int r;

	snprintf(command, sizeof(command), "/bin/rm -rf '%s'", w->root);
	r = system(command);
	buffer_release(&w->d.auditd.left);
	places_release(&w->d.places);
	ring_free(w->d.ring);
	ring_free(w->d.notes_ring);
	free(w);
	return r;
}

static void expect_conf(const struct world *w, const char *text)
{
	_cleanup_(buffer_release) struct buffer bytes = { 0 };
	struct file_error error;
	struct stat st;
	char path[128];
	int fd;

	path_of(path, w, CONF);
	fd = file_open(path, &st, &error);
	assert_true(fd >= 0);
	assert_int_equal(file_read(&bytes, fd, 1 << 20, &error), 0);
	close(fd);
	assert_string_equal(buffer_text(&bytes), text);
	assert_string_equal(w->d.auditd.problem, "");
}

/* Somebody changed it back: it is looked at when the time has come, and not before. */
static void test_looked_at_again(void **state)
{
	struct world *w = *state;

	w->d.conf.settings.value[SETTING_ConfigRefreshConfigIntervalMins] = 2;
	put(w, CONF, BEFORE, 0640);
	daemon_look_at_auditd(&w->d);
	assert_int_equal(w->d.auditd.version.major, 3);
	expect_conf(w, AFTER);
	put(w, CONF, BEFORE, 0640);
	daemon_tick_auditd(&w->d);
	w->d.auditd.looked_ns -= 110 * NS_PER_SEC;
	daemon_tick_auditd(&w->d);
	expect_conf(w, BEFORE);
	w->d.auditd.looked_ns -= 10 * NS_PER_SEC;
	daemon_tick_auditd(&w->d);
	expect_conf(w, AFTER);
	/* From then on it is as long again. */
	put(w, CONF, BEFORE, 0640);
	daemon_tick_auditd(&w->d);
	expect_conf(w, BEFORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_looked_at_again, set_up, tear_down) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
