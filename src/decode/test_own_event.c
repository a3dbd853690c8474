/* Our own records: forks, exits, processes of /proc, gaps, notes. */

#include "decode/test_draft.h"

#include <errno.h>

#include "event/file_version.h"

static void test_processes(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, "RECORDER_FORK pid=77 ppid=20 start_ticks=12345");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, process, fork);
	expect(&d, 0, "source", "proc");
	expect(&d, 0, "code", "FORK");
	expect(&d, 0, "pid", "77");
	expect(&d, 0, "ppid", "20");
	expect(&d, 0, "start", "123450000000"); /* ns since the host booted */
	decode(&d, "RECORDER_EXIT pid=77 status=512");
	expect_kind(&d, 0, process, exit);
	expect(&d, 0, "exit_code", "2");
	expect(&d, 0, "exit_signal", NULL);
	decode(&d, "RECORDER_EXIT pid=77 status=139"); /* SIGSEGV, core dumped */
	expect(&d, 0, "exit_code", NULL);
	expect(&d, 0, "exit_signal", "11");
	decode(&d, "RECORDER_EXIT pid=77 status=0");
	expect(&d, 0, "exit_code", "0");
	decode(&d, "RECORDER_EXIT status=0");
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->errors, 1);
	decode(&d, "RECORDER_NO_PROCESS pid=5");
	assert_int_equal(d.n, 0);
	decoded_stop(&d);
}

#define PROCESS                                                                                                    \
	"pid=9 ppid=1 start_ticks=500 uid=1 euid=2 suid=3 fsuid=4 gid=5 egid=6 sgid=7 fsgid=8 auid=4294967295 "    \
	"ses=4294967295 comm=\"a b\" exe=2F746D702F78202864656C6574656429 argc=3 args=7800FF0A0000 cwd=\"/home\" " \
	"tty=\"pts/3\" container=\"abc\" runtime=\"docker\" unit=\"x.service\" ns=\"net:7 uts:8\" groups=4,27 from=\"203.0.113.7\" "             \
	"exe_dev=2049 exe_ino=4711 exe_ctime=1700000000123456789"

static const struct file_version version = { 2049, 4711, UINT64_C(1700000000123456789) };

static void check_process(struct decoded *d)
{
	expect(d, 0, "pid", "9");
	expect(d, 0, "ppid", "1");
	expect(d, 0, "start", "5000000000");
	expect(d, 0, "uid", "1");
	expect(d, 0, "euid", "2");
	expect(d, 0, "suid", "3");
	expect(d, 0, "fsuid", "4");
	expect(d, 0, "gid", "5");
	expect(d, 0, "egid", "6");
	expect(d, 0, "sgid", "7");
	expect(d, 0, "fsgid", "8");
	expect(d, 0, "auid", "4294967295");
	expect(d, 0, "auid_name", "unset");
	expect(d, 0, "ses", "4294967295");
	expect(d, 0, "name", "a b");
	expect(d, 0, "executable", "/tmp/x");
	expect(d, 0, "args", "x|\xff\n||");
	expect(d, 0, "args_count", "3");
	expect(d, 0, "command_line", "x \xff\n ");
	expect(d, 0, "cwd", "/home");
	expect(d, 0, "tty", "pts/3");
	expect(d, 0, "container_id", "abc");
	expect(d, 0, "container_runtime", "docker");
	expect(d, 0, "unit", "x.service");
	expect(d, 0, "namespaces", "net:7 uts:8");
	expect(d, 0, "groups", "4|27|");
	expect(d, 0, "login_ip", "~203.0.113.7");
}

static void test_snapshot(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, "RECORDER_PROCESS " PROCESS);
	expect_kind(&d, 0, process, snapshot);
	check_process(&d);
	/* a kernel thread */
	decode(&d,
	       "RECORDER_PROCESS pid=2 ppid=0 start_ticks=1 comm=\"kthreadd\" exe= argc=0 args= cwd=\"/\" tty= "
	       "container= unit=");
	expect(&d, 0, "executable", NULL);
	expect(&d, 0, "args", NULL);
	expect(&d, 0, "tty", NULL);
	expect(&d, 0, "unit", NULL);
	expect(&d, 0, "args_count", "0");
	decode(&d, "RECORDER_PROCESS pid=2 from=\"here\"");
	expect(&d, 0, "login_ip", NULL);
	decode(&d, "RECORDER_PROCESS pid=2 exe=\"/usr/bin/dash\" args=7368002D7800782E7368 cwd=\"/home\"");
	expect(&d, 0, "interpreter", "~/home/x.sh");
	decoded_stop(&d);
}

static void test_gap(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       "RECORDER_GAP begin=1170021493000000001 end=1170021494000000002 class=\"all\" count=17 unit=\"records\" "
	       "exact=1 cause=\"enobufs\"");
	expect_kind(&d, 0, recorder, gap);
	expect(&d, 0, "source", "recorder");
	expect(&d, 0, "gap_begin", "1170021493000000001");
	expect(&d, 0, "gap_end", "1170021494000000002");
	expect(&d, 0, "gap_class", "all");
	expect(&d, 0, "gap_count", "17");
	expect(&d, 0, "gap_unit", "records");
	expect(&d, 0, "gap_exact", "1");
	expect(&d, 0, "gap_cause", "enobufs");
	decode(&d, "RECORDER_GAP begin=1 end=x class= cause=6120 62");
	expect(&d, 0, "gap_end", NULL);
	expect(&d, 0, "gap_count", NULL);
	expect(&d, 0, "gap_class", NULL);
	expect(&d, 0, "gap_cause", "a ");
	decode(&d, "RECORDER_NOTE action=\"start\" message=68656C6C6F2020");
	expect_kind(&d, 0, recorder, start);
	expect(&d, 0, "message", "hello  ");
	decode(&d, "RECORDER_NOTE action=health message=\"ok\"");
	expect_kind(&d, 0, recorder, health);
	decode(&d, "RECORDER_NOTE action=nonsense message=\"ok\"");
	assert_int_equal(d.n, 0);
	decode(&d, "RECORDER_NOTE message=\"ok\"");
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->errors, 2);
	decoded_stop(&d);
}

/* Without a serial the pid keeps the ids of a snapshot apart. */
static void test_origin(void **state)
{
	struct draft_record record = { RECORD_PROCESS, "pid=9 ppid=1", 12 };
	struct draft draft = { .time_ns = 5, .serial = 0, .records = &record, .n_records = 1 };
	struct decoded d;

	decoded_start(&d, NULL);
	assert_int_equal(decode_draft(d.decoder, &draft, keep, &d), 0);
	assert_int_equal(d.events[0]->origin, 9 << 8);
	decoded_stop(&d);
}

#define SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_digests(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, "RECORDER_DIGEST device=2049 inode=4711 ctime=1700000000123456789 state=ok size=3 mtime=1700000000000000000 "
		   "header=\"616263\" entropy=1584 md5=\"90015098300000000000000000000000\" sha256=\"" SHA256 "\" path=2F746D702F78");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, recorder, hash);
	expect(&d, 0, "code", "DIGEST");
	expect(&d, 0, "source", "recorder");
	expect(&d, 0, "path", "/tmp/x");
	expect(&d, 0, "inode", "4711");
	expect(&d, 0, "size", "3");
	expect(&d, 0, "mtime", "1700000000000000000");
	expect(&d, 0, "file_changed", "1700000000123456789");
	expect(&d, 0, "file_hash_state", "ok");
	expect(&d, 0, "file_entropy", "1584");
	expect(&d, 0, "file_header", "616263");
	expect(&d, 0, "file_md5", "90015098300000000000000000000000");	/* no letter in it, and yet no hex of a text */
	expect(&d, 0, "file_sha1", NULL);
	expect(&d, 0, "file_sha256", SHA256);
	assert_int_equal(d.events[0]->file_hash_id, file_version_id(&version));
	expect(&d, 0, "content", NULL);
	expect(&d, 0, "completeness", NULL);
	/* Of a script, and how it is like others. */
	decode(&d, "RECORDER_DIGEST device=2049 inode=4711 ctime=5 state=ok sha256=\"" SHA256 "\" tlsh=\"T1AB\" path=2F78 text=23210AFF cut=1");
	expect(&d, 0, "file_tlsh", "T1AB");
	expect(&d, 0, "content", "#!\n\xff");
	expect(&d, 0, "truncated", "content|");
	decode(&d, "RECORDER_DIGEST device=2049 inode=4711 ctime=5 state=ok path=2F78 untold=1");
	expect(&d, 0, "content", NULL);
	expect(&d, 0, "completeness", "partial");
	expect(&d, 0, "missing", "file.content|");
	decode(&d, "RECORDER_DIGEST device=2049 inode=4711 ctime=1700000000123456789 state=gone path=2F746D702F78");
	assert_int_equal(d.n, 1);
	expect(&d, 0, "file_hash_state", "gone");
	expect(&d, 0, "file_sha256", NULL);
	/* Of no version, or of none that could be named. */
	decode(&d, "RECORDER_DIGEST inode=4711 ctime=1700000000123456789 state=ok");
	assert_int_equal(d.n, 0);
	decode(&d, "RECORDER_DIGEST device=2049 inode=4711 ctime=soon state=ok");
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->errors, 2);
	decoded_stop(&d);
}

static void test_definitions(void **state)
{
	static const struct {
		const char *said, *kind, *unit;
		bool is_unchanged;
	} cases[] = {
		{ "act=create path=2F6574632F63726F6E2E642F78", "task_create", "x", false },
		{ "act=change path=2F6574632F63726F6E2E642F78", "task_change", "x", false },
		{ "act=delete path=2F6574632F63726F6E2E642F78", "task_delete", "x", false },
		{ "act=same path=2F6574632F63726F6E2E642F78", "task_change", "x", true },
		{ "act=create path=\"/etc/systemd/system/y.service\"", "service_create", "y.service", false },
		{ "act=change path=\"/etc/systemd/system/y.service.d/z.conf\"", "service_change", "y.service", false },
		{ "act=delete path=\"/etc/init.d/y\"", "service_delete", "y", false },
		/* What defines nothing, an act that nobody knows, nothing at all. */
		{ "act=create path=\"/etc/passwd\"", NULL, NULL, false },
		{ "act=created path=2F6574632F63726F6E2E642F78", NULL, NULL, false },
		{ "act=create", NULL, NULL, false },
		{ "path=2F6574632F63726F6E2E642F78", NULL, NULL, false },
	};
	struct decoded d;
	char line[256];

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(line, sizeof(line), "RECORDER_DEFINITION %s state=ok size=3 mtime=5 sha256=\"" SHA256 "\" text=610A62 cut=1", cases[i].said);
		decode(&d, line);
		assert_int_equal(d.n, cases[i].kind != NULL);
		if (d.n == 0)
			continue;
		assert_string_equal(kinds[d.events[0]->kind].action, cases[i].kind);
		assert_true(d.events[0]->is_found);
		assert_int_equal(d.events[0]->is_unchanged, cases[i].is_unchanged);
		expect(&d, 0, "system_unit", cases[i].unit);
		expect(&d, 0, "content", "a\nb");
		expect(&d, 0, "file_sha256", SHA256);
		expect(&d, 0, "mtime", "5");
		expect(&d, 0, "truncated", "content|");
	}
	assert_int_equal(decoder_stats(d.decoder)->errors, 4);
	decoded_stop(&d);
}

static void test_accounts(void **state)
{
	static const struct {
		const char *said, *kind, *user, *group, *id;
	} cases[] = {
		{ "act=add of=user id=7 name=616C696365 path=\"/etc/passwd\"", "user_add", "alice", NULL, "7" },
		{ "act=change of=user id=7 name=616C696365 path=\"/etc/passwd\"", "user_modify", "alice", NULL, "7" },
		{ "act=password of=user id=7 name=616C696365 path=\"/etc/shadow\"", "password_change", "alice", NULL, "7" },
		{ "act=delete of=user id=7 name=616C696365 path=\"/etc/passwd\"", "user_delete", "alice", NULL, "7" },
		{ "act=add of=group id=8 name=61646D path=\"/etc/group\"", "group_add", NULL, "adm", "8" },
		{ "act=change of=group id=8 name=61646D path=2F6574632F67736861646F77", "group_modify", NULL, "adm", "8" },
		{ "act=password of=group id=8 name=61646D path=\"/etc/group\"", "group_modify", NULL, "adm", "8" },
		{ "act=delete of=group id=8 name=61646D path=\"/etc/group\"", "group_delete", NULL, "adm", "8" },
		{ "act=change of=user path=\"/etc/passwd\"", "user_modify", NULL, NULL, NULL },
		/* Of a file that has no accounts, an act, a kind that nobody knows, nothing at all. */
		{ "act=add of=user id=7 name=616C696365 path=\"/etc/passwd-\"", NULL, NULL, NULL, NULL },
		{ "act=same of=user id=7 name=616C696365 path=\"/etc/passwd\"", NULL, NULL, NULL, NULL },
		{ "act=add of=host id=7 name=616C696365 path=\"/etc/passwd\"", NULL, NULL, NULL, NULL },
		{ "act=add id=7 name=616C696365 path=\"/etc/passwd\"", NULL, NULL, NULL, NULL },
		{ "of=user path=\"/etc/passwd\"", NULL, NULL, NULL, NULL },
		{ "act=add of=user", NULL, NULL, NULL, NULL },
	};
	struct decoded d;
	char line[256];

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(line, sizeof(line), "RECORDER_ACCOUNT %s changes=69643A20370061 cut=1", cases[i].said);
		decode(&d, line);
		assert_int_equal(d.n, cases[i].kind != NULL);
		if (d.n == 0)
			continue;
		assert_string_equal(kinds[d.events[0]->kind].action, cases[i].kind);
		assert_int_equal(event_category(d.events[0]), CATEGORY_security);
		assert_true(d.events[0]->is_found);
		expect(&d, 0, "user_target_name", cases[i].user);
		expect(&d, 0, "user_target_id", cases[i].user ? cases[i].id : NULL);
		expect(&d, 0, "group_target_name", cases[i].group);
		expect(&d, 0, "group_target_id", cases[i].group ? cases[i].id : NULL);
		expect(&d, 0, "code", "ACCOUNT");
		expect(&d, 0, "truncated", "security.changes|");
	}
	assert_int_equal(decoder_stats(d.decoder)->errors, 6);
	decode(&d, "RECORDER_ACCOUNT act=add of=user name=616C696365 changes=69643A203700686F6D653A202F00 path=\"/etc/passwd\"");
	expect(&d, 0, "security_changes", "id: 7|home: /|");
	expect(&d, 0, "truncated", NULL);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_definitions),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
