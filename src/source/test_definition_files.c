#include "source/definition_files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define MOST 40000u

struct place {
	char root[64];
	struct digester *digester;
	struct definition_files *files;
	struct buffer told;
	uint64_t later_ns;		/* nobody writes to anything by then */
};

/* In the root. */
static void run(const struct place *place, const char *what)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && %s", place->root, what);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->root, "/tmp/recorder-definitions-XXXXXX");
	assert_non_null(mkdtemp(place->root));
	run(place, "mkdir -p etc/cron.d etc/systemd/system/a.target.wants var/spool/cron");
	assert_int_equal(digester_new(&place->digester, &(struct digester_options){ .max_bytes = MOST, .buffer_bytes = 4096 }), 0);
	assert_int_equal(definition_files_new(&place->files, place->root), 0);
	place->later_ns = clock_now_ns() + 3600 * NS_PER_SEC;
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	run(place, "rm -r \"$PWD\"");
	digester_free(place->digester);
	definition_files_free(place->files);
	buffer_release(&place->told);
	free(place);
	return 0;
}

static void write_file(const struct place *place, const char *path, const char *text, size_t times)
{
	char name[256];
	FILE *file;

	snprintf(name, sizeof(name), "%s%s", place->root, path);
	file = fopen(name, "w");
	assert_non_null(file);
	for (size_t i = 0; i < times; i++)
		fputs(text, file);
	fclose(file);
}

static void remove_file(const struct place *place, const char *path)
{
	char name[256];

	snprintf(name, sizeof(name), "%s%s", place->root, path);
	assert_int_equal(unlink(name), 0);
}

static const char *look(struct place *place, const char *path)
{
	buffer_clear(&place->told);
	assert_int_equal(definition_files_look(place->files, place->digester, path, true, place->later_ns, &place->told), 0);
	return buffer_text(&place->told);
}

static void assert_told(struct place *place, const char *path, const char *begins, const char *has)
{
	const char *told = look(place, path);

	if (strncmp(told, begins, strlen(begins)) != 0 || (has && !strstr(told, has)))
		fail_msg("%s: %s", path, told);
}

static void test_acts(void **state)
{
	struct place *place = *state;

	write_file(place, "/etc/cron.d/old", "x", 1);
	assert_int_equal(definition_files_scan(place->files, place->digester, "/etc/cron.d/", false, place->later_ns), 0);
	assert_int_equal(definition_files_scan(place->files, place->digester, "/etc/no.such/", true, place->later_ns), 0);
	assert_told(place, "/etc/cron.d/old", " act=same state=ok size=1", " path=2F6574632F63726F6E2E642F6F6C64");
	write_file(place, "/etc/cron.d/old", "xy", 1);
	assert_told(place, "/etc/cron.d/old", " act=change state=ok size=2", " text=7879 ");
	assert_told(place, "/etc/cron.d/old", " act=same", NULL);
	write_file(place, "/etc/cron.d/new", "abc", 1);
	assert_told(place, "/etc/cron.d/new", " act=create state=ok size=3",
		    "sha256=\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\" text=616263 path=");
	remove_file(place, "/etc/cron.d/new");
	assert_told(place, "/etc/cron.d/new", " act=delete state=gone path=", NULL);
	assert_told(place, "/etc/cron.d/new", " act=create state=gone path=", NULL);	/* nobody saw it */
	write_file(place, "/etc/cron.d/new", "abc", 1);
	assert_told(place, "/etc/cron.d/new", " act=create state=ok", NULL);
}

static void test_parts(void **state)
{
	struct place *place = *state;

	write_file(place, "/etc/systemd/system/a.service", "[Service]\n", 1);
	assert_int_equal(definition_files_scan(place->files, place->digester, "/etc/systemd/system/", true, place->later_ns), 0);
	run(place, "ln -s ../a.service etc/systemd/system/a.target.wants/");
	assert_told(place, "/etc/systemd/system/a.target.wants/a.service", " act=change state=ok size=10", NULL);
	remove_file(place, "/etc/systemd/system/a.target.wants/a.service");
	assert_told(place, "/etc/systemd/system/a.target.wants/a.service", " act=change state=gone", NULL);
	/* A masked unit. */
	remove_file(place, "/etc/systemd/system/a.service");
	run(place, "ln -s /dev/null etc/systemd/system/a.service");
	assert_told(place, "/etc/systemd/system/a.service", " act=change state=unreadable path=", NULL);
}

static void test_large(void **state)
{
	struct place *place = *state;

	write_file(place, "/var/spool/cron/alice", "0123456789", 2000);
	assert_told(place, "/var/spool/cron/alice", " act=create state=ok size=20000", " cut=1 path=");
	assert_true(strlen(look(place, "/var/spool/cron/alice")) < 2 * DEFINITION_TEXT_MAX + 512);
	write_file(place, "/var/spool/cron/alice", "0123456789", 5000);
	assert_told(place, "/var/spool/cron/alice", " act=change state=too_big size=50000", " cut=1 path=");
}

static void test_waits(void **state)
{
	struct place *place = *state;
	struct buffer text = { 0 };

	write_file(place, "/etc/cron.d/x", "x", 1);
	assert_int_equal(definition_files_look(place->files, place->digester, "/etc/cron.d/x", true, clock_now_ns(), &text), -EAGAIN);
	assert_int_equal(text.size, 0);
	assert_int_equal(definition_files_look(place->files, place->digester, "/etc/cron.d/x", false, clock_now_ns(), &text), 0);
	assert_true(text.size > 0);
	buffer_release(&text);
}

/* What changed while it looked around is not taken for old. */
static void test_since(void **state)
{
	struct place *place = *state;

	write_file(place, "/etc/cron.d/x", "x", 1);
	assert_int_equal(definition_files_scan(place->files, place->digester, "/etc/cron.d/", false, clock_now_ns() - NS_PER_SEC), 0);
	assert_told(place, "/etc/cron.d/x", " act=create", NULL);
}

/* Many come and go, and each is found as it is. */
static void test_many(void **state)
{
	struct place *place = *state;
	char path[64];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/etc/cron.d/job%u", i);
		write_file(place, path, path, 1);
		assert_told(place, path, " act=create", NULL);
	}
	for (unsigned i = 0; i < 300; i += 2) {
		snprintf(path, sizeof(path), "/etc/cron.d/job%u", i);
		remove_file(place, path);
		assert_told(place, path, " act=delete", NULL);
	}
	for (unsigned i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/etc/cron.d/job%u", i);
		assert_told(place, path, i % 2 ? " act=same" : " act=create state=gone", NULL);
	}
}

/* More than are kept: of the others nobody knows whether they were there. */
static void test_too_many(void **state)
{
	const unsigned n_files = DEFINITION_FILES_MAX + 100;
	unsigned n_same = 0, n_created = 0;
	struct place *place = *state;
	char path[64], name[128];

	for (unsigned i = 0; i < n_files; i++) {
		snprintf(name, sizeof(name), "%s/etc/cron.d/job%u", place->root, i);
		assert_int_equal(symlink("/nowhere", name), 0);
	}
	assert_int_equal(definition_files_scan(place->files, place->digester, "/etc/cron.d/", false, place->later_ns), 0);
	for (unsigned i = 0; i < n_files; i++) {
		snprintf(path, sizeof(path), "/etc/cron.d/job%u", i);
		look(place, path);
		n_same += strstr(buffer_text(&place->told), " act=same ") != NULL;
		n_created += strstr(buffer_text(&place->told), " act=create ") != NULL;
	}
	assert_int_equal(n_same, DEFINITION_FILES_MAX);
	assert_int_equal(n_created, n_files - DEFINITION_FILES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_acts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_since, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
