#include "source/account_files.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "source/account_change.h"

#define HASH "$y$j9T$abcdefgh$ijklmnop"
#define OTHER "$y$j9T$abcdefgh$qrstuvwx"
#define ROOT "root:x:0:0:root:/root:/bin/bash\n"

struct place {
	char root[64];
	struct account_files *files;
	struct buffer told;		/* a line an account */
	unsigned n_told;
	uint64_t later_ns;		/* nobody writes to anything by then */
};

static void run(const struct place *place, const char *what)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && %s", place->root, what);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->root, "/tmp/recorder-accounts-XXXXXX");
	assert_non_null(mkdtemp(place->root));
	run(place, "mkdir etc");
	place->later_ns = clock_now_ns() + 3600 * NS_PER_SEC;
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	run(place, "rm -r \"$PWD\"");
	account_files_free(place->files);
	buffer_release(&place->told);
	free(place);
	return 0;
}

static FILE *open_file(const struct place *place, const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/etc/%s", place->root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	return file;
}

static void put(const struct place *place, const char *name, const char *text)
{
	FILE *file = open_file(place, name);

	fputs(text, file);
	fclose(file);
}

static void put_bytes(const struct place *place, const char *name, struct span text)
{
	FILE *file = open_file(place, name);

	assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
	fclose(file);
}

static void begin(struct place *place)
{
	place->files = account_files_free(place->files);
	assert_int_equal(account_files_new(&place->files, place->root), 0);
}

/* The bytes behind `key=` of what is said, hexadecimal, appended. */
static void put_unhexed(struct buffer *text, const char *said, const char *key)
{
	const char *p = strstr(said, key);

	for (p = p ? p + strlen(key) : ""; *p && *p != ' '; p += 2) {
		unsigned byte;

		assert_int_equal(sscanf(p, "%2x", &byte), 1);
		buffer_append_byte(text, byte ? (char)byte : '|');
	}
}

/* "act of id name [changes] path" */
static void on_said(void *user, struct span said)
{
	struct place *place = user;
	_cleanup_(buffer_release) struct buffer line = { 0 };
	char act[16] = "", of[16] = "";
	const char *text, *id;

	buffer_append_span(&line, said);
	text = buffer_text(&line);
	id = strstr(text, " id=");

	assert_int_equal(sscanf(text, " act=%15s of=%15s", act, of), 2);
	buffer_printf(&place->told, "%s %s %.*s ", act, of, id ? (int)strcspn(id + 4, " ") : 1, id ? id + 4 : "-");
	put_unhexed(&place->told, text, " name=");
	buffer_append_text(&place->told, " [");
	put_unhexed(&place->told, text, " changes=");
	buffer_append_text(&place->told, "] ");
	put_unhexed(&place->told, text, " path=");
	buffer_append_text(&place->told, strstr(text, " cut=1") ? " cut\n" : "\n");
	place->n_told++;
}

static void look(struct place *place)
{
	buffer_clear(&place->told);
	place->n_told = 0;
	assert_int_equal(account_files_look(place->files, true, place->later_ns, on_said, place), 0);
	assert_null(strstr(buffer_text(&place->told), "$y$"));
}

static void expect(struct place *place, const char *told)
{
	look(place);
	assert_string_equal(buffer_text(&place->told), told);
}

static void test_life(void **state)
{
	struct place *place = *state;

	put(place, "passwd", ROOT);
	put(place, "shadow", "root:" HASH ":19000:0:99999:7:::\n");
	put(place, "group", "root:x:0:\nadm:x:4:root\n");
	put(place, "gshadow", "root:*::\nadm:*::root\n");
	begin(place);
	expect(place, "");
	put(place, "passwd", ROOT "alice:x:1000:1000:Alice:/home/alice:/bin/sh\n");
	put(place, "shadow", "root:" HASH ":19000:0:99999:7:::\nalice:!:20000:0:99999:7:::\n");
	put(place, "group", "root:x:0:\nadm:x:4:root,alice\nalice:x:1000:\n");
	put(place, "gshadow", "root:*::\nadm:*::root,alice\nalice:!::\n");
	expect(place, "add user 1000 alice [password: locked|id: 1000|group id: 1000|comment: Alice|home: /home/alice|shell: /bin/sh|"
		      "last password change: 2024-10-04|password minimum days: 0|password maximum days: 99999|"
		      "password warning days: 7|] /etc/passwd\n"
		      "change group 4 adm [member: +alice|] /etc/group\n"
		      "add group 1000 alice [password: locked|id: 1000|] /etc/group\n");
	expect(place, "");
	put(place, "passwd", ROOT "alice:x:0:1000:Alice:/home/alice:/bin/bash\n");
	expect(place, "change user 0 alice [id: 1000 -> 0|shell: /bin/sh -> /bin/bash|] /etc/passwd\n");
	put(place, "shadow", "root:" HASH ":19000:0:99999:7:::\nalice:!:20000:0:99999:7::20001:\n");
	expect(place, "change user 0 alice [expires: (none) -> 2024-10-05|] /etc/shadow\n");
	put(place, "gshadow", "root:*::\nadm:*:alice:root,alice,bob\nalice:!::\n");
	expect(place, "change group 4 adm [administrator: +alice|shadow member: +bob|] /etc/gshadow\n");
	put(place, "passwd", ROOT);
	put(place, "shadow", "root:" HASH ":19000:0:99999:7:::\n");
	put(place, "group", "root:x:0:\nadm:x:4:\n");
	put(place, "gshadow", "root:*::\nadm:*::\n");
	expect(place, "delete user 0 alice [id: 0|group id: 1000|comment: Alice|home: /home/alice|shell: /bin/bash|"
		      "last password change: 2024-10-04|password minimum days: 0|password maximum days: 99999|"
		      "password warning days: 7|expires: 2024-10-05|] /etc/passwd\n"
		      "change group 4 adm [member: -alice|member: -root|administrator: -alice|shadow member: -bob|] /etc/group\n"
		      "delete group 1000 alice [id: 1000|] /etc/group\n");
}

static void test_passwords(void **state)
{
	static const struct {
		const char *password, *told;
	} steps[] = {
		{ HASH, "set" },	  { OTHER, "changed" },	     { "!" OTHER, "locked" }, { "!!" OTHER, "" },
		{ OTHER, "unlocked" },	  { "*", "locked" },	     { "!", "" },	      { "!" OTHER, "changed" },
		{ HASH, "set" },	  { "", "removed" },	     { HASH, "set" },	      { "!", "locked" },
		{ "", "removed" },	  { "!", "locked" },
	};
	struct place *place = *state;
	char line[128], told[128];

	put(place, "passwd", ROOT);
	put(place, "shadow", "root:*:1::::::\n");
	begin(place);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		snprintf(line, sizeof(line), "root:%s:1::::::\n", steps[i].password);
		put(place, "shadow", line);
		if (steps[i].told[0])
			snprintf(told, sizeof(told), "password user 0 root [password: %s|] /etc/shadow\n", steps[i].told);
		else
			told[0] = 0;
		expect(place, told);
	}
	/* passwd(1) sets the day too; the day alone (chage -d) is no other password. */
	put(place, "shadow", "root:" HASH ":2::::::\n");
	expect(place, "password user 0 root [password: set|last password change: 1970-01-02 -> 1970-01-03|] /etc/shadow\n");
	put(place, "shadow", "root:" HASH ":1::::::\n");
	expect(place, "change user 0 root [last password change: 1970-01-03 -> 1970-01-02|] /etc/shadow\n");
	/* Without its `x` nobody needs one. */
	put(place, "passwd", "root::0:0:root:/root:/bin/bash\n");
	expect(place, "password user 0 root [password: removed|] /etc/passwd\n");
	put(place, "passwd", "root:" HASH ":0:0:root:/root:/bin/sh\n");
	expect(place, "change user 0 root [password: set|shell: /bin/bash -> /bin/sh|] /etc/passwd\n");
	put(place, "shadow", "");
	expect(place, "change user 0 root [last password change: 1970-01-02 -> (none)|] /etc/shadow\n");
	put(place, "passwd", "root:x:0:0:root:/root:/bin/sh\nguest::9:9::/:/bin/sh\n");
	expect(place, "add user 9 guest [password: none|id: 9|group id: 9|home: /|shell: /bin/sh|] /etc/passwd\n"
		      "password user 0 root [password: locked|] /etc/passwd\n");
	/* One that stands in the wrong place. */
	put(place, "passwd", "root:x:0:0:root:" HASH ":/bin/sh\nguest::9:9::/:/bin/sh\n");
	expect(place, "change user 0 root [home: /root -> (looks like a password)|] /etc/passwd\n");
	put(place, "group", "g:" HASH ":5:\n");
	expect(place, "add group 5 g [password: set|id: 5|] /etc/group\n");
	put(place, "group", "g:" OTHER ":5:\n");
	expect(place, "password group 5 g [password: changed|] /etc/group\n");
}

static void test_odd_files(void **state)
{
	struct place *place = *state;

	begin(place);
	/* No newline at the end, lines that are none, NIS, one name twice, bytes after a NUL. */
	put_bytes(place, "passwd", SPAN("# comment\n\nnoise\n:x:1:1\n+::::::\nroot:x:0:0::/:/bin/a\nroot:x:0:0::/:/bin/b\nz:x:5\0:evil\ny:x:6"));
	expect(place, "add user - + [password: none|] /etc/passwd\n"
		      "add user 0 root [password: locked|id: 0|group id: 0|home: /|shell: /bin/a|] /etc/passwd\n"
		      "add user 0 root [password: locked|id: 0|group id: 0|home: /|shell: /bin/b|] /etc/passwd\n"
		      "add user 6 y [password: locked|id: 6|] /etc/passwd\n"
		      "add user 5 z [password: locked|id: 5|] /etc/passwd\n");
	/* In another order it is the same. */
	put(place, "passwd", "y:x:6\nz:x:5\nroot:x:0:0::/:/bin/a\nroot:x:0:0::/:/bin/c\n+::::::");
	expect(place, "change user 0 root [shell: /bin/b -> /bin/c|] /etc/passwd\n");
	put(place, "passwd", "y:x:-1\nz:x:5000000000\nroot:x:0:0::/:/bin/a\nroot:x:0:0::/:/bin/c\n+::::::");
	expect(place, "change user - y [id: 6 -> -1|] /etc/passwd\n"
		      "change user - z [id: 5 -> 5000000000|] /etc/passwd\n");
	put(place, "shadow", "orphan:!:99999999999999999999::::::\n");
	expect(place, "change user - orphan [last password change: (none) -> 99999999999999999999|] /etc/shadow\n");
	run(place, "rm etc/passwd");
	look(place);
	assert_int_equal(place->n_told, 5);
	/* What is no file. */
	run(place, "mkfifo etc/passwd");
	look(place);
	assert_int_equal(place->n_told, 1);
	assert_non_null(strstr(buffer_text(&place->told), "change user -  [file: changed; it cannot be read (Invalid argument)|] /etc/passwd\n"));
	expect(place, "");
	run(place, "rm etc/passwd");
	put(place, "passwd", ROOT);
	expect(place, "change user -  [file: changed; it could not be read (Invalid argument)|] /etc/passwd\n");
	put(place, "passwd", "root:x:1:0:root:/root:/bin/bash\n");
	expect(place, "change user 1 root [id: 0 -> 1|] /etc/passwd\n");
}

/* A group with a line of a megabyte; nobody compares each with each. */
static void test_long_line(void **state)
{
	struct place *place = *state;
	FILE *file;

	put(place, "group", "g:x:1:\n");
	put(place, "gshadow", "g:!::\n");
	begin(place);
	for (unsigned k = 0; k < 2; k++) {
		file = open_file(place, k ? "gshadow" : "group");
		fputs(k ? "g:!::" : "g:x:1:", file);
		for (unsigned i = 0; i < 130000; i++)
			fprintf(file, "%su%06u", i ? "," : "", (i * 7919) % 130000);
		fputs("\n", file);
		fclose(file);
	}
	look(place);
	assert_int_equal(place->n_told, 1);
	assert_non_null(strstr(buffer_text(&place->told), "change group 1 g [member: +u000000|member: +u000001|"));
	assert_non_null(strstr(buffer_text(&place->told), "|] /etc/group cut\n"));
	assert_true(place->told.size < 2 * ACCOUNT_CHANGES_BYTES);
	/* One that goes is found. */
	put(place, "passwd", "");
	file = open_file(place, "group");
	fputs("g:x:1:", file);
	for (unsigned i = 0; i < 130000; i++)
		if (i != 77777)
			fprintf(file, "%su%06u", i ? "," : "", i);
	fclose(file);
	expect(place, "change group 1 g [member: -u077777|] /etc/group\n");
}

static void put_many(const struct place *place, unsigned n, const char *shell)
{
	FILE *file = open_file(place, "passwd");

	for (unsigned i = 0; i < n; i++)
		fprintf(file, "u%u:x:%u:%u::/:%s\n", i, i, i, shell);
	fclose(file);
}

static void test_many(void **state)
{
	struct place *place = *state;

	put_many(place, 3000, "/bin/a");
	begin(place);
	put_many(place, 3000, "/bin/b");
	look(place);
	assert_int_equal(place->n_told, ACCOUNT_TELL_MAX + 1);
	assert_non_null(strstr(buffer_text(&place->told), "change user -  [accounts: 1976 more differ, too many to tell at once|] /etc/passwd\n"));
	put_many(place, 100000, "/bin/b");
	expect(place, "change user -  [file: changed; it is too large to tell what of it|] /etc/passwd\n");
	expect(place, "");
	put_many(place, 100000, "/bin/c");
	expect(place, "change user -  [file: changed; it is too large to tell what of it|] /etc/passwd\n");
	put_many(place, 2, "/bin/c");
	expect(place, "change user -  [file: changed; it was too large to tell what of it|] /etc/passwd\n");
	put_many(place, 2, "/bin/d");
	look(place);
	assert_int_equal(place->n_told, 2);
	/* Of many bytes. */
	run(place, "truncate -s 9M etc/passwd");
	expect(place, "change user -  [file: changed; it is too large to tell what of it|] /etc/passwd\n");
}

static void test_waits(void **state)
{
	struct place *place = *state;

	begin(place);
	put(place, "passwd", ROOT);
	assert_int_equal(account_files_look(place->files, true, clock_now_ns(), on_said, place), -EAGAIN);
	assert_int_equal(place->n_told, 0);
	assert_int_equal(account_files_look(place->files, false, clock_now_ns(), on_said, place), 0);
	assert_int_equal(place->n_told, 1);
}

/* No password is in what is kept. */
static void test_nothing_kept(void **state)
{
	static const unsigned char key[ACCOUNT_KEY_BYTES] = "key";
	struct place *place = *state;
	struct account_table table, other;
	char path[128];

	put(place, "shadow", "# root:" HASH "\nroot" HASH "\nroot:" HASH ":1::::::\nalice:!" HASH ":1::::::\nbob:" OTHER ":1::::::\n"
			     "carol:" HASH ":1::::::");
	snprintf(path, sizeof(path), "%s/etc/shadow", place->root);
	assert_int_equal(account_table_read(&table, ACCOUNT_SHADOW, path, key), 0);
	assert_int_equal(table.state, TABLE_OK);
	assert_int_equal(table.n, 4);
	assert_null(memmem(table.text, (size_t)table.stamp.size, "$y$", 3));
	assert_null(memmem(table.text, (size_t)table.stamp.size, "ijkl", 4));
	/* alice, bob, carol, root */
	assert_memory_equal(table.accounts[0].digest, table.accounts[3].digest, 16);
	assert_memory_not_equal(table.accounts[0].digest, table.accounts[1].digest, 16);
	/* Of another run the digests are others. */
	assert_int_equal(account_table_read(&other, ACCOUNT_SHADOW, path, (const unsigned char[ACCOUNT_KEY_BYTES]){ 1 }), 0);
	assert_memory_not_equal(table.accounts[0].digest, other.accounts[0].digest, 16);
	account_table_release(&table);
	account_table_release(&other);
}

/* libcrypto's memory fails from the n-th piece on, until there is enough. */
static long allocations_left = -1;

static bool may_allocate(void)
{
	return allocations_left < 0 || (allocations_left > 0 && allocations_left-- > 0);
}

static void *failing_malloc(size_t size, const char *file, int line)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *failing_realloc(void *p, size_t size, const char *file, int line)
{
	return may_allocate() ? realloc(p, size) : NULL;
}

static void plain_free(void *p, const char *file, int line)
{
	free(p);
}

static void test_no_memory(void **state)
{
	struct place *place = *state;
	long n = 0;
	int r;

	put(place, "passwd", ROOT);
	put(place, "shadow", "root:" HASH ":1::::::\n");
	do {
		allocations_left = n++;
		r = account_files_new(&place->files, place->root);
		allocations_left = -1;
		assert_true(r == 0 || r == -ENOMEM || r == -EIO);
		assert_true(n < 1000);
	} while (r < 0);
	assert_true(n > 1);
	/* What was not told is told by the next look. */
	put(place, "shadow", "root:" OTHER ":1::::::\n");
	n = 0;
	do {
		assert_int_equal(place->n_told, 0);
		allocations_left = n++;
		r = account_files_look(place->files, true, place->later_ns, on_said, place);
		allocations_left = -1;
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(n < 1000);
	} while (r < 0);
	assert_true(n > 1);
	assert_string_equal(buffer_text(&place->told), "password user 0 root [password: changed|] /etc/shadow\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_passwords, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_odd_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
	};

	assert_int_equal(CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free), 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
