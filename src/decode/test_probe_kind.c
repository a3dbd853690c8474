/* What is said of a record without decoding it is what decoding makes of it; of what others hang on nothing is said. */

#include "decode/test_probe.h"

static struct made made;

static uint16_t plain_kind(void)
{
	_cleanup_(buffer_release) struct buffer path = { 0 };
	struct span copy = made_copy(&made);
	uint16_t kind = probe_plain_kind(copy, (struct span){ "/guarded", 9 }, &path);

	free((void *)(uintptr_t)copy.data);
	return kind;
}

/* And so does decoding. */
static void expect_plain(uint16_t kind)
{
	struct decoded d;

	assert_int_equal(plain_kind(), kind);
	decoded_start(&d, NULL);
	decode_made(&d, &made);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.events[0]->kind, kind);
	decoded_stop(&d);
}

static void make_open(const char *path, uint32_t flags, uint32_t origin)
{
	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	made.record->body.file = (struct probe_file){ .inode = 4711, .mode = 0100644, .flags = flags, .origin = origin };
	add_path(&made, FILE_PATH, path);
}

static void test_opens(void **state)
{
	make_open("/home/x/y", 0, PROBE_MOUNTS_OF_HOST);
	expect_plain(KIND_ID(file, read));
	make_open("/home/x/y", 1, PROBE_MOUNTS_OF_HOST);
	expect_plain(KIND_ID(file, write));
	make_open("/home/x/y", 01101, PROBE_MOUNTS_OF_HOST | PROBE_CREATED);
	expect_plain(KIND_ID(file, create));
	make_open("/etc/cron.d/x", 0, PROBE_MOUNTS_OF_HOST);	/* who reads changes nothing */
	expect_plain(KIND_ID(file, read));
	make_open("/", 1, 0);
	expect_plain(KIND_ID(file, write));
}

static void test_what_is_watched(void **state)
{
	static const char *const watched[] = {
		"/etc/cron.d/x", "/etc/systemd/system/x.service", "/var/spool/cron/root", "/home/u/.config/systemd/user/x.service", "/etc/passwd",
		"/etc/gshadow",
	};

	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		make_open(watched[i], 1, PROBE_MOUNTS_OF_HOST);
		assert_int_equal(plain_kind(), N_KINDS);
		make(&made, PROBE_WRITTEN, PROBE_CALL_openat);
		add_path(&made, FILE_PATH, watched[i]);
		assert_int_equal(plain_kind(), N_KINDS);
	}
	make_open("/home/x", 1, PROBE_MOUNTS(PROBE_MOUNTS_FIRST + 7));	/* the host may call it /etc/passwd */
	assert_int_equal(plain_kind(), N_KINDS);
	make_open("/home/x", 1, PROBE_MOUNTS_OF_HOST);
	made.record->head.flags |= PROBE_ELSEWHERE;
	assert_int_equal(plain_kind(), N_KINDS);
	make_open("/home/x", 1, PROBE_MOUNTS_OF_HOST);
	cut_text(&made, FILE_PATH);		/* its beginning is not there */
	assert_int_equal(plain_kind(), N_KINDS);
}

static void make_name(enum probe_call_number call, const char *folder, const char *name)
{
	make(&made, PROBE_NAME, call);
	made.record->body.call.origin = PROBE_MOUNTS_OF_HOST;
	add_path(&made, NAME_FOLDER, folder);
	add_text(&made, NAME_GIVEN, span_of(name));
}

static void test_names(void **state)
{
	make_name(PROBE_CALL_unlinkat, "/tmp", "x");
	expect_plain(KIND_ID(file, delete));
	make_name(PROBE_CALL_mkdirat, "/", "x");
	expect_plain(KIND_ID(file, create));
	make_name(PROBE_CALL_renameat2, "/tmp", "x");
	add_path(&made, NAME_FOLDER2, "/tmp/a");
	add_text(&made, NAME_GIVEN2, SPAN("y"));
	expect_plain(KIND_ID(file, rename));
	make_name(PROBE_CALL_renameat2, "/tmp", "x");
	made.record->head.flags |= PROBE_SAME_FOLDER;
	add_text(&made, NAME_GIVEN2, SPAN("y"));
	expect_plain(KIND_ID(file, rename));
	make_name(PROBE_CALL_symlinkat, "/tmp", "x");
	add_text(&made, NAME_GIVEN2, SPAN("/etc/passwd"));	/* where it leads to is not touched */
	expect_plain(KIND_ID(file, symlink));
}

static void test_names_that_may_be_watched(void **state)
{
	static const char *const names[] = { "/x", "a/x", "..", ".", "" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		make_name(PROBE_CALL_unlinkat, "/tmp", names[i]);
		assert_int_equal(plain_kind(), N_KINDS);
	}
	make_name(PROBE_CALL_unlinkat, "/etc", "passwd");
	assert_int_equal(plain_kind(), N_KINDS);
	make_name(PROBE_CALL_renameat2, "/tmp", "x");
	add_path(&made, NAME_FOLDER2, "/etc/cron.d");
	add_text(&made, NAME_GIVEN2, SPAN("y"));
	assert_int_equal(plain_kind(), N_KINDS);
	make_name(PROBE_CALL_renameat2, "/etc/cron.d", "x");
	made.record->head.flags |= PROBE_SAME_FOLDER;
	add_text(&made, NAME_GIVEN2, SPAN(".y"));
	assert_int_equal(plain_kind(), N_KINDS);
	make_name(PROBE_CALL_renameat2, "/tmp", "x");
	made.record->head.flags |= PROBE_SAME_FOLDER;
	made.record->body.call.value[4] = 2;	/* RENAME_EXCHANGE: two events */
	add_text(&made, NAME_GIVEN2, SPAN("y"));
	assert_int_equal(plain_kind(), N_KINDS);
	make_name(PROBE_CALL_fchmodat, "/tmp", "x");	/* may be a link */
	assert_int_equal(plain_kind(), N_KINDS);
}

static void test_others(void **state)
{
	static const struct {
		enum probe_type type;
		enum probe_call_number call;
		uint16_t kind;
	} cases[] = {
		{ PROBE_SOCKET, PROBE_CALL_connect, KIND_ID(network, connect) }, { PROBE_SOCKET, PROBE_CALL_accept4, KIND_ID(network, accept) },
		{ PROBE_SOCKET, 0, KIND_ID(network, disconnect) }, { PROBE_MAP, 0, KIND_ID(image, load) },
		{ PROBE_FORK, 0, N_KINDS }, { PROBE_EXEC, 0, N_KINDS }, { PROBE_EXIT, 0, N_KINDS }, { PROBE_MORE, 0, N_KINDS },
		{ PROBE_MODULE, 0, N_KINDS }, { PROBE_RAW, PROBE_CALL_openat, N_KINDS }, { PROBE_ACCESS, PROBE_CALL_openat, N_KINDS },
		{ PROBE_SIGNAL, 0, N_KINDS }, { PROBE_CALL, PROBE_CALL_setuid, N_KINDS }, { PROBE_PROGRAM, PROBE_CALL_bpf, N_KINDS },
		{ PROBE_FILE, PROBE_CALL_finit_module, N_KINDS }, { PROBE_SOCKET, PROBE_CALL_openat, N_KINDS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&made, cases[i].type, cases[i].call);
		if (cases[i].type == PROBE_MAP)
			add_path(&made, FILE_PATH, "/lib/x");
		assert_int_equal(plain_kind(), cases[i].kind);
	}
	made.size = 3;				/* no record at all */
	assert_int_equal(plain_kind(), N_KINDS);
}

/* Nothing that may never be let go of is plain. */
static void test_only_what_may_go(void **state)
{
	for (unsigned type = 1; type < N_PROBE_TYPES; type++)
		for (unsigned call = 0; call < N_PROBE_CALLS; call++) {
			uint16_t kind;

			make(&made, (enum probe_type)type, (enum probe_call_number)call);
			kind = plain_kind();
			assert_true(kind == N_KINDS || kinds[kind].shed > 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens),
		cmocka_unit_test(test_what_is_watched),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_that_may_be_watched),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_only_what_may_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
