#include "daemon/hasher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define PATIENCE_NS (60 * NS_PER_SEC)
#define FILE_TICK_NS (12 * NS_PER_MS)	/* the clock of files moves on */
#define OF_LARGE "sha256=\"1536c422c31cc98834759d7085cda394a3510a03d78188248986a6b1a7207d03\""	/* of 16 KB of "x" */
#define ABC "sha256=\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""	/* of "abc", FIPS 180-2 B.1 */

/* Memory as the hasher's thread gets it (meson.build wraps these): the n-th allocation fails, and as many as `n_fail` says from there on. */

static struct {
	pthread_t tests;
	atomic_uint n_calls, first, n_fail;	/* first 0: none fails */
	atomic_bool has_failed;
} memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);

static bool is_out_of_memory(void)
{
	unsigned first = atomic_load(&memory.first), n;

	if (first == 0 || pthread_equal(pthread_self(), memory.tests))
		return false;
	n = atomic_fetch_add(&memory.n_calls, 1) + 1;
	if (n < first || n - first >= atomic_load(&memory.n_fail))
		return false;
	atomic_store(&memory.has_failed, true);
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return is_out_of_memory() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return is_out_of_memory() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __real_reallocarray(old, n, size);
}

static void memory_ends(unsigned first, unsigned n_fail)
{
	memory.tests = pthread_self();
	atomic_store(&memory.n_calls, 0);
	atomic_store(&memory.has_failed, false);
	atomic_store(&memory.n_fail, n_fail);
	atomic_store(&memory.first, first);
}

/* Whether there was somebody whom it failed. */
static bool memory_is_back(void)
{
	atomic_store(&memory.first, 0);
	return atomic_load(&memory.has_failed);
}

struct place {
	char folder[64], file[96], cache[96];
	char root[96];			/* of definitions; empty: none is looked at */
	uint32_t type;			/* of the records that come; 0: follows from the root */
	struct hasher *hasher;
	pthread_mutex_t lock;
	pthread_cond_t has_told;
	unsigned n_told;
	bool refuses;			/* what is told */
	bool fuzzy;
	const char *provider;
	char last[48 << 10];		/* what was told last */
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/recorder-hasher-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->file, sizeof(place->file), "%s/file", place->folder);
	snprintf(place->cache, sizeof(place->cache), "%s/cache", place->folder);
	pthread_mutex_init(&place->lock, NULL);
	pthread_cond_init(&place->has_told, NULL);
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	unlink(place->file);
	unlink(place->cache);
	rmdir(place->folder);
	pthread_cond_destroy(&place->has_told);
	pthread_mutex_destroy(&place->lock);
	free(place);
	return 0;
}

static int on_told(void *user, const struct record *record)
{
	struct place *place = user;

	assert_int_equal(record->type, place->type ? place->type : place->root[0] ? RECORD_DEFINITION : RECORD_DIGEST);
	pthread_mutex_lock(&place->lock);
	snprintf(place->last, sizeof(place->last), "%.*s", (int)record->text.size, record->text.data);
	if (place->refuses) {
		pthread_mutex_unlock(&place->lock);
		return -ENOBUFS;
	}
	place->n_told++;
	pthread_cond_signal(&place->has_told);
	pthread_mutex_unlock(&place->lock);
	return 0;
}

static void begin(struct place *place, uint64_t max_bytes)
{
	const struct hasher_options options = { .max_bytes = max_bytes, .buffer_bytes = 4096, .cache_entries = 10, .cache_path = place->cache,
						.save_ns = PATIENCE_NS, .tell = on_told, .user = place,
						.texts = true, .fuzzy = place->fuzzy, .provider = place->provider, .definitions = place->root[0] != 0, .root = place->root };

	assert_int_equal(hasher_start(&place->hasher, &options), 0);
}

static void end(struct place *place)
{
	hasher_stop(place->hasher);
	place->hasher = hasher_free(place->hasher);
	assert_null(place->hasher);
}

static void write_file(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	close(fd);
}

static struct hash_wish wish_of(const char *path)
{
	struct hash_wish wish = { .pid = (uint32_t)getpid(), .path = span_of(path) };
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	wish.version = (struct file_version){ st.st_dev, st.st_ino, (uint64_t)st.st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec };
	return wish;
}

static void expect_told(struct place *place, const char *expected)
{
	if (!strstr(place->last, expected))
		fail_msg("\"%s\" is not in: %s", expected, place->last);
}

/* Asks, and waits for what is told. */
static void expect(struct place *place, const struct hash_wish *wish, const char *state)
{
	char expected[64];
	unsigned before;

	pthread_mutex_lock(&place->lock);
	before = place->n_told;
	hasher_ask(place->hasher, wish);
	while (place->n_told == before)
		pthread_cond_wait(&place->has_told, &place->lock);
	pthread_mutex_unlock(&place->lock);
	snprintf(expected, sizeof(expected), " state=%s ", state);
	expect_told(place, expected);
}

static struct hasher_stats stats_of(const struct place *place)
{
	struct hasher_stats stats;

	hasher_stats(place->hasher, &stats);
	return stats;
}

static void test_a_file(void **state)
{
	struct place *place = *state;
	struct hash_wish wish;
	char expected[256];

	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	begin(place, 1 << 20);
	expect(place, &wish, "ok");
	expect_told(place, ABC);
	expect_told(place, " size=3 ");
	expect_told(place, " header=\"616263\" entropy=1585 md5=\"900150983cd24fb0d6963f7d28e17f72\" "
			   "sha1=\"a9993e364706816aba3e25717850c26c9cd0d89d\" ");	/* RFC 1321 A.5, FIPS 180-2 A.1; log2(3) */
	snprintf(expected, sizeof(expected), "): device=%llu inode=%llu ctime=%llu state=", (unsigned long long)wish.version.device,
		 (unsigned long long)wish.version.inode, (unsigned long long)wish.version.changed_ns);
	expect_told(place, expected);
	assert_int_equal(stats_of(place).hashed, 1);
	assert_int_equal(stats_of(place).bytes, 3);
	end(place);
	assert_int_equal(place->n_told, 1);
}

static void test_over_a_restart(void **state)
{
	struct place *place = *state;
	struct hash_wish wish;

	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	begin(place, 1 << 20);
	expect(place, &wish, "ok");
	end(place);
	begin(place, 1 << 20);
	expect(place, &wish, "ok");
	assert_int_equal(stats_of(place).from_cache, 1);
	assert_int_equal(stats_of(place).hashed, 0);
	expect_told(place, ABC);
	end(place);
	/* A cache that is not ours is not believed. */
	write_file(place->cache, "rubbish", 7);
	begin(place, 1 << 20);
	expect(place, &wish, "ok");
	assert_int_equal(stats_of(place).hashed, 1);
	expect_told(place, ABC);
	end(place);
}

static void test_another_version(void **state)
{
	struct place *place = *state;
	struct hash_wish wish, other;
	char *much = calloc(1, 1 << 20);

	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	begin(place, 1000);
	expect(place, &wish, "ok");
	other = wish;
	other.version.changed_ns--;
	expect(place, &other, "changed");
	other = wish;
	other.version.device++;
	expect(place, &other, "gone");
	other = wish;
	other.version.inode += 12345;
	expect(place, &other, "gone");
	wish.path = SPAN("/no/such/file");
	expect(place, &wish, "gone");
	write_file(place->file, much, 1 << 20);
	wish = wish_of(place->file);
	expect(place, &wish, "too_big");
	expect_told(place, " size=1048576 ");
	assert_null(strstr(place->last, "sha256"));
	assert_int_equal(stats_of(place).failed, 4);
	end(place);
	free(much);
}

/* The program of a process is found whatever became of its name, and whatever its device is called. */
static void test_a_program_without_a_name(void **state)
{
	struct place *place = *state;
	struct hash_wish wish;
	char command[256], c;
	int in[2], out[2], status;
	pid_t pid;

	snprintf(command, sizeof(command), "cp /bin/cat %s", place->file);
	assert_int_equal(system(command), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(place->file, "cat", NULL);
		_exit(127);
	}
	assert_int_equal(write(in[1], "x", 1), 1);
	assert_int_equal(read(out[0], &c, 1), 1);	/* it runs */
	wish = wish_of(place->file);
	wish.pid = (uint32_t)pid;
	wish.is_program = true;
	wish.version.device++;
	assert_int_equal(unlink(place->file), 0);
	begin(place, 64 << 20);
	expect(place, &wish, "ok");
	expect_told(place, " header=\"7f454c46");
	end(place);
	close(in[1]);
	waitpid(pid, &status, 0);
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

static void test_what_waits_at_the_stop(void **state)
{
	struct place *place = *state;
	struct hash_wish wish;

	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	begin(place, 1 << 20);
	for (unsigned i = 0; i < 5000; i++) {
		wish.version.inode++;
		hasher_ask(place->hasher, &wish);
	}
	assert_int_equal(stats_of(place).asked, 5000);
	wish.version.inode = stats_of(place).forgotten;
	end(place);
	assert_int_equal(place->n_told + wish.version.inode, 5000);
	hasher_stop(NULL);
	assert_null(hasher_free(NULL));
}

static unsigned n_told(struct place *place)
{
	unsigned n;

	pthread_mutex_lock(&place->lock);
	n = place->n_told;
	pthread_mutex_unlock(&place->lock);
	return n;
}

/* How long it took. */
static uint64_t wait_for(struct place *place, unsigned n)
{
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC), now_ns = begin_ns;

	for (; n_told(place) < n; now_ns = clock_ns(CLOCK_MONOTONIC)) {
		if (now_ns > begin_ns + PATIENCE_NS)
			fail_msg("only %u were told", n_told(place));
		clock_sleep_ns(NS_PER_MS);
	}
	return now_ns - begin_ns;
}

/* Many touches of a moment are looked at once, when nobody writes any more; at the stop at once. */
static void test_definitions(void **state)
{
	const struct span path = SPAN("/etc/cron.d/job");
	struct place *place = *state;
	char command[256], file[128];

	snprintf(place->root, sizeof(place->root), "%s/root", place->folder);
	snprintf(command, sizeof(command), "mkdir -p %s/etc/cron.d", place->root);
	assert_int_equal(system(command), 0);
	snprintf(file, sizeof(file), "%s/etc/cron.d/job", place->root);
	begin(place, 1 << 20);
	for (unsigned i = 0; i < 20; i++) {
		write_file(file, "abc", 3);
		hasher_look(place->hasher, path);
	}
	assert_true(wait_for(place, 1) >= 200 * NS_PER_MS);
	expect_told(place, "act=create state=ok size=3");
	expect_told(place, "text=616263");
	assert_int_equal(place->n_told, 1);
	/* Somebody who writes on and on is not waited for for ever. */
	hasher_look(place->hasher, path);
	for (unsigned i = 0; n_told(place) < 2; i++) {
		assert_true(i < 1000);
		write_file(file, "abcd", 4);
		hasher_look(place->hasher, path);
		clock_sleep_ns(20 * NS_PER_MS);
	}
	expect_told(place, "act=change");
	unlink(file);
	hasher_look(place->hasher, SPAN("/etc/cron.d/other"));
	hasher_look(place->hasher, path);
	end(place);
	assert_true(place->n_told >= 4);
	snprintf(command, sizeof(command), "rm -r %s", place->root);
	assert_int_equal(system(command), 0);
}

/* Whatever of them was touched, they are looked at together, once. */
static void test_accounts(void **state)
{
	static const char before[] = "alice:x:1000:1000::/:/bin/sh\n", now[] = "alice:x:1000:1000::/:/bin/ash\nbob:x:1:1::/:/bin/sh\n";
	struct place *place = *state;
	char command[256], file[128];

	place->type = RECORD_ACCOUNT;
	snprintf(place->root, sizeof(place->root), "%s/root", place->folder);
	snprintf(command, sizeof(command), "mkdir -p %s/etc", place->root);
	assert_int_equal(system(command), 0);
	snprintf(file, sizeof(file), "%s/etc/passwd", place->root);
	write_file(file, before, sizeof(before) - 1);
	begin(place, 1 << 20);
	write_file(file, now, sizeof(now) - 1);
	hasher_look(place->hasher, SPAN("/etc/shadow"));
	hasher_look(place->hasher, SPAN("/etc/passwd"));
	assert_true(wait_for(place, 2) >= 200 * NS_PER_MS);
	expect_told(place, ":2): act=add of=user id=1 name=626F62 ");
	expect_told(place, " path=2F6574632F706173737764");
	hasher_look(place->hasher, SPAN("/etc/group"));
	end(place);
	assert_int_equal(place->n_told, 2);
	snprintf(command, sizeof(command), "rm -r %s", place->root);
	assert_int_equal(system(command), 0);
}

static struct hash_wish script_of(struct place *place, const char *text, size_t size)
{
	struct hash_wish wish;

	unlink(place->file);
	write_file(place->file, text, size);
	wish = wish_of(place->file);
	wish.is_script = true;
	return wish;
}

static void expect_untold(struct place *place, const char *what)
{
	if (strstr(place->last, what))
		fail_msg("\"%s\" is in: %s", what, place->last);
}

/* What stands in it, as far as it is kept. */
static void test_script(void **state)
{
	static char large[20000];
	struct place *place = *state;
	struct hash_wish wish;
	const char *text;

	begin(place, 1 << 20);
	wish = script_of(place, "#!/bin/sh\necho a\n", 17);
	expect(place, &wish, "ok");
	expect_told(place, " text=23212F62696E2F73680A6563686F20610A");
	expect_untold(place, " cut=");
	expect_untold(place, " untold=");
	/* From the cache likewise. */
	expect(place, &wish, "ok");
	assert_int_equal(stats_of(place).from_cache, 1);
	expect_told(place, " text=23212F62696E2F73680A6563686F20610A");
	/* Of what is run and mapped nobody wants to read it. */
	wish.is_script = false;
	expect(place, &wish, "ok");
	expect_untold(place, " text=");
	memset(large, 'x', sizeof(large));
	wish = script_of(place, large, sizeof(large));
	expect(place, &wish, "ok");
	text = strstr(place->last, " text=");
	assert_non_null(text);
	assert_int_equal(strspn(text + 6, "78"), 2 * (16 << 10));
	expect_told(place, " cut=1");
	/* One that has an archive behind it, and a program that was taken for one. */
	wish = script_of(place, "#!/bin/sh\ntail -c 3 $0\nexit\n\0\1\2", 32);
	expect(place, &wish, "ok");
	expect_told(place, "657869740A cut=1");
	wish = script_of(place, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\0", 17);
	expect(place, &wish, "ok");
	expect_untold(place, " text=");
	expect_untold(place, " cut=");
	/* Who runs it may not read it. */
	wish = script_of(place, "#!/bin/sh\necho b\n", 17);
	wish.uid = wish.gid = 12345;
	expect(place, &wish, "ok");
	expect_untold(place, " text=");
	expect_told(place, " untold=1");
	/* Nobody wants it any more, and again. */
	wish = script_of(place, "#!/bin/sh\necho b\n", 17);
	hasher_set_texts(place->hasher, false);
	expect(place, &wish, "ok");
	expect_untold(place, " text=");
	hasher_set_texts(place->hasher, true);
	expect(place, &wish, "ok");
	expect_told(place, " text=");
	end(place);
}

/* Who makes ever more of them has their hashes, but not the history. */
static void test_many_scripts(void **state)
{
	static char large[16 << 10];
	struct place *place = *state;
	struct hash_wish wish;
	unsigned n = 0;

	memset(large, 'x', sizeof(large));
	begin(place, 1 << 20);
	wish = script_of(place, large, sizeof(large));
	do {
		assert_true(++n < 2000);
		expect(place, &wish, "ok");
	} while (!strstr(place->last, " untold=1"));
	assert_in_range(n, 512, 1024);		/* 8 MB, and what the time allows */
	expect_told(place, OF_LARGE);
	expect_untold(place, " text=");
	end(place);
}

/* A cache of a time without it says nothing of how the file is like others: it is read again. */
static void test_fuzzy(void **state)
{
	char bytes[1000];
	struct place *place = *state;
	struct hash_wish wish;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * i >> 4);
	write_file(place->file, bytes, sizeof(bytes));
	wish = wish_of(place->file);
	begin(place, 1 << 20);
	expect(place, &wish, "ok");
	expect_untold(place, " tlsh=");
	end(place);
	place->fuzzy = true;
	begin(place, 1 << 20);
	expect(place, &wish, "ok");
	expect_told(place, " tlsh=\"T1");
	assert_int_equal(stats_of(place).hashed, 1);
	expect(place, &wish, "ok");
	expect_told(place, " tlsh=\"T1");
	assert_int_equal(stats_of(place).from_cache, 1);
	/* Too small for one: it is not looked for again and again. */
	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	expect(place, &wish, "ok");
	expect(place, &wish, "ok");
	expect_untold(place, " tlsh=");
	assert_int_equal(stats_of(place).from_cache, 2);
	end(place);
}

/* Answers one question. */
static void *answer(void *user)
{
	static const char ok[] = "{\"ok\":true,\"sha256\":\"" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "\"}\n";
	int waits = *(int *)user, fd = accept(waits, NULL, NULL);
	char line[512];

	(void)!recv(fd, line, sizeof(line), 0);
	(void)!send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

/* Another program knows the hashes; when it has gone the file is read. */
static void test_provider(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct place *place = *state;
	struct hash_wish wish;
	pthread_t thread;
	int waits = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/x.sock", place->folder);
	assert_int_equal(bind(waits, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(waits, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer, &waits), 0);
	place->provider = address.sun_path;
	begin(place, 1 << 20);
	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	expect(place, &wish, "ok");
	expect_told(place, " size=3 ");
	expect_told(place, " sha256=\"aaaaaaaa");
	expect_untold(place, " md5=");
	expect_untold(place, " entropy=");
	pthread_join(thread, NULL);
	close(waits);
	unlink(address.sun_path);
	expect(place, &wish, "ok");
	expect_told(place, ABC);
	expect_told(place, " entropy=");
	end(place);
}

static int nice_of_hasher(void)
{
	DIR *threads = opendir("/proc/self/task");
	struct dirent *thread;
	int nice = 0;

	assert_non_null(threads);
	while ((thread = readdir(threads))) {
		char path[NAME_MAX + 32], name[16] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", thread->d_name);
		file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file) && strcmp(name, "hasher\n") == 0)
			nice = getpriority(PRIO_PROCESS, (id_t)atoi(thread->d_name));
		if (file)
			fclose(file);
	}
	closedir(threads);
	return nice;
}

/* Behind everybody, but while somebody waits for what it finds. */
static void test_pace(void **state)
{
	struct place *place = *state;
	int beside = geteuid() == 0 ? 0 : 19;
	struct hash_wish wish;

	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	begin(place, 1 << 20);
	expect(place, &wish, "ok");
	assert_int_equal(nice_of_hasher(), 19);
	hasher_set_pace(place->hasher, PACE_BESIDE);
	assert_int_equal(nice_of_hasher(), beside);
	hasher_set_pace(place->hasher, PACE_BEHIND);
	assert_int_equal(nice_of_hasher(), 19);
	end(place);
	/* Also before its thread has begun, as a subscription that is there at the start. */
	begin(place, 1 << 20);
	hasher_set_pace(place->hasher, PACE_BESIDE);
	expect(place, &wish, "ok");
	assert_int_equal(nice_of_hasher(), beside);
	end(place);
}

/* What nobody takes is counted. */
static void test_refused(void **state)
{
	struct place *place = *state;
	struct hash_wish wish;

	write_file(place->file, "abc", 3);
	wish = wish_of(place->file);
	place->refuses = true;
	begin(place, 1 << 20);
	hasher_ask(place->hasher, &wish);
	for (unsigned i = 0; stats_of(place).forgotten == 0; i++) {
		assert_true(i < 10000);
		clock_sleep_ns(NS_PER_MS);
	}
	assert_int_equal(stats_of(place).asked, 1);
	end(place);
	assert_int_equal(place->n_told, 0);
}

static bool has_answered(struct place *place)
{
	bool told;

	pthread_mutex_lock(&place->lock);
	told = place->n_told > 0;
	pthread_mutex_unlock(&place->lock);
	return told || stats_of(place).forgotten > 0;
}

/* The n-th allocation of the thread fails, or all from there on, n being 1, 2, 3 until none is left: what was asked for is told, or
 * counted as forgotten; once there is memory again it goes on as if nothing had been. */
static void run_out_of_memory(struct place *place, unsigned n_fail)
{
	static const char script[] = "#!/bin/sh\necho out of memory\n";
	struct hash_wish wish, other;
	bool has_failed = true;
	unsigned n;

	for (n = 1; has_failed; n++) {
		assert_true(n < 1000);
		unlink(place->cache);
		write_file(place->file, script, sizeof(script) - 1);
		wish = wish_of(place->file);
		wish.is_script = true;
		place->n_told = 0;
		memory_ends(n, n_fail);
		begin(place, 1 << 20);
		hasher_ask(place->hasher, &wish);
		for (unsigned i = 0; !has_answered(place); i++) {
			assert_true(i < 60000);
			clock_sleep_ns(NS_PER_MS);
		}
		has_failed = memory_is_back();
		if (!has_failed)
			expect_told(place, " state=ok ");
		clock_sleep_ns(FILE_TICK_NS);
		write_file(place->file, "abc", 3);
		other = wish_of(place->file);
		expect(place, &other, "ok");
		expect_told(place, ABC);
		end(place);
	}
	assert_true(n > 3);
}

static void test_no_memory(void **state)
{
	run_out_of_memory(*state, 1);
	run_out_of_memory(*state, UINT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_file, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_over_a_restart, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_another_version, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_a_program_without_a_name, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_what_waits_at_the_stop, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_script, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_many_scripts, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_fuzzy, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_provider, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_pace, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_refused, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_no_memory, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_definitions, place_make, place_remove),
		cmocka_unit_test_setup_teardown(test_accounts, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
