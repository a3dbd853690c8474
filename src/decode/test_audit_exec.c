/* execve: arguments, programs, scripts, what is missing. */

#include "decode/test_draft.h"

#include "decode/decoder.h"

#define CALL_TEXT                                                                                                   \
	"SYSCALL arch=c000003e syscall=59 success=yes exit=0 a0=5 a1=6 a2=7 a3=8 items=2 ppid=11 pid=12 auid=1000 " \
	"uid=1 gid=2 euid=3 suid=4 fsuid=5 egid=6 sgid=7 fsgid=8 tty=pts2 ses=9 comm=\"x\" exe=\"/usr/bin/x\" "     \
	"subj=unconfined key=\"recorder\""
#define PATHS_TEXT                                                                                                \
	"\nCWD cwd=\"/home/u\"\nPATH item=0 name=\"/usr/bin/x\" inode=77 dev=fe:01 mode=0104755 ouid=3 ogid=4 "   \
	"rdev=00:00 nametype=NORMAL cap_fp=0\nPATH item=1 name=\"/lib64/ld.so\" inode=78 dev=fe:01 mode=0100755 " \
	"ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0\n"
#define NAMES_TAIL \
	"\x1d"     \
	"ARCH=x86_64 SYSCALL=execve AUID=\"alice\" UID=\"bin\" GID=\"grp\" EUID=\"sys\" SUID=\"q\" FSUID=\"r\""

static void test_exec(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL_TEXT PATHS_TEXT
	       "EXECVE argc=3 a0=\"x\" a1=\"\" a2=C3A9FF0A\nPROCTITLE proctitle=78\nEOE ");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, process, exec);
	assert_int_equal(d.events[0]->origin, 293 << 8);
	assert_int_equal(d.events[0]->time_ns, UINT64_C(1170021493977000000));
	expect(&d, 0, "code", "SYSCALL");
	expect(&d, 0, "source", "audit");
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "completeness", NULL);
	expect(&d, 0, "auditd_key", NULL);
	expect(&d, 0, "pid", "12");
	expect(&d, 0, "ppid", "11");
	expect(&d, 0, "auid", "1000");
	expect(&d, 0, "uid", "1");
	expect(&d, 0, "gid", "2");
	expect(&d, 0, "euid", "3");
	expect(&d, 0, "suid", "4");
	expect(&d, 0, "fsuid", "5");
	expect(&d, 0, "egid", "6");
	expect(&d, 0, "sgid", "7");
	expect(&d, 0, "fsgid", "8");
	expect(&d, 0, "ses", "9");
	expect(&d, 0, "tty", "pts2");
	expect(&d, 0, "name", "x");
	expect(&d, 0, "executable", "/usr/bin/x");
	expect(&d, 0, "cwd", "/home/u");
	expect(&d, 0, "subject_context", "unconfined");
	expect(&d, 0, "args", "x||\xc3\xa9\xff\n|");
	expect(&d, 0, "args_count", "3");
	expect(&d, 0, "command_line", "x  \xc3\xa9\xff\n");
	expect(&d, 0, "interpreter", NULL);
	expect(&d, 0, "exe_inode", "77");
	expect(&d, 0, "exe_device", "254:1");
	expect(&d, 0, "exe_mode", "4755");
	expect(&d, 0, "exe_uid", "3");
	expect(&d, 0, "exe_gid", "4");
	expect(&d, 0, "exe_is_setuid", "1");
	expect(&d, 0, "exe_is_memfd", "0");
	expect(&d, 0, "exe_is_deleted", "0");
	expect(&d, 0, "user_name", NULL);
	decoded_stop(&d);
}

static void test_names(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL_TEXT NAMES_TAIL PATHS_TEXT "EXECVE argc=1 a0=\"x\"\nEOE ");
	expect(&d, 0, "auid_name", "alice");
	expect(&d, 0, "user_name", "bin");
	expect(&d, 0, "group_name", "grp");
	expect(&d, 0, "euser_name", "sys");
	expect(&d, 0, "auditd_key", NULL);
	decode(&d,
	       "SYSCALL arch=c000003e syscall=59 success=yes exit=0 items=0 ppid=1 pid=2 auid=4294967295 uid=0 "
	       "ses=4294967295 tty=(none) comm=\"x\" exe=\"/x\" key=(null)\nEXECVE argc=1 a0=\"x\"");
	expect(&d, 0, "auid", "4294967295");
	expect(&d, 0, "auid_name", "unset");
	expect(&d, 0, "ses", "4294967295");
	expect(&d, 0, "tty", NULL);
	decoded_stop(&d);
}

/* Parts of an argument, each quoted or hex on its own, in records of any order. */
static void test_continued(void **state)
{
	static const char *const orders[] = {
		"EXECVE argc=4 a0=\"x\" a1_len=9 a1[0]=\"abc\"\nEXECVE  a1[1]=64FF66 a1[2]=\"ghi\" a2=\"\"\n"
		"EXECVE  a3=\"end\"\n",
		"EXECVE  a3=\"end\"\nEXECVE  a1[1]=64FF66 a1[2]=\"ghi\" a2=\"\"\n"
		"EXECVE argc=4 a0=\"x\" a1_len=9 a1[0]=\"abc\"\n",
		"EXECVE  a1[1]=64FF66 a1[2]=\"ghi\" a2=\"\"\nEXECVE  a3=\"end\"\nEXECVE  a3=\"end\"\n"
		"EXECVE argc=4 a0=\"x\" a1_len=9 a1[0]=\"abc\"\n",
	};
	struct decoded d;
	char text[2048];

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		snprintf(text, sizeof(text), "%s%s%s", CALL_TEXT, PATHS_TEXT, orders[i]);
		decode(&d, text);
		assert_int_equal(d.n, 1);
		expect(&d, 0, "args",
		       "x|abcd\xff"
		       "fghi||end|");
		expect(&d, 0, "args_count", "4");
		expect(&d, 0, "completeness", NULL);
	}
	decoded_stop(&d);
}

static void test_missing(void **state)
{
	static const struct {
		const char *records, *missing, *args, *count;
	} cases[] = {
		{ CALL_TEXT PATHS_TEXT "EXECVE argc=3 a0=\"x\" a2=\"z\"", "args|", "x|z|", "3" },
		{ CALL_TEXT PATHS_TEXT "EXECVE argc=3 a0=\"x\" a1=\"y\"", "args|", "x|y|", "3" },
		{ CALL_TEXT PATHS_TEXT "EXECVE argc=1 a0_len=6 a0[0]=\"ab\" a0[2]=\"ef\"", "args|", "abef|",
		  "1" },
		{ CALL_TEXT PATHS_TEXT "PROCTITLE proctitle=78002D6C0079", "execve|", "~x|-l|y|", NULL },
		{ CALL_TEXT PATHS_TEXT "PROCTITLE proctitle=\"x\"", "execve|", "~x|", NULL },
		{ CALL_TEXT PATHS_TEXT "EOE ", "execve|", NULL, NULL },
		{ CALL_TEXT "\nEXECVE argc=1 a0=\"x\"", "path|", "x|", "1" },
		{ "EXECVE argc=2 a0=\"x\" a1=\"y\"\nEOE ", "syscall|", "x|y|", "2" },
		{ "EXECVE a0=\"x\" a1=\"y\"\nCWD cwd=\"/\"", "syscall|", "x|y|", "2" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		decode(&d, cases[i].records);
		assert_int_equal(d.n, 1);
		expect_kind(&d, 0, process, exec);
		expect(&d, 0, "missing", cases[i].missing);
		expect(&d, 0, "completeness", "partial");
		expect(&d, 0, "args", cases[i].args);
		expect(&d, 0, "args_count", cases[i].count);
	}
	assert_int_equal(decoder_stats(d.decoder)->partial, ARRAY_SIZE(cases));
	decoded_stop(&d);
}

/* A proctitle as long as the kernel keeps is not the whole of the arguments. */
static void test_long_title(void **state)
{
	char text[2048], title[257];
	struct decoded d;

	decoded_start(&d, NULL);
	for (unsigned i = 0; i < 128; i++)
		memcpy(title + 2 * i, i % 8 == 7 ? "00" : "61", 3);
	snprintf(text, sizeof(text), CALL_TEXT PATHS_TEXT "PROCTITLE proctitle=%s", title);
	decode(&d, text);
	expect(&d, 0, "missing", "execve|args|");
	decoded_stop(&d);
}

static void test_script(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       "SYSCALL arch=c000003e syscall=59 success=yes exit=0 items=3 ppid=1 pid=2 comm=\"s\" "
	       "exe=\"/usr/bin/dash\" key=(null)\n"
	       "EXECVE argc=3 a0=\"/bin/sh\" a1=\"-e\" a2=\"./dir/../s.sh\"\nCWD cwd=\"/home/u\"\n"
	       "PATH item=0 name=\"./dir/../s.sh\" inode=5 dev=fd:02 mode=0104755 ouid=1 ogid=1 nametype=NORMAL\n"
	       "PATH item=1 name=\"/bin/sh\" inode=6 dev=fd:01 mode=0100755 ouid=0 ogid=0 nametype=NORMAL\n"
	       "PATH item=2 name=\"/lib64/ld.so\" inode=7 dev=fd:01 mode=0100755 ouid=0 ogid=0 nametype=NORMAL\n");
	assert_int_equal(d.n, 1);
	expect(&d, 0, "executable", "/usr/bin/dash");
	expect(&d, 0, "interpreter", "/home/u/s.sh");
	expect(&d, 0, "exe_inode", "6");
	expect(&d, 0, "exe_is_setuid", "0"); /* a script's bit counts for nothing */
	assert_true(file_id_is(d.events[0]->found, (struct file_id){ .device = makedev(0xfd, 2), .inode = 5, .known = true }));
	/* What was given as an argument. */
	decode(&d,
	       "SYSCALL arch=c000003e syscall=59 success=yes exit=0 items=2 pid=2 exe=\"/usr/bin/dash\" key=(null)\n"
	       "EXECVE argc=3 a0=\"sh\" a1=\"-e\" a2=\"s.sh\"\nCWD cwd=\"/home/u\"\n"
	       "PATH item=0 name=\"/usr/bin/dash\" inode=6 dev=fd:01 mode=0100755 ouid=0 ogid=0 nametype=NORMAL\n"
	       "PATH item=1 name=\"/lib64/ld.so\" inode=7 dev=fd:01 mode=0100755 nametype=NORMAL\n");
	expect(&d, 0, "interpreter", "~/home/u/s.sh");
	assert_false(d.events[0]->found.known);
	/* A program run through a symbolic link is no script. */
	decode(&d,
	       "SYSCALL arch=c000003e syscall=59 success=yes exit=0 items=2 pid=2 exe=\"/usr/bin/dash\" key=(null)\n"
	       "EXECVE argc=2 a0=\"sh\" a1=\"-c\"\nCWD cwd=\"/\"\n"
	       "PATH item=0 name=\"/bin/sh\" inode=6 dev=fd:01 mode=0100755 ouid=0 ogid=0 nametype=NORMAL\n"
	       "PATH item=1 name=\"/lib64/ld.so\" inode=7 dev=fd:01 mode=0100755 nametype=NORMAL\n");
	expect(&d, 0, "interpreter", NULL);
	expect(&d, 0, "exe_inode", "6");
	decoded_stop(&d);
}

static void test_memfd(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	/* "/memfd:evil (deleted)" */
	decode(&d, "SYSCALL arch=c000003e syscall=322 success=yes exit=0 items=1 pid=2 "
		   "exe=2F6D656D66643A6576696C202864656C6574656429 key=(null)\nEXECVE argc=1 a0=\"e\"\n"
		   "PATH item=0 name=(null) inode=1 dev=00:01 mode=0100777 nametype=NORMAL");
	assert_int_equal(d.n, 2);
	expect_kind(&d, 0, process, exec);
	expect(&d, 0, "executable", "/memfd:evil");
	expect(&d, 0, "exe_is_memfd", "1");
	expect(&d, 0, "exe_is_deleted", "0");
	expect_kind(&d, 1, security, memory_exec);
	expect(&d, 1, "security_object", "/memfd:evil");
	assert_int_equal(d.events[1]->origin, 293 << 8 | 1);
	/* "/tmp/x y (deleted)" */
	decode(&d, "SYSCALL arch=c000003e syscall=59 success=yes exit=0 items=0 pid=2 "
		   "exe=2F746D702F782079202864656C6574656429 key=(null)\nEXECVE argc=1 a0=\"e\"");
	assert_int_equal(d.n, 1);
	expect(&d, 0, "executable", "/tmp/x y");
	expect(&d, 0, "exe_is_deleted", "1");
	expect(&d, 0, "exe_is_memfd", "0");
	decoded_stop(&d);
}

static void test_capabilities(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL_TEXT PATHS_TEXT
	       "EXECVE argc=1 a0=\"x\"\nBPRM_FCAPS fver=0 fp=0 fi=0 fe=0 old_pp=1 old_pi=2 old_pe=3 old_pa=4 "
	       "pp=000001fffeffffff pi=0 pe=00000000000000c0 pa=5 frootid=0");
	expect(&d, 0, "cap_permitted", "000001fffeffffff");
	expect(&d, 0, "cap_inheritable", "0");
	expect(&d, 0, "cap_effective", "00000000000000c0");
	expect(&d, 0, "cap_ambient", "5");
	decode(&d, CALL_TEXT PATHS_TEXT
	       "EXECVE argc=1 a0=\"x\"\nBPRM_FCAPS fver=0 fp=0 fi=0 fe=0 old_pp=1 old_pi=2 "
	       "old_pe=3 new_pp=1f new_pi=2f new_pe=3f");
	expect(&d, 0, "cap_permitted", "1f");
	expect(&d, 0, "cap_effective", "3f");
	decoded_stop(&d);
}

/* A failed exec of a PATH search is no exec, unless asked for. */
static void test_failed(void **state)
{
	static const char text[] =
		"SYSCALL arch=c000003e syscall=59 success=no exit=-2 items=1 pid=2 comm=\"sh\" "
		"exe=\"/bin/dash\" key=\"k\"\nCWD cwd=\"/\"\nPATH item=0 name=\"/usr/local/bin/x\" "
		"nametype=UNKNOWN\nPROCTITLE proctitle=\"sh\"";
	static const struct decoder_options failed = { .failed_calls = true };
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, text);
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->failed_calls, 1);
	assert_int_equal(decoder_stats(d.decoder)->no_event, 0);
	decoded_stop(&d);
	decoded_start(&d, &failed);
	decode(&d, text);
	assert_int_equal(d.n, 1);
	expect(&d, 0, "outcome", "failure");
	expect(&d, 0, "error_code", "ENOENT");
	expect(&d, 0, "missing", NULL);
	expect(&d, 0, "auditd_key", "k|");
	decoded_stop(&d);
}

/* More arguments than are kept: counted, cut, said so; and the memory is given back. */
static void test_huge(void **state)
{
	struct buffer text = { 0 };
	struct decoded d;
	unsigned n = 0;

	decoded_start(&d, NULL);
	buffer_append_text(&text, CALL_TEXT PATHS_TEXT);
	for (unsigned record = 0; record < 700; record++) {
		buffer_append_text(&text, record ? "EXECVE " : "EXECVE argc=7000");
		for (unsigned i = 0; i < 10; i++, n++) {
			buffer_printf(&text, " a%u=\"", n);
			for (unsigned k = 0; k < 700; k++)
				buffer_append_byte(&text, 'b');
			buffer_append_byte(&text, '"');
		}
		buffer_append_byte(&text, '\n');
	}
	decode_span(&d, buffer_span(&text));
	assert_int_equal(d.n, 1);
	expect(&d, 0, "args_count", "7000");
	expect(&d, 0, "truncated", "args|");
	expect(&d, 0, "missing", NULL);
	assert_true(d.actors[0]->args.size <= 4u << 20);
	assert_true(d.actors[0]->args.size > (4u << 20) - 1402);
	decode(&d, CALL_TEXT PATHS_TEXT "EXECVE argc=1 a0=\"x\"");
	expect(&d, 0, "args", "x|");
	assert_true(d.decoder->actor->values.arena_capacity <= 256u << 10);
	assert_true(d.decoder->args_capacity * sizeof(*d.decoder->args) <= 256u << 10);
	buffer_release(&text);
	decoded_stop(&d);
}

/* 200 KiB in one argument, as the kernel cuts it. */
static void test_long_argument(void **state)
{
	struct buffer text = { 0 };
	struct decoded d;

	decoded_start(&d, NULL);
	buffer_append_text(&text, CALL_TEXT PATHS_TEXT "EXECVE argc=2 a0=\"x\" a1_len=409600");
	for (unsigned part = 0; part < 64; part++) {
		buffer_printf(&text, "%s a1[%u]=", part ? "EXECVE " : "", part);
		for (unsigned i = 0; i < 3200; i++)
			buffer_append_text(&text, "0A");
		buffer_append_byte(&text, '\n');
	}
	decode_span(&d, buffer_span(&text));
	assert_int_equal(d.n, 1);
	expect(&d, 0, "missing", NULL);
	expect(&d, 0, "truncated", NULL);
	assert_int_equal(d.actors[0]->args.size, 2 + 200 * 1024 + 1);
	buffer_release(&text);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),	      cmocka_unit_test(test_names),
		cmocka_unit_test(test_continued),     cmocka_unit_test(test_missing),
		cmocka_unit_test(test_long_title),    cmocka_unit_test(test_script),
		cmocka_unit_test(test_memfd),	      cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_failed),	      cmocka_unit_test(test_huge),
		cmocka_unit_test(test_long_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
