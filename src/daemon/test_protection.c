/* How saved subscriptions are stored: as the settings want it, also when they change; what was altered is refused by name, and
 * the others are in force. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "daemon/daemon.h"

#define PLAIN(name) "{ \"name\": \"" name "\", \"streams\": [ { \"type\": \"database\", \"event_filters\": [ { \"terms\": " \
	      "[\"process.path is '/opt/secret'\"] } ] } ] }"
#define SIGNALS "{ \"name\": \"signals\", \"streams\": [ { \"type\": \"signal\", \"id\": \"s\", \"name\": \"s\", " \
		"\"event_filters\": [ { \"terms\": [\"process.path is '/opt/secret'\"] } ] } ] }"

struct world {
	char state[64];
	struct daemon d;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->state, "/tmp/recorder-protect-XXXXXX");
	if (!mkdtemp(w->state) || places_init(&w->d.places, w->state, w->state) < 0)
		return -1;
	w->d.folder.place = (struct subscription_folder){ w->d.places.subscriptions_dir, w->d.places.subscriptions_key };
	settings_init(&w->d.conf.settings);
	log_set_level(LOG_LEVEL_ERROR);
	*state = w;
	return mkdir(w->d.places.subscriptions_dir, 0700);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];
	int r;

	snprintf(command, sizeof(command), "rm -rf '%s'", w->state);
	r = system(command);
	subscriptions_release(&w->d.subscriptions);
	folder_release(&w->d.folder);
	refusals_release(&w->d.unprotected, &w->d.n_unprotected);
	places_release(&w->d.places);
	free(w);
	return r;
}

static void path_of(char ret[static 160], const struct world *w, const char *file)
{
	snprintf(ret, 160, "%s/%s", w->d.places.subscriptions_dir, file);
}

static void put(const struct world *w, const char *file, const char *text)
{
	char path[160];
	FILE *out;

	path_of(path, w, file);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static bool is_sealed(const struct world *w, const char *file)
{
	_cleanup_(buffer_release) struct buffer bytes = { 0 };
	struct file_error error;
	struct stat st;
	char path[160];
	int fd;

	path_of(path, w, file);
	fd = file_open(path, &st, &error);
	assert_true(fd >= 0);
	assert_int_equal(file_read(&bytes, fd, 1 << 20, &error), 0);
	close(fd);
	assert_int_equal(sealed_is(buffer_span(&bytes)), memmem(bytes.data, bytes.size, "secret", 6) == NULL);
	return sealed_is(buffer_span(&bytes));
}

/* A look at what was put there. */
static void look(struct world *w)
{
	struct subscriptions set = { 0 };

	assert_true(folder_look(&w->d.folder, &set) >= 0);
	subscriptions_release(&set);
}

static void set(struct world *w, bool all, bool signals)
{
	look(w);
	w->d.conf.settings.value[SETTING_EnableSubscriptionProtection] = all;
	w->d.conf.settings.value[SETTING_EnableSignalSubscriptionProtection] = signals;
	assert_int_equal(daemon_protect_subscriptions(&w->d), 0);
	assert_int_equal(w->d.n_unprotected, 0);
}

static void load(struct world *w, unsigned n, unsigned n_refused)
{
	subscriptions_release(&w->d.subscriptions);
	folder_release(&w->d.folder);
	assert_true(folder_look(&w->d.folder, &w->d.subscriptions) >= 0);
	assert_int_equal(w->d.subscriptions.n, n);
	assert_int_equal(folder_refused(&w->d.folder), n_refused);
}

static const struct folder_file *refused(const struct world *w)
{
	for (size_t i = 0; i < w->d.folder.n; i++)
		if (w->d.folder.files[i].why)
			return &w->d.folder.files[i];
	fail_msg("none is refused");
	return NULL;
}

static void test_as_the_settings_want(void **state)
{
	struct world *w = *state;
	char path[160];
	struct stat before, after;

	put(w, "plain.json", PLAIN("plain"));
	put(w, "signals.json", SIGNALS);
	look(w);
	assert_int_equal(daemon_protect_subscriptions(&w->d), 0);
	assert_false(is_sealed(w, "plain.json"));
	assert_true(is_sealed(w, "signals.json"));
	set(w, true, true);
	assert_true(is_sealed(w, "plain.json"));
	assert_true(is_sealed(w, "signals.json"));
	/* What is right is not written again. */
	path_of(path, w, "plain.json");
	assert_int_equal(stat(path, &before), 0);
	set(w, true, false);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_true(is_sealed(w, "signals.json"));
	set(w, false, false);
	assert_false(is_sealed(w, "plain.json"));
	assert_false(is_sealed(w, "signals.json"));
	set(w, false, true);
	assert_false(is_sealed(w, "plain.json"));
	assert_true(is_sealed(w, "signals.json"));
}

static void test_refused_by_name(void **state)
{
	struct world *w = *state;
	char path[160], copy[160];
	int fd;

	put(w, "a.json", PLAIN("a"));
	put(w, "b.json", PLAIN("b"));
	set(w, true, true);
	load(w, 2, 0);
	path_of(path, w, "a.json");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 40), 1);
	close(fd);
	load(w, 1, 1);
	assert_string_equal(refused(w)->name, "a.json");
	assert_non_null(strstr(refused(w)->why, "altered"));
	/* One in the place of another. */
	path_of(copy, w, "b.json");
	assert_int_equal(rename(copy, path), 0);
	load(w, 0, 1);
	assert_string_equal(refused(w)->name, "a.json");
	/* It is left as it is. */
	set(w, false, false);
	load(w, 0, 1);
}

static void test_not_possible(void **state)
{
	struct world *w = *state;

	put(w, "a.json", PLAIN("a"));
	w->d.conf.settings.value[SETTING_EnableSubscriptionProtection] = 1;
	look(w);
	assert_int_equal(daemon_protect_subscriptions(&w->d), 0);
	assert_int_equal(w->d.n_unprotected, 0);
	assert_true(is_sealed(w, "a.json"));
	load(w, 1, 0);

	/* Without a key that can be trusted nothing new is sealed, and what is sealed is not used. */
	assert_int_equal(chmod(w->d.places.subscriptions_key, 0644), 0);
	put(w, "b.json", PLAIN("b"));
	look(w);
	assert_int_equal(daemon_protect_subscriptions(&w->d), 0);
	assert_int_equal(w->d.n_unprotected, 1);
	assert_string_equal(w->d.unprotected[0].file, "b.json");
	assert_non_null(strstr(w->d.unprotected[0].why, "open to others"));
	load(w, 1, 1);
	assert_string_equal(refused(w)->name, "a.json");
	assert_non_null(strstr(refused(w)->why, "open to others"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_the_settings_want, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_possible, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
