#include "source/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define AT(s) ((uint64_t)(s)*NS_PER_SEC)

struct files {
	char folder[64], passwd[96], group[96];
	struct users *users;
};

static void put(const char *path, const char *text, size_t size)
{
	char temporary[128];
	FILE *f;

	/* As vipw and useradd do. */
	snprintf(temporary, sizeof(temporary), "%s-new", path);
	f = fopen(temporary, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(temporary, path), 0);
}

#define PUT(path, text) put(path, text, sizeof(text) - 1)

static int setup(void **state)
{
	static struct files files;

	files = (struct files){ .folder = "/tmp/test_users_XXXXXX" };
	assert_non_null(mkdtemp(files.folder));
	snprintf(files.passwd, sizeof(files.passwd), "%s/passwd", files.folder);
	snprintf(files.group, sizeof(files.group), "%s/group", files.folder);
	assert_int_equal(users_new(&files.users, files.passwd, files.group), 0);
	*state = &files;
	return 0;
}

static int teardown(void **state)
{
	struct files *files = *state;

	users_free(files->users);
	unlink(files->passwd);
	unlink(files->group);
	return rmdir(files->folder);
}

static void assert_name(struct span name, const char *expected)
{
	assert_int_equal(name.size, strlen(expected));
	assert_memory_equal(name.data ? name.data : "", expected, name.size);
}

static void test_names(void **state)
{
	struct files *files = *state;

	PUT(files->passwd,
	    "root:x:0:0:root:/root:/bin/bash\n"
	    "toor:x:0:0:the second of one id:/root:/bin/sh\n"
	    "# a comment:x:5:5\n"
	    "+nis:x:6:6\n-other:x:7:7\n+\n\n:x:8:8::\n"
	    "zed:x:70000:1\nann:*:1000:1000:A:/home/ann:/bin/sh\n"
	    "no-number:x::9\nbad:x:12x:9\nneg:x:-1:9\nlarge:x:4294967296:9\nunset:x:4294967295:9\n"
	    "short\nshorter:x\n"
	    "\xff\xfe:x:11:11::/:\n"
	    "last:x:12:12");
	PUT(files->group, "root:x:0:\nadm:x:4:ann,zed\n");
	assert_name(users_user_name(files->users, 0, AT(10)), "root");
	assert_name(users_user_name(files->users, 1000, AT(10)), "ann");
	assert_name(users_user_name(files->users, 70000, AT(10)), "zed");
	assert_name(users_user_name(files->users, 11, AT(10)), "\xff\xfe");
	assert_name(users_user_name(files->users, 12, AT(10)), "last");
	assert_name(users_group_name(files->users, 4, AT(10)), "adm");
	for (uint32_t id = 5; id <= 9; id++)
		assert_name(users_user_name(files->users, id, AT(10)), "");
	assert_name(users_user_name(files->users, UINT32_MAX, AT(10)), "");
	assert_name(users_group_name(files->users, 1000, AT(10)), "");
}

static void test_changes(void **state)
{
	struct files *files = *state;

	/* nothing there yet */
	assert_name(users_user_name(files->users, 1, AT(1)), "");
	PUT(files->passwd, "one:x:1:1::/:\n");
	assert_name(users_user_name(files->users, 1, AT(1) + NS_PER_SEC / 2), ""); /* not looked again */
	assert_name(users_user_name(files->users, 1, AT(2)), "one");
	PUT(files->passwd, "uno:x:1:1::/:\n"); /* of the same size */
	assert_name(users_user_name(files->users, 1, AT(2) + 1), "one");
	assert_name(users_user_name(files->users, 1, AT(3)), "uno");
	/* the clock of the stream goes back */
	PUT(files->passwd, "eins:x:1:1::/:\n");
	assert_name(users_user_name(files->users, 1, AT(1)), "eins");
	/* gone, and back */
	unlink(files->passwd);
	assert_name(users_user_name(files->users, 1, AT(5)), "");
	PUT(files->passwd, "one:x:1:1::/:\n");
	assert_name(users_user_name(files->users, 1, AT(7)), "one");
}

static void test_odd_files(void **state)
{
	struct files *files = *state;
	static char zeros[100000];

	put(files->passwd, zeros, sizeof(zeros));
	assert_name(users_user_name(files->users, 0, AT(1)), "");
	PUT(files->passwd, "");
	assert_name(users_user_name(files->users, 0, AT(3)), "");
	unlink(files->passwd);
	assert_int_equal(mkdir(files->passwd, 0700), 0);
	assert_name(users_user_name(files->users, 0, AT(5)), "");
	assert_int_equal(rmdir(files->passwd), 0);
	/* a fifo without a writer must not block */
	assert_int_equal(mkfifo(files->passwd, 0600), 0);
	assert_name(users_user_name(files->users, 0, AT(7)), "");
	/* a sparse file that is too large leaves what was known */
	unlink(files->passwd);
	PUT(files->passwd, "one:x:1:1::/:\n");
	assert_name(users_user_name(files->users, 1, AT(9)), "one");
	assert_int_equal(truncate(files->passwd, (off_t)1 << 30), 0);
	assert_name(users_user_name(files->users, 1, AT(11)), "one");
}

static void test_many(void **state)
{
	struct files *files = *state;
	FILE *f = fopen(files->passwd, "w");
	char name[32];

	assert_non_null(f);
	for (unsigned i = 0; i < 50000; i++)
		fprintf(f, "user%u:x:%u:1::/home:/bin/sh\n", (i * 7919) % 50000, (i * 7919) % 50000);
	fclose(f);
	for (uint32_t i = 0; i < 50000; i += 97) {
		snprintf(name, sizeof(name), "user%u", i);
		assert_name(users_user_name(files->users, i, AT(1)), name);
	}
	assert_name(users_user_name(files->users, 50000, AT(1)), "");
}

/* Numbers that have the name, not of lines that name one once more. */
static void test_ids(void **state)
{
	struct files *files = *state;
	uint32_t ids[2] = { 0 };

	PUT(files->passwd, "root:x:0:0::/:\ntoor:x:0:0::/:\nann:x:7:7::/:\nann:x:5:5::/:\nann:x:9:9::/:\n");
	assert_int_equal(users_user_ids(files->users, SPAN("root"), AT(1), ids, 2), 1);
	assert_int_equal(ids[0], 0);
	assert_int_equal(users_user_ids(files->users, SPAN("toor"), AT(1), ids, 2), 0);
	assert_int_equal(users_user_ids(files->users, SPAN("an"), AT(1), ids, 2), 0);
	assert_int_equal(users_user_ids(files->users, SPAN("ann"), AT(1), ids, 2), 3);
	assert_int_equal(ids[0], 5);
	assert_int_equal(ids[1], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
