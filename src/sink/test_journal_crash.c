/* A journal dies, or gets an error, at every call that changes its files: nothing that was in a file is lost or there twice. */

#include "sink/test_journal.h"

#include <semaphore.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MAX_SIZE 4000			/* some ten lines */
#define KEEP 1000
#define N_LINES 60

/* The calls, in the place of the C library's. */

static enum { WORKS, DIES, FAILS } how;
static unsigned at;			/* the at-th call from now on dies, or fails */
static unsigned n_calls;
static bool only_compression;		/* calls of the writer do not count */
static sem_t came;			/* it was called */
static sem_t written;			/* the lines of compress_one() are */

static bool fails(void)
{
	if (only_compression) {
		if (gettid() == getpid())
			return false;
		/* Not before the lines are there that are looked for afterwards. */
		sem_wait(&written);
		sem_post(&written);
	}
	/* The writer and the compression may be here at once. */
	if (__atomic_add_fetch(&n_calls, 1, __ATOMIC_SEQ_CST) != at || how == WORKS)
		return false;
	if (how == DIES)
		_exit(0);
	sem_post(&came);
	errno = EIO;
	return true;
}

int rename(const char *from, const char *to)
{
	return fails() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
	return fails() ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int fsync(int fd)
{
	return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int futimens(int fd, const struct timespec times[2])
{
	return fails() ? -1 : (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

/* Writes on from what is there; true: to the end. */
static bool go_on(const char *path, bool compress)
{
	struct sink *sink = journal_must_open(path, MAX_SIZE, KEEP, compress);
	uint64_t last = found_in(path).last;

	write_range(sink, last + 1, N_LINES + 1);
	sink_journal.free(sink);
	return n_calls < at;	/* else it was called while it ended */
}

/* A journal with one old file, which is compressed: until a call of that fails, or to its end. */
static void compress_one(const struct place *place)
{
	struct sink *sink;
	uint64_t last;

	sem_init(&written, 0, 0);
	sink = journal_must_open(place->file, MAX_SIZE, KEEP, true);
	last = found_in(place->file).last;
	write_range(sink, last + 1, last + 21);
	sem_post(&written);
	if (how == FAILS)
		sem_wait(&came);
	else
		wait_gone(place, beside(place->file, ".1"));
	sink_journal.free(sink);
}

static bool child_is_done(const char *path, bool compress)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(go_on(path, compress) ? 2 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 1);
	return WEXITSTATUS(status) == 2;
}

static void remove_files(const struct place *place)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -f %s/*", place->folder);
	assert_int_equal(system(command), 0);
}

/* Dies at its n-th call, the next one at its n + 1st, until one comes to the end. */
static void dies(void **state)
{
	struct place *place = *state;

	for (unsigned round = 0; round < 10; round++) {
		bool compress = round % 2 == 0;

		remove_files(place);
		at = round / 2 + 1;
		n_calls = 0;
		for (how = DIES; !child_is_done(place->file, compress); how = DIES, at++) {
			how = WORKS;
			if (size_of(place->file) >= 0) {
				struct found found = found_in(place->file);

				assert_true(found.n == 0 || (found.first == 1 && found.in_order));
			}
			assert_true(at < 1000);
		}
		how = WORKS;
		assert_found(place->file, 1, N_LINES);
	}
}

/* One call fails: the lines are all there, in order, whatever it was. */
static void fails_once(void **state)
{
	struct place *place = *state;
	bool came_so_far = true;

	for (unsigned i = 1; came_so_far; i++) {
		struct sink *sink;

		remove_files(place);
		how = WORKS;
		sink = journal_must_open(place->file, MAX_SIZE, KEEP, i % 2);
		how = FAILS;
		at = i;
		n_calls = 0;
		write_range(sink, 1, N_LINES + 1);
		came_so_far = n_calls >= at || i < 20;
		sink_journal.free(sink);
		how = WORKS;
		assert_found(place->file, 1, N_LINES);
	}
}

static void compress_one_in_child(const struct place *place)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		compress_one(place);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The compression dies, or gets an error, at each of its calls; the next recorder does what was left. */
static void compression_ends(void **state)
{
	struct place *place = *state;
	unsigned n;

	sem_init(&came, 0, 0);
	only_compression = true;
	n_calls = 0;
	compress_one(place);
	n = n_calls;
	assert_true(n >= 6);
	for (unsigned i = 0; i < 2 * n; i++) {
		remove_files(place);
		n_calls = 0;
		at = i / 2 + 1;
		how = i % 2 ? DIES : FAILS;
		if (how == DIES)
			compress_one_in_child(place);
		else
			compress_one(place);
		how = WORKS;
		assert_found(place->file, 1, 20);
		compress_one(place);
		assert_found(place->file, 1, 40);
	}
	only_compression = false;
}

/* The states in which a crash of the machine may leave a file that was being compressed. */
static void both_are_there(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, MAX_SIZE, 100, true);
	const char *plain = beside(place->file, ".1"), *zst = beside(place->file, ".1.zst");
	_cleanup_(buffer_release) struct buffer whole = { 0 };
	off_t sizes[4];
	FILE *file;

	write_range(sink, 1, 21);
	assert_int_equal(size_of(beside(place->file, ".2")), -1);
	wait_gone(place, plain);
	sink_journal.free(sink);
	file = fopen(zst, "r");
	whole.size = fread(buffer_reserve(&whole, MAX_SIZE), 1, MAX_SIZE, file);
	fclose(file);
	assert_int_equal(whole.size, size_of(zst));
	sizes[0] = 0;
	sizes[1] = 10;
	sizes[2] = (off_t)whole.size - 1;
	sizes[3] = (off_t)whole.size;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct found found = found_in(place->file);
		_cleanup_(buffer_release) struct buffer text = { 0 };
		struct journal_reader *reader = reader_must_open(place->file);
		struct span line;

		/* The plain one again. */
		assert_int_equal(journal_reader_seek_since(reader, 0), 0);
		while (journal_reader_line(reader, &line) > 0 && strcmp(journal_reader_path(reader), zst) == 0) {
			buffer_append_span(&text, line);
			buffer_append_byte(&text, '\n');
		}
		journal_reader_free(reader);
		put_file(plain, text.data, text.size);
		put_file(zst, whole.data, (size_t)sizes[i]);
		sink_journal.free(journal_must_open(place->file, MAX_SIZE, 100, false));
		/* The complete one is there, and it alone. */
		assert_int_equal(size_of(plain) >= 0, sizes[i] < (off_t)whole.size);
		assert_int_equal(size_of(zst) >= 0, sizes[i] == (off_t)whole.size);
		assert_found(place->file, found.first, found.last);
		put_file(zst, whole.data, whole.size);
		unlink(plain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dies, place_make, place_remove),
		cmocka_unit_test_setup_teardown(fails_once, place_make, place_remove),
		cmocka_unit_test_setup_teardown(compression_ends, place_make, place_remove),
		cmocka_unit_test_setup_teardown(both_are_there, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
