/* The file of the key: made once, whole, for its owner alone; anything else in its place is refused. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/seal_key.h"

struct folder {
	char path[64];
	char file[96];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/recorder-key-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/subscriptions.key", folder->path);
	*state = folder;
	return 0;
}

/* Nothing may be left beside the key. */
static int remove_folder(void **state)
{
	struct folder *folder = *state;
	int r;

	if (unlink(folder->file) < 0)
		rmdir(folder->file);
	r = rmdir(folder->path);
	free(folder);
	return r;
}

static void test_made(void **state)
{
	const struct folder *folder = *state;
	struct seal_key first, again, other;
	struct file_error error;
	struct stat st;

	assert_int_equal(seal_key_read(&first, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error), -ENOENT);
	assert_non_null(strstr(error.message, "is missing"));
	assert_int_equal(access(folder->file, F_OK), -1);
	assert_int_equal(seal_key_need(&first, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error), 0);
	assert_int_equal(lstat(folder->file, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, SEAL_KEY_BYTES);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(seal_key_need(&again, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error), 0);
	assert_memory_equal(&again, &first, sizeof(first));
	assert_int_equal(seal_key_read(&again, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error), 0);
	assert_memory_equal(&again, &first, sizeof(first));
	unlink(folder->file);
	assert_int_equal(seal_key_need(&other, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error), 0);
	assert_memory_not_equal(other.bytes, first.bytes, SEAL_KEY_BYTES);
	assert_memory_not_equal(other.id, first.id, sizeof(first.id));
}

static void expect_refused(const char *path, int expected, const char *words)
{
	struct seal_key key;
	struct file_error error = { "" };

	assert_int_equal(seal_key_read(&key, SEAL_KEY_OF_SUBSCRIPTIONS, path, &error), expected);
	assert_non_null(strstr(error.message, path));
	assert_non_null(strstr(error.message, words));
	/* It is not made in place of what is there, either. */
	assert_int_equal(seal_key_need(&key, SEAL_KEY_OF_SUBSCRIPTIONS, path, &error), expected);
	assert_int_equal(access(path, F_OK), 0);
}

static void write_key(const char *path, size_t size)
{
	static const char bytes[64] = "0123456789";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static void test_refused(void **state)
{
	const struct folder *folder = *state;
	char real[128];

	/* What a crash could leave, if a key were made in its place. */
	for (size_t size = 0; size <= 64; size++) {
		if (size == SEAL_KEY_BYTES)
			continue;
		write_key(folder->file, size);
		expect_refused(folder->file, -EINVAL, "not of 32 bytes");
	}
	write_key(folder->file, SEAL_KEY_BYTES);
	for (mode_t mode = 1; mode < 0100; mode <<= 1) {
		assert_int_equal(chmod(folder->file, 0600 | mode), 0);
		expect_refused(folder->file, -EPERM, "open to others");
	}
	snprintf(real, sizeof(real), "%s/real", folder->path);
	assert_int_equal(chmod(folder->file, 0600), 0);
	assert_int_equal(rename(folder->file, real), 0);
	assert_int_equal(symlink("real", folder->file), 0);
	expect_refused(folder->file, -ELOOP, "a symbolic link");
	unlink(folder->file);
	unlink(real);
	assert_int_equal(mkdir(folder->file, 0700), 0);
	expect_refused(folder->file, -EISDIR, "a folder");
	rmdir(folder->file);
	assert_int_equal(mkfifo(folder->file, 0600), 0);
	expect_refused(folder->file, -EINVAL, "not an ordinary file");
}

/* Nobody is told to remove what cannot be made again. */
static void test_mend_of_each(void **state)
{
	const struct folder *folder = *state;
	struct seal_key key;
	struct file_error error;

	for (unsigned fault = 0; fault < 2; fault++) {
		write_key(folder->file, fault ? SEAL_KEY_BYTES : 0);
		assert_int_equal(chmod(folder->file, fault ? 0644 : 0600), 0);
		assert_true(seal_key_read(&key, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error) < 0);
		assert_non_null(strstr(error.message, "register"));
		assert_true(seal_key_read(&key, SEAL_KEY_OF_HISTORY, folder->file, &error) < 0);
		assert_null(strstr(error.message, "remove"));
		assert_non_null(strstr(error.message, "proves"));
		assert_true(seal_key_read(&key, SEAL_KEY_OF_REDACTION, folder->file, &error) < 0);
		assert_null(strstr(error.message, "remove"));
		assert_non_null(strstr(error.message, "equal secrets"));
	}
}

static void test_of_others(void **state)
{
	const struct folder *folder = *state;

	write_key(folder->file, SEAL_KEY_BYTES);
	if (chown(folder->file, 65534, 65534) < 0) {
		print_message("needs root, to give a file away\n");
		skip();
	}
	expect_refused(folder->file, -EPERM, "somebody else's");
}

/* A disk that is full in the middle of it. */
static void test_no_room(void **state)
{
	const struct folder *folder = *state;
	const struct rlimit half = { SEAL_KEY_BYTES / 2, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct file_error error;
	struct seal_key key;
	int r;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &half), 0);
	r = seal_key_need(&key, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(error.message, "cannot be made"));
	assert_int_equal(access(folder->file, F_OK), -1);
	assert_int_equal(rmdir(folder->path), 0);
	r = seal_key_need(&key, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error);
	assert_int_equal(mkdir(folder->path, 0700), 0);
	assert_int_equal(r, -ENOENT);
	assert_int_equal(seal_key_need(&key, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error), 0);
}

/* All begin when the gate goes up, and have the same key. */
static void test_several_at_once(void **state)
{
	enum { N = 8 };
	const struct folder *folder = *state;
	int gate[2], answers[2];
	struct seal_key first, other;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(answers), 0);
	for (unsigned i = 0; i < N; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			struct file_error error;
			struct seal_key key;
			char byte;

			close(gate[1]);
			if (read(gate[0], &byte, 1) != 0 || seal_key_need(&key, SEAL_KEY_OF_SUBSCRIPTIONS, folder->file, &error) < 0 ||
			    write(answers[1], &key, sizeof(key)) != sizeof(key))
				_exit(1);
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (unsigned i = 0; i < N; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(answers[0], i == 0 ? &first : &other, sizeof(other)), sizeof(other));
		if (i > 0)
			assert_memory_equal(&other, &first, sizeof(first));
	}
	close(answers[0]);
	close(answers[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_mend_of_each, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_of_others, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_no_room, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_several_at_once, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
