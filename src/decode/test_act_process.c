/* Process, driver, time and memory events. */

#include "decode/test_draft.h"

#define CALL(number, exit, args)                                                                              \
	"SYSCALL arch=c000003e syscall=" #number " success=yes exit=" #exit " " args                          \
	" items=0 ppid=10 pid=20 auid=1 uid=1000 gid=1001 euid=0 suid=2 fsuid=3 egid=4 sgid=5 fsgid=6 ses=1 " \
	"comm=\"x\" exe=\"/x\" key=\"recorder\"\n"

static void test_fork(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL(56, 77, "a0=1200011 a1=0"));
	expect_kind(&d, 0, process, fork);
	expect(&d, 0, "pid", "77");
	expect(&d, 0, "ppid", "20");
	expect(&d, 0, "uid", "1000");
	expect(&d, 0, "executable", "/x");
	decode(&d, CALL(57, 78, "a0=0"));
	expect(&d, 0, "pid", "78");
	decode(&d, CALL(58, 79, "a0=0"));
	expect(&d, 0, "pid", "79");
	/* clone3 may have made a thread: nobody can tell */
	decode(&d, CALL(435, 80, "a0=7ffd0000 a1=58"));
	expect(&d, 0, "pid", "~80");
	expect(&d, 0, "ppid", "20");
	/* a thread */
	decode(&d, CALL(56, 81, "a0=3d0f00 a1=0"));
	assert_int_equal(d.n, 0);
	/* the child's own return */
	decode(&d, CALL(56, 0, "a0=1200011 a1=0"));
	assert_int_equal(d.n, 0);
	/* s390 has the flags in its second argument */
	decode(&d,
	       "SYSCALL arch=80000016 syscall=120 success=yes exit=9 a0=0 a1=10f00 items=0 pid=1 key=(null)\n");
	assert_int_equal(d.n, 0);
	decode(&d,
	       "SYSCALL arch=80000016 syscall=120 success=yes exit=9 a0=10f00 a1=11 items=0 pid=1 key=(null)\n");
	assert_int_equal(d.n, 1);
	decoded_stop(&d);
}

static void test_exit(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       "SYSCALL arch=c000003e syscall=231 a0=102 a1=e7 a2=3c a3=7 items=0 ppid=1 pid=2 comm=\"x\" key=(null)");
	expect_kind(&d, 0, process, exit);
	expect(&d, 0, "exit_code", "2");
	expect(&d, 0, "outcome", NULL);
	expect(&d, 0, "pid", "2");
	decoded_stop(&d);
}

static void test_ids(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL(117, 0, "a0=3e8 a1=0 a2=2"));
	expect_kind(&d, 0, process, setuid);
	expect(&d, 0, "changes", "uid=1000|euid=0|suid=2|fsuid=3|");
	expect(&d, 0, "auditd_syscall", "setresuid");
	decode(&d, CALL(106, 0, "a0=3e8"));
	expect_kind(&d, 0, process, setgid);
	expect(&d, 0, "changes", "gid=1001|egid=4|sgid=5|fsgid=6|");
	decode(&d, CALL(116, 0, "a0=1"));
	expect_kind(&d, 0, process, setgid);
	expect(&d, 0, "changes", "groups|");
	decode(&d, CALL(126, 0, "a0=1") "CAPSET pid=20 cap_pi=0 cap_pp=00ff cap_pe=1 cap_pa=2\n");
	expect_kind(&d, 0, process, capset);
	expect(&d, 0, "cap_permitted", "00ff");
	expect(&d, 0, "cap_effective", "1");
	expect(&d, 0, "cap_inheritable", "0");
	expect(&d, 0, "cap_ambient", "2");
	decode(&d, CALL(272, 0, "a0=24020000"));
	expect_kind(&d, 0, process, unshare);
	expect(&d, 0, "changes", "mount namespace|uts namespace|pid namespace|");
	decode(&d, CALL(308, 0, "a0=3 a1=40000000"));
	expect_kind(&d, 0, process, setns);
	expect(&d, 0, "changes", "network namespace|");
	decode(&d, CALL(308, 0, "a0=3 a1=0"));
	expect(&d, 0, "changes", NULL);
	decoded_stop(&d);
}

static void test_targets(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       CALL(101, 0,
		    "a0=10 a1=1f4 a2=0") "OBJ_PID opid=500 oauid=0 ouid=0 oses=2 obj=u:r:t ocomm=736C 656570\n");
	expect_kind(&d, 0, process, ptrace);
	expect(&d, 0, "target_pid", "500");
	expect(&d, 0, "target_name", "sl");
	expect(&d, 0, "changes", "attach|");
	expect(&d, 0, "auditd_syscall", "ptrace");
	decode(&d, CALL(101, 0, "a0=4206 a1=1f4"));
	expect(&d, 0, "target_pid", "500");
	expect(&d, 0, "changes", "seize|");
	decode(&d, CALL(101, 0, "a0=3 a1=1f4")); /* PEEKUSR changes nothing */
	assert_int_equal(d.n, 0);
	decode(&d, CALL(311, 0, "a0=1f5"));
	expect_kind(&d, 0, process, ptrace);
	expect(&d, 0, "target_pid", "501");
	expect(&d, 0, "changes", "write memory|");
	decode(&d, CALL(310, 0, "a0=1f5"));
	expect_kind(&d, 0, process, ptrace);
	expect(&d, 0, "auditd_syscall", "process_vm_readv");
	expect(&d, 0, "target_pid", "501");
	expect(&d, 0, "changes", "read memory|");
	decode(&d, CALL(310, 0, "a0=14")); /* its own */
	assert_int_equal(d.n, 0);
	/* whose descriptor that is the record does not have */
	decode(&d, CALL(438, 4, "a0=1f5 a1=1"));
	expect_kind(&d, 0, process, ptrace);
	expect(&d, 0, "auditd_syscall", "pidfd_getfd");
	expect(&d, 0, "changes", "take descriptor|");
	expect(&d, 0, "target_pid", NULL);
	expect(&d, 0, "missing", "process.target.pid|");
	/* a signal to a group */
	decode(&d, CALL(62, 0, "a0=ffffffff a1=9") "OBJ_PID opid=5 ocomm=\"a\"\nOBJ_PID opid=6 ocomm=\"b\"\n"
						   "OBJ_PID opid=7 ocomm=\"c\"\n");
	assert_int_equal(d.n, 3);
	expect_kind(&d, 2, process, signal);
	expect(&d, 2, "target_pid", "7");
	expect(&d, 2, "target_name", "c");
	expect(&d, 2, "target_signal", "9");
	assert_int_equal(d.events[2]->origin, 293 << 8 | 2);
	decode(&d, CALL(234, 0, "a0=1f4 a1=1f6 a2=f"));
	expect_kind(&d, 0, process, signal);
	expect(&d, 0, "target_pid", "500");
	expect(&d, 0, "target_signal", "15");
	decode(&d, CALL(62, 0, "a0=ffffffff a1=9"));
	expect(&d, 0, "target_pid", NULL);
	for (unsigned i = 0; i < 4; i++) { /* 0, SIGCHLD, SIGCONT, the C library's own */
		static const char *const harmless[] = { "0", "11", "12", "21" };
		char text[512];

		snprintf(text, sizeof(text),
			 "SYSCALL arch=c000003e syscall=62 success=yes exit=0 a0=5 a1=%s items=0 pid=1",
			 harmless[i]);
		decode(&d, text);
		assert_int_equal(d.n, 0);
	}
	decoded_stop(&d);
}

static void test_many_targets(void **state)
{
	struct buffer text = { 0 };
	struct decoded d;

	decoded_start(&d, NULL);
	buffer_append_text(&text, CALL(62, 0, "a0=ffffffff a1=9"));
	for (unsigned i = 1; i <= 500; i++)
		buffer_printf(&text, "OBJ_PID opid=%u ocomm=\"a\"\n", i);
	decode_span(&d, buffer_span(&text));
	assert_int_equal(d.n, 50);
	expect(&d, 48, "truncated", NULL);
	expect(&d, 49, "truncated", "targets|");
	buffer_release(&text);
	decoded_stop(&d);
}

static void test_kernel(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       CALL(313, 0,
		    "a0=3") "KERN_MODULE name=\"dummy\"\nPATH item=0 name=(null) inode=1 nametype=PARENT\n");
	expect_kind(&d, 0, driver, load);
	expect(&d, 0, "driver_name", "dummy");
	expect(&d, 0, "driver_path", NULL);
	decode(&d, CALL(176, 0, "a0=3") "KERN_MODULE name=\"dummy\"\n");
	expect_kind(&d, 0, driver, unload);
	decode(&d, CALL(321, 5, "a0=5") "BPF prog-id=75 op=LOAD\n");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, driver, load);
	expect(&d, 0, "bpf_id", "75");
	expect(&d, 0, "code", "BPF");
	expect(&d, 0, "pid", "20");
	decode(&d, CALL(321, 5, "a0=0"));
	assert_int_equal(d.n, 0);
	decode(&d, CALL(3, 0, "a0=5") "BPF prog-id=75 op=UNLOAD\n");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, driver, unload);
	decode(&d, "BPF prog-id=76 op=UNLOAD\n");
	assert_int_equal(d.n, 1);
	expect(&d, 0, "bpf_id", "76");
	expect(&d, 0, "completeness", NULL);
	decode(&d, CALL(164, 0, "a0=1"));
	expect_kind(&d, 0, security, time_change);
	decode(&d, CALL(159, 0, "a0=1") "TIME_ADJNTPVAL op=freq old=1 new=2\nTIME_INJOFFSET sec=1 nsec=2\n");
	assert_int_equal(d.n, 2);
	expect_kind(&d, 1, security, time_change);
	expect(&d, 1, "auditd_message", "sec=1 nsec=2");
	expect(&d, 1, "outcome", "success");
	expect(&d, 0, "security_operation", "freq");
	expect(&d, 0, "pid", "20");
	decode(&d, CALL(159, 0, "a0=1"));
	assert_int_equal(d.n, 0);
	decode(&d, CALL(10, 0, "a0=1 a1=1000 a2=5"));
	expect_kind(&d, 0, security, memory_exec);
	decode(&d, CALL(10, 0, "a0=1 a1=1000 a2=3"));
	assert_int_equal(d.n, 0);
	decode(&d, CALL(9, 0, "a0=0 a1=1000 a2=7 a3=22"));
	expect_kind(&d, 0, security, memory_exec);
	expect(&d, 0, "security_operation", "map");
	decode(&d, CALL(9, 0, "a0=0 a1=1000 a2=5 a3=2") "MMAP fd=3 flags=0x2\n");
	expect_kind(&d, 0, image, load);
	expect(&d, 0, "missing", "path|");
	decode(&d, CALL(9, 0,
			"a0=0 a1=1000 a2=5 a3=2") "MMAP fd=3 flags=0x2\n"
						  "PATH item=0 name=\"/lib/x.so\" inode=9 nametype=NORMAL\n");
	expect(&d, 0, "dll_path", "/lib/x.so");
	expect(&d, 0, "dll_inode", "9");
	expect(&d, 0, "missing", NULL);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork),	     cmocka_unit_test(test_exit),
		cmocka_unit_test(test_ids),	     cmocka_unit_test(test_targets),
		cmocka_unit_test(test_many_targets), cmocka_unit_test(test_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
