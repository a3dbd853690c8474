/* Our own records: forks, exits, processes of /proc, gaps, notes. */

#include "decode/test_draft.h"

#include <errno.h>

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
	"tty=\"pts/3\" container=\"abc\" runtime=\"docker\" unit=\"x.service\""

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
