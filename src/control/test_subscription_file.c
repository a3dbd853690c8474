/* Files of subscriptions: what is written is read, whole, from its own place alone; what is wrong says why. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/subscription_file.h"

#define NAME SPAN("etc")
#define TEXT SPAN("{ \"name\": \"etc\", \"streams\": [] }\n")
#define OTHER SPAN("{ \"name\": \"etc\", \"streams\": [ ] }\n")

struct world {
	char state[64], path[96], key[96], file[128];
	struct subscription_folder folder;
	struct file_error error;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->state, "/tmp/recorder-files-XXXXXX");
	if (!mkdtemp(w->state))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/subscriptions", w->state);
	snprintf(w->key, sizeof(w->key), "%s/subscriptions.key", w->state);
	snprintf(w->file, sizeof(w->file), "%s/etc.json", w->path);
	w->folder = (struct subscription_folder){ w->path, w->key };
	*state = w;
	return mkdir(w->path, 0700);
}

/* Nothing may be left but what the tests name. */
static int tear_down(void **state)
{
	struct world *w = *state;
	char other[128];
	int r;

	snprintf(other, sizeof(other), "%s/b.json", w->path);
	unlink(other);
	snprintf(other, sizeof(other), "%s/a.json", w->path);
	unlink(other);
	unlink(w->file);
	unlink(w->key);
	r = rmdir(w->path);
	if (rmdir(w->state) < 0)
		r = -1;
	free(w);
	return r;
}

static void put(const char *path, struct span bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.data, bytes.size), bytes.size);
	close(fd);
}

static void get(struct buffer *ret, const char *path)
{
	struct file_error error;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_read(ret, fd, 1u << 22, &error), 0);
	close(fd);
}

static void expect_text(struct world *w, struct span text, bool sealed)
{
	_cleanup_(subscription_file_release) struct subscription_file file = { 0 };
	_cleanup_(buffer_release) struct buffer bytes = { 0 };

	if (subscription_file_read(&file, w->file, w->key, &w->error) < 0)
		fail_msg("%s", w->error.message);
	assert_true(span_eq(buffer_span(&file.text), text));
	assert_int_equal(file.is_sealed, sealed);
	get(&bytes, w->file);
	if (sealed)
		assert_null(memmem(bytes.data, bytes.size, "streams", 7));
	else
		assert_true(span_eq(buffer_span(&bytes), text));
}

static void expect_refused(struct world *w, const char *path, int expected, const char *words)
{
	struct subscription_file file = { 0 };

	assert_int_equal(subscription_file_read(&file, path, w->key, &w->error), expected);
	if (!strstr(w->error.message, words))
		fail_msg("'%s' is not in '%s'", words, w->error.message);
	assert_null(file.text.data);
}

static void write_text(struct world *w, struct span name, struct span text, bool sealed)
{
	if (subscription_file_write(&w->folder, name, text, sealed, &w->error) < 0)
		fail_msg("%s", w->error.message);
}

static void test_round_trip(void **state)
{
	struct world *w = *state;
	struct stat st;

	write_text(w, NAME, TEXT, false);
	expect_text(w, TEXT, false);
	assert_int_equal(access(w->key, F_OK), -1);
	write_text(w, NAME, OTHER, true);
	expect_text(w, OTHER, true);
	assert_int_equal(access(w->key, F_OK), 0);
	assert_int_equal(lstat(w->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	write_text(w, NAME, TEXT, true);
	expect_text(w, TEXT, true);
	write_text(w, NAME, SPAN(""), true);
	expect_text(w, SPAN(""), true);
	write_text(w, NAME, OTHER, false);
	expect_text(w, OTHER, false);
	assert_int_equal(subscription_file_remove(&w->folder, NAME, &w->error), 0);
	assert_int_equal(access(w->file, F_OK), -1);
	assert_int_equal(subscription_file_remove(&w->folder, NAME, &w->error), -ENOENT);
}

static void test_names(void **state)
{
	static const struct span bad[] = { SPAN(""), SPAN(".etc"), SPAN("../etc"), SPAN("a/b"), SPAN("a b"), { "a\0b", 3 } };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(subscription_file_write(&w->folder, bad[i], TEXT, false, &w->error), -EINVAL);
		assert_non_null(strstr(w->error.message, "letters, digits"));
		assert_int_equal(subscription_file_remove(&w->folder, bad[i], &w->error), -EINVAL);
	}
}

static void test_listed(void **state)
{
	struct world *w = *state;
	struct dirent **entries = NULL;
	char path[128];
	int n;

	write_text(w, SPAN("b"), TEXT, true);
	write_text(w, SPAN("a"), TEXT, false);
	snprintf(path, sizeof(path), "%s/.etc.json", w->path);
	put(path, TEXT);
	n = subscription_files_list(&entries, w->path);
	unlink(path);
	assert_int_equal(n, 2);
	assert_string_equal(entries[0]->d_name, "a.json");
	assert_string_equal(entries[1]->d_name, "b.json");
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	snprintf(path, sizeof(path), "%s/none", w->path);
	assert_int_equal(subscription_files_list(&entries, path), 0);
	free(entries);
	assert_int_equal(subscription_files_list(&entries, w->key), -ENOTDIR);
}

static void test_wrong_files(void **state)
{
	struct world *w = *state;
	_cleanup_(buffer_release) struct buffer large = { 0 };

	expect_refused(w, w->file, -ENOENT, "No such file");
	assert_int_equal(mkdir(w->file, 0700), 0);
	expect_refused(w, w->file, -EISDIR, "a folder");
	rmdir(w->file);
	assert_int_equal(mkfifo(w->file, 0600), 0);
	expect_refused(w, w->file, -EINVAL, "not an ordinary file");
	unlink(w->file);
	assert_int_equal(symlink("../a.json", w->file), 0);
	expect_refused(w, w->file, -ELOOP, "a symbolic link");
	unlink(w->file);

	assert_non_null(buffer_reserve(&large, SUBSCRIPTION_BYTES_MAX + 1));
	memset(large.data, ' ', SUBSCRIPTION_BYTES_MAX + 1);
	large.size = SUBSCRIPTION_BYTES_MAX;
	put(w->file, buffer_span(&large));
	expect_text(w, buffer_span(&large), false);
	write_text(w, NAME, buffer_span(&large), true);
	expect_text(w, buffer_span(&large), true);
	large.size++;
	assert_int_equal(subscription_file_write(&w->folder, NAME, buffer_span(&large), true, &w->error), -EFBIG);
	put(w->file, buffer_span(&large));
	expect_refused(w, w->file, -EFBIG, "larger than 1 MiB");
	assert_int_equal(truncate(w->file, 1 << 22), 0);
	expect_refused(w, w->file, -EFBIG, "larger than 1 MiB");
}

static void test_altered(void **state)
{
	struct world *w = *state;
	_cleanup_(buffer_release) struct buffer bytes = { 0 };

	write_text(w, NAME, TEXT, true);
	get(&bytes, w->file);
	for (size_t i = 7; i < bytes.size; i++) {
		bytes.data[i] ^= 0x10;
		put(w->file, buffer_span(&bytes));
		expect_refused(w, w->file, i < 8 ? -EPROTONOSUPPORT : i < 16 ? -EKEYREJECTED : i < 20 ? -ENODATA : -EBADMSG,
			       i < 8 ? "another version" : i < 16 ? "another key" : i < 20 ? "cut short" : "altered");
		bytes.data[i] ^= 0x10;
	}
	for (size_t size = 7; size < bytes.size; size++) {
		put(w->file, (struct span){ bytes.data, size });
		expect_refused(w, w->file, -ENODATA, "cut short");
	}
	put(w->file, buffer_span(&bytes));
	expect_text(w, TEXT, true);
}

static void test_foreign(void **state)
{
	struct world *w = *state;
	char other[128];

	snprintf(other, sizeof(other), "%s/b.json", w->path);
	write_text(w, SPAN("b"), TEXT, true);
	assert_int_equal(rename(other, w->file), 0);
	expect_refused(w, w->file, -EBADMSG, "another name");
	assert_int_equal(rename(w->file, other), 0);
	unlink(w->key);
	expect_refused(w, other, -ENOENT, "subscriptions.key is missing");
	assert_int_equal(access(w->key, F_OK), -1);
	write_text(w, NAME, TEXT, true);
	expect_refused(w, other, -EKEYREJECTED, "another key");
	assert_int_equal(chmod(w->key, 0640), 0);
	expect_refused(w, w->file, -EPERM, "open to others");
	assert_int_equal(subscription_file_write(&w->folder, NAME, OTHER, true, &w->error), -EPERM);
	assert_int_equal(chmod(w->key, 0600), 0);
	expect_text(w, TEXT, true);
}

/* A disk that is full in the middle: what was there is there, and nothing else. */
static void test_no_room(void **state)
{
	const struct rlimit little = { 10, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct world *w = *state;

	write_text(w, NAME, TEXT, true);
	signal(SIGXFSZ, SIG_IGN);
	for (int sealed = 0; sealed < 2; sealed++) {
		int r;

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
		r = subscription_file_write(&w->folder, NAME, OTHER, sealed, &w->error);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
		assert_int_equal(r, -EFBIG);
		assert_non_null(strstr(w->error.message, "what was there stays"));
		expect_text(w, TEXT, true);
	}
}

static void test_rewritten(void **state)
{
	struct world *w = *state;
	_cleanup_(subscription_file_release) struct subscription_file file = { 0 };

	put(w->file, TEXT);
	assert_int_equal(subscription_file_read(&file, w->file, w->key, &w->error), 0);
	assert_int_equal(subscription_file_rewrite(&w->folder, NAME, &file, true, &w->error), 0);
	expect_text(w, TEXT, true);
	/* Somebody puts another one there in between. */
	unlink(w->file);
	put(w->file, OTHER);
	assert_int_equal(subscription_file_rewrite(&w->folder, NAME, &file, true, &w->error), -ESTALE);
	expect_text(w, OTHER, false);
	unlink(w->file);
	assert_int_equal(subscription_file_rewrite(&w->folder, NAME, &file, true, &w->error), -ESTALE);
	assert_int_equal(access(w->file, F_OK), -1);
}

static void test_should_seal(void **state)
{
	struct settings settings;

	settings_init(&settings);
	assert_true(subscription_file_should_seal(true, &settings));
	assert_false(subscription_file_should_seal(false, &settings));
	settings.value[SETTING_EnableSubscriptionProtection] = 1;
	assert_true(subscription_file_should_seal(false, &settings));
	settings.value[SETTING_EnableSignalSubscriptionProtection] = 0;
	assert_true(subscription_file_should_seal(true, &settings));
	settings.value[SETTING_EnableSubscriptionProtection] = 0;
	assert_false(subscription_file_should_seal(true, &settings));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_listed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_altered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rewritten, set_up, tear_down),
		cmocka_unit_test(test_should_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
