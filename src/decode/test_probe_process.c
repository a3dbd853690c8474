/* Life and privileges of processes, drivers, memory, the clock. */

#include "decode/test_probe.h"
#include "event/file_version.h"

#define CHANGED_NS UINT64_C(1700000000123456789)
#define OF_EXE "exe_inode exe_changed exe_device exe_mode exe_uid exe_gid exe_is_memfd exe_is_deleted exe_is_setuid"

static struct made made;

static struct probe_exec *exec_body(void)
{
	return &made.record->body.exec;
}

static void make_exec(const char *path, struct span args, uint32_t argc)
{
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	*exec_body() = (struct probe_exec){
		.inode = 4711, .device = 254u << 20 | 3, .mode = 0100755, .uid = 11, .gid = 12, .changed_ns = CHANGED_NS, .argc = argc,
	};
	add_path(&made, EXEC_PATH, path);
	add_path(&made, EXEC_CWD, "/root");
	add_text(&made, EXEC_ARGS, args);
}

static void test_exec(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_exec("/usr/bin/ls", SPAN("ls\0-l\0/etc\0"), 3);
	decode_made(&d, &made);
	assert_int_equal(d.n, 1);
	expect_event(&d, process, exec, "EXEC");
	expect_members(&d, 0, "outcome code " OF_EXE);
	expect_actor(&d, 0, "hash_id executable args args_count command_line cwd");
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "executable", "/usr/bin/ls");
	expect(&d, 0, "args", "ls|-l|/etc|");
	expect(&d, 0, "args_count", "3");
	expect(&d, 0, "command_line", "ls -l /etc");
	expect(&d, 0, "cwd", "/root");
	expect(&d, 0, "exe_inode", "4711");
	expect(&d, 0, "exe_device", "254:3");
	expect(&d, 0, "exe_changed", "1700000000123456789");
	expect(&d, 0, "exe_mode", "0755");
	expect(&d, 0, "exe_uid", "11");
	expect(&d, 0, "exe_gid", "12");
	expect(&d, 0, "exe_is_memfd", "0");
	expect(&d, 0, "exe_is_deleted", "0");
	expect(&d, 0, "exe_is_setuid", "0");
	decoded_stop(&d);
}

static void test_arguments(void **state)
{
	static const struct {
		struct span bytes;
		bool is_cut;
		const char *args, *command_line;
	} cases[] = {
		{ { "a\0\0b\0\0", 6 }, false, "a||b||", "a  b " },	/* empty ones */
		{ { "\0", 1 }, false, "|", "" },
		{ { "\0\0", 2 }, false, "||", " " },
		{ { "ls", 2 }, false, "ls|", "ls" },			/* its end was written over */
		{ { "ls\0-l", 5 }, false, "ls|-l|", "ls -l" },
		{ { "ls\0-l", 5 }, true, "ls|-l|", "ls -l" },		/* it goes on */
		{ { "ls\0", 3 }, true, "ls|", "ls" },
		{ { "l", 1 }, true, "l|", "l" },
		{ { "\xff\n\0 \0", 5 }, false, "\xff\n| |", "\xff\n  " },
		{ { "", 0 }, false, NULL, NULL },
		{ { "", 0 }, true, NULL, NULL },			/* could not be read */
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_exec("/x", cases[i].bytes, 7);
		if (cases[i].is_cut)
			cut_text(&made, EXEC_ARGS);
		decode_made(&d, &made);
		expect_kind(&d, 0, process, exec);
		expect(&d, 0, "args", cases[i].args);
		expect(&d, 0, "command_line", cases[i].command_line);
		expect(&d, 0, "args_count", "7");
		expect(&d, 0, "truncated", cases[i].is_cut ? "args|" : NULL);
	}
	/* nothing at all: execve(path, NULL, NULL) before Linux 5.18 */
	make_exec("/x", SPAN(""), 0);
	decode_made(&d, &made);
	expect(&d, 0, "args_count", "0");
	expect_actor(&d, 0, "hash_id executable args_count cwd");
	decoded_stop(&d);
}

/* More than 16 bits can say: all that is left of the record. */
static void test_long_arguments(void **state)
{
	struct decoded d;
	struct span args;

	decoded_start(&d, NULL);
	make_exec("/x", SPAN(""), 2);
	memset(made.bytes + made.size, 'y', 150000);
	made.size += 150000;
	made.bytes[made.size - 1] = 0;
	made.bytes[made.size - 1000] = 0;
	decode_made(&d, &made);
	args = values_text(&d.actors[0]->values, FIELD_args);
	assert_int_equal(args.size, 150000);
	assert_int_equal(values_text(&d.actors[0]->values, FIELD_command_line).size, 149999);
	expect(&d, 0, "truncated", NULL);
	made.size--;	/* not its last NUL */
	cut_text(&made, EXEC_ARGS);
	decode_made(&d, &made);
	args = values_text(&d.actors[0]->values, FIELD_args);
	assert_int_equal(args.size, 150000);
	assert_int_equal(args.data[args.size - 1], 0);
	expect(&d, 0, "truncated", "args|");
	decoded_stop(&d);
}

static void test_where_and_what(void **state)
{
	const struct probe_root root = { .inode = 99, .mount = 30, .init = 7 };
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/usr/bin/python3");
	add_path(&made, EXEC_CWD, "/home/u");
	add_text(&made, EXEC_TTY, SPAN("pts0"));
	add_script(&made, root, "./bin/../run.py");
	add_text(&made, EXEC_ENV, SPAN("LD_PRELOAD=/tmp/x.so\0SSH_CONNECTION=1 2 3 4\0"));
	add_text(&made, EXEC_ARGS, SPAN("python3\0"));
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code " OF_EXE " env");
	expect_actor(&d, 0, "hash_id executable args args_count command_line cwd tty interpreter");
	expect(&d, 0, "executable", "/usr/bin/python3");
	expect(&d, 0, "interpreter", "/home/u/run.py");
	expect(&d, 0, "tty", "pts0");
	expect(&d, 0, "env", "LD_PRELOAD=/tmp/x.so|SSH_CONNECTION=1 2 3 4|");
	assert_true(path_root_is(d.events[0]->root, (struct path_root){ 99, 30, 7 }));
	/* the script by an absolute name, in a folder whose beginning is not known */
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/sh");
	add_path(&made, EXEC_CWD, "/c/d");
	cut_text(&made, EXEC_CWD);
	add_script(&made, root, "/etc/init.d/x");
	decode_made(&d, &made);
	expect(&d, 0, "interpreter", "/etc/init.d/x");
	expect(&d, 0, "cwd", NULL);
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/sh");
	add_path(&made, EXEC_CWD, "/c/d");
	cut_text(&made, EXEC_CWD);
	add_script(&made, root, "x");
	decode_made(&d, &made);
	expect(&d, 0, "interpreter", NULL);
	/* fexecve(3) of a script */
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/sh");
	add_path(&made, EXEC_CWD, "/");
	add_script(&made, root, "/dev/fd/3");
	decode_made(&d, &made);
	expect(&d, 0, "interpreter", "/dev/fd/3");
	expect(&d, 0, "cwd", "/");
	/* cut */
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/y/z");
	cut_text(&made, EXEC_PATH);
	add_path(&made, EXEC_CWD, "/");
	cut_text(&made, EXEC_ARGS);
	decode_made(&d, &made);
	expect(&d, 0, "executable", "/y/z");
	expect(&d, 0, "truncated", "args|process.executable|");
	/* variables that matter may be among what is lost */
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/sh");
	add_path(&made, EXEC_CWD, "/");
	cut_text(&made, EXEC_ENV);
	decode_made(&d, &made);
	expect(&d, 0, "env", NULL);
	expect(&d, 0, "truncated", "env|");
	decoded_stop(&d);
}

/* An interpreter that was told its script. */
static void test_script_by_argument(void **state)
{
	const struct probe_root root = { .mount = 30, .init = 1 };
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/usr/bin/python3.11");
	add_path(&made, EXEC_CWD, "/home/u");
	add_script(&made, root, "");
	add_text(&made, EXEC_ARGS, SPAN("python3\0-u\0../run.py\0x\0"));
	decode_made(&d, &made);
	expect(&d, 0, "interpreter", "~/home/run.py");
	assert_true(path_root_is(d.events[0]->root, (struct path_root){ 0, 30, 1 }));
	/* Its folder is not known. */
	cut_text(&made, EXEC_CWD);
	decode_made(&d, &made);
	expect(&d, 0, "interpreter", NULL);
	/* That it has a script the kernel says, but which could not be read. */
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/sh");
	add_path(&made, EXEC_CWD, "/");
	add_script(&made, root, "");
	cut_text(&made, EXEC_SCRIPT);
	add_text(&made, EXEC_ARGS, SPAN("sh\0x\0"));
	decode_made(&d, &made);
	expect(&d, 0, "interpreter", NULL);
	/* No room for any of it. */
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/sh");
	add_path(&made, EXEC_CWD, "/");
	add_text(&made, EXEC_SCRIPT, SPAN("short"));
	decode_made(&d, &made);
	expect(&d, 0, "interpreter", NULL);
	assert_int_equal(d.events[0]->root.init, 0);
	decoded_stop(&d);
}

static void test_modes_of_programs(void **state)
{
	static const struct {
		uint32_t mode;
		const char *text, *is_setuid;
	} cases[] = {
		{ 0104755, "4755", "1" }, { 0102755, "2755", "1" }, { 0106755, "6755", "1" },
		{ 0102745, "2745", "0" },	/* without the group's x it once meant locking */
		{ 0101755, "1755", "0" }, { 0100755, "0755", "0" }, { 0104000, "4000", "1" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_exec("/usr/bin/su", SPAN("su\0"), 1);
		exec_body()->mode = cases[i].mode;
		decode_made(&d, &made);
		expect(&d, 0, "exe_mode", cases[i].text);
		expect(&d, 0, "exe_is_setuid", cases[i].is_setuid);
	}
	decoded_stop(&d);
}

/* A program that has powers when it begins. */
static void test_powers(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_exec("/usr/bin/ping", SPAN("ping\0"), 1);
	exec_body()->caps[0] = 0x2000;
	exec_body()->caps[2] = UINT64_MAX;
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code " OF_EXE " cap_permitted cap_effective cap_inheritable cap_ambient");
	expect(&d, 0, "cap_permitted", "0000000000002000");
	expect(&d, 0, "cap_effective", "0");
	expect(&d, 0, "cap_inheritable", "ffffffffffffffff");
	expect(&d, 0, "cap_ambient", "0");
	/* what it may hand on is nothing that it has */
	exec_body()->caps[0] = 0;
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code " OF_EXE);
	decoded_stop(&d);
}

static void test_without_a_name(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_exec("/tmp/gone", SPAN("gone\0"), 1);
	exec_body()->is_unhashed = 1;
	decode_made(&d, &made);
	assert_int_equal(d.n, 1);
	expect(&d, 0, "exe_is_deleted", "1");
	expect(&d, 0, "exe_is_memfd", "0");
	expect(&d, 0, "executable", "/tmp/gone");

	make_exec("/memfd:payload", SPAN("[kworker]\0"), 1);
	exec_body()->is_unhashed = 1;
	exec_body()->is_internal = 1;
	decode_made(&d, &made);
	assert_int_equal(d.n, 2);
	expect_event(&d, process, exec, "EXEC");
	expect(&d, 0, "exe_is_memfd", "1");
	expect(&d, 0, "exe_is_deleted", "0");
	expect(&d, 0, "executable", "/memfd:payload");
	expect_kind(&d, 1, security, memory_exec);
	expect_members(&d, 1, "outcome code auditd_syscall security_object");
	expect(&d, 1, "code", "EXEC");
	expect(&d, 1, "outcome", "success");
	expect(&d, 1, "source", "ebpf");
	expect(&d, 1, "auditd_syscall", "execve");
	expect(&d, 1, "security_object", "/memfd:payload");
	expect_actor(&d, 1, "hash_id executable args args_count command_line cwd");
	assert_int_equal(d.events[1]->origin, d.events[0]->origin + (1 << 16));
	decoded_stop(&d);
}

static void test_exit(void **state)
{
	static const struct {
		uint64_t status;
		const char *code, *signal;
	} cases[] = {
		{ 0, "0", NULL }, { 0x100, "1", NULL }, { 0xff00, "255", NULL }, { 9, NULL, "9" },
		{ 0x8b, NULL, "11" },	/* SIGSEGV, core dumped */
		{ 15, NULL, "15" }, { UINT64_C(0xffffffff00000200), "2", NULL }, { 0xffffffff, NULL, "127" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&made, PROBE_EXIT, PROBE_CALL_NONE);
		made.record->body.call.value[0] = cases[i].status;
		decode_made(&d, &made);
		expect_event(&d, process, exit, "EXIT");
		expect_members(&d, 0, cases[i].code ? "code duration exit_code" : "code duration exit_signal");
		assert_int_equal(d.events[0]->duration, MADE_BOOT_NS - made.record->head.start_ns);
		expect_actor(&d, 0, "");
		expect(&d, 0, "exit_code", cases[i].code);
		expect(&d, 0, "exit_signal", cases[i].signal);
	}
	/* a record that somebody made */
	made.record->head.start_ns = made.record->head.time_ns + 1;
	decode_made(&d, &made);
	expect_members(&d, 0, "code exit_signal");
	decoded_stop(&d);
}

static void test_fork_and_signal(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	decode_made(&d, &made);
	expect_event(&d, process, fork, "FORK");
	expect_members(&d, 0, "code");
	expect_actor(&d, 0, "");
	make(&made, PROBE_SIGNAL, PROBE_CALL_NONE);
	made.record->body.call.value[0] = 9;
	made.record->body.call.value[1] = 77;
	decode_made(&d, &made);
	expect_event(&d, process, signal, "SIGNAL");
	expect_members(&d, 0, "outcome code target_pid target_signal");
	expect_actor(&d, 0, "");
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "target_pid", "77");
	expect(&d, 0, "target_signal", "9");
	decoded_stop(&d);
}

static void make_call(enum probe_call_number call)
{
	make(&made, PROBE_CALL, call);
}

static void set_argument(unsigned n, uint64_t value)
{
	made.record->body.call.value[n] = value;
}

static void test_identities(void **state)
{
	static const struct {
		enum probe_call_number call;
		const char *name, *changes;
	} users[] = {
#define USERS(call) { PROBE_CALL_##call, #call, "uid=1|euid=2|suid=3|fsuid=4|" }
		USERS(setuid), USERS(setreuid), USERS(setresuid), USERS(setuid32), USERS(setreuid32), USERS(setresuid32),
	}, groups[] = {
#define GROUPS(call) { PROBE_CALL_##call, #call, "gid=5|egid=6|sgid=7|fsgid=8|" }
		GROUPS(setgid), GROUPS(setregid), GROUPS(setresgid), GROUPS(setgid32), GROUPS(setregid32),
		GROUPS(setresgid32), { PROBE_CALL_setgroups, "setgroups", "groups|" },
		{ PROBE_CALL_setgroups32, "setgroups32", "groups|" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		make_call(users[i].call);
		decode_made(&d, &made);
		expect_event(&d, process, setuid, "CALL");
		expect_members(&d, 0, "outcome code auditd_syscall changes");
		expect_actor(&d, 0, "");
		expect(&d, 0, "outcome", "success");
		expect(&d, 0, "auditd_syscall", users[i].name);
		expect(&d, 0, "changes", users[i].changes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		make_call(groups[i].call);
		decode_made(&d, &made);
		expect_event(&d, process, setgid, "CALL");
		expect_members(&d, 0, "outcome code auditd_syscall changes");
		expect(&d, 0, "auditd_syscall", groups[i].name);
		expect(&d, 0, "changes", groups[i].changes);
	}
	make_call(PROBE_CALL_setuid);
	made.record->head.uid = UINT32_MAX;
	decode_made(&d, &made);
	expect(&d, 0, "changes", "uid=4294967295|euid=2|suid=3|fsuid=4|");
	decoded_stop(&d);
}

static void test_capabilities(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_call(PROBE_CALL_capset);
	set_argument(0, UINT64_C(0x1ffffffffff));
	set_argument(1, 0x3000);
	set_argument(2, 0);
	set_argument(3, UINT64_MAX);
	decode_made(&d, &made);
	expect_event(&d, process, capset, "CALL");
	expect_members(&d, 0, "outcome code cap_permitted cap_effective cap_inheritable cap_ambient");
	expect_actor(&d, 0, "");
	expect(&d, 0, "cap_permitted", "000001ffffffffff");
	expect(&d, 0, "cap_effective", "0000000000003000");
	expect(&d, 0, "cap_inheritable", "0");
	expect(&d, 0, "cap_ambient", "ffffffffffffffff");
	decoded_stop(&d);
}

static void test_namespaces(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_call(PROBE_CALL_setns);
	set_argument(0, 0x20000000);
	set_argument(1, 0x40000000);
	decode_made(&d, &made);
	expect_event(&d, process, setns, "CALL");
	expect_members(&d, 0, "outcome code changes");
	expect_actor(&d, 0, "");
	expect(&d, 0, "changes", "network namespace|");
	set_argument(1, 0);	/* whatever the descriptor is of */
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code");
	make_call(PROBE_CALL_unshare);
	set_argument(0, 0x10020000);
	set_argument(1, 0x40000000);
	decode_made(&d, &made);
	expect_event(&d, process, unshare, "CALL");
	expect(&d, 0, "changes", "mount namespace|user namespace|");
	set_argument(0, UINT64_C(0xffffffff00000000));
	decode_made(&d, &made);
	expect(&d, 0, "changes", NULL);
	decoded_stop(&d);
}

static void test_ptrace(void **state)
{
	static const struct {
		uint64_t request;
		const char *changes;
	} cases[] = {
		{ 4, "poke|" }, { 5, "poke|" }, { 6, "poke|" }, { 13, "set registers|" }, { 15, "set registers|" },
		{ 16, "attach|" }, { 0x4205, "set registers|" }, { 0x4206, "seize|" }, { UINT64_C(0x900000010), "attach|" },
		{ 77, NULL },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_call(PROBE_CALL_ptrace);
		set_argument(0, cases[i].request);
		set_argument(1, 77);
		decode_made(&d, &made);
		expect_event(&d, process, ptrace, "CALL");
		expect_members(&d, 0, cases[i].changes ? "outcome code auditd_syscall changes target_pid" :
							 "outcome code auditd_syscall target_pid");
		expect_actor(&d, 0, "");
		expect(&d, 0, "auditd_syscall", "ptrace");
		expect(&d, 0, "changes", cases[i].changes);
		expect(&d, 0, "target_pid", "77");
	}
	/* The number is of the caller's pid namespace: not one that anybody else knows. */
	made.record->head.ns_pid = 5;
	decode_made(&d, &made);
	expect(&d, 0, "target_pid", NULL);
	make_call(PROBE_CALL_ptrace);
	set_argument(0, 16);
	set_argument(1, (uint64_t)(int64_t)-1);
	decode_made(&d, &made);
	expect(&d, 0, "target_pid", NULL);
	set_argument(1, 0);
	decode_made(&d, &made);
	expect(&d, 0, "target_pid", NULL);
	make_call(PROBE_CALL_process_vm_writev);
	set_argument(0, 77);
	set_argument(1, 16);
	decode_made(&d, &made);
	expect_event(&d, process, ptrace, "CALL");
	expect(&d, 0, "auditd_syscall", "process_vm_writev");
	expect(&d, 0, "changes", "write memory|");
	expect(&d, 0, "target_pid", "77");
	make_call(PROBE_CALL_process_vm_readv);
	set_argument(0, 77);
	decode_made(&d, &made);
	expect_event(&d, process, ptrace, "CALL");
	expect_members(&d, 0, "outcome code auditd_syscall changes target_pid");
	expect(&d, 0, "auditd_syscall", "process_vm_readv");
	expect(&d, 0, "changes", "read memory|");
	decoded_stop(&d);
}

/* The kernel's programs followed the descriptor: the number is the kernel's own. */
static void test_pidfd(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_call(PROBE_CALL_pidfd_getfd);
	set_argument(0, 5);
	set_argument(1, 6);
	set_argument(3, 77);
	made.record->head.ns_pid = 5;
	decode_made(&d, &made);
	expect_event(&d, process, ptrace, "CALL");
	expect_members(&d, 0, "outcome code auditd_syscall changes target_pid");
	expect_actor(&d, 0, "");
	expect(&d, 0, "auditd_syscall", "pidfd_getfd");
	expect(&d, 0, "changes", "take descriptor|");
	expect(&d, 0, "target_pid", "77");
	set_argument(3, 0);
	decode_made(&d, &made);
	expect(&d, 0, "target_pid", NULL);
	expect(&d, 0, "missing", "process.target.pid|");
	expect(&d, 0, "completeness", "partial");
	decoded_stop(&d);
}

static void test_access(void **state)
{
	static const struct {
		uint64_t flags;
		const char *changes;
	} cases[] = {
		{ 0, "read memory|" }, { 02000001, "write memory|" }, { 2, "read memory|write memory|" },
		/* What the kernel takes for neither asks for the rights of both (open(2)). */
		{ 3, "read memory|write memory|" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&made, PROBE_ACCESS, PROBE_CALL_openat2);
		set_argument(0, 77);
		set_argument(1, cases[i].flags);
		decode_made(&d, &made);
		expect_event(&d, process, ptrace, "CALL");
		expect_members(&d, 0, "outcome code auditd_syscall changes target_pid");
		expect_actor(&d, 0, "");
		expect(&d, 0, "auditd_syscall", "openat2");
		expect(&d, 0, "changes", cases[i].changes);
		expect(&d, 0, "target_pid", "77");
	}
	/* A capture may say any number. */
	set_argument(0, UINT32_MAX);
	decode_made(&d, &made);
	expect(&d, 0, "target_pid", NULL);
	expect(&d, 0, "missing", "process.target.pid|");
	decoded_stop(&d);
}

static void test_memory_and_clock(void **state)
{
	static const struct {
		enum probe_call_number call;
		const char *name, *operation;
	} memory[] = {
		{ PROBE_CALL_mprotect, "mprotect", "protect" }, { PROBE_CALL_pkey_mprotect, "pkey_mprotect", "protect" },
		{ PROBE_CALL_mmap, "mmap", "map" }, { PROBE_CALL_mmap2, "mmap2", "map" },
	};
	static const struct {
		enum probe_call_number call;
		const char *name;
	} clocks[] = {
		{ PROBE_CALL_settimeofday, "settimeofday" }, { PROBE_CALL_clock_settime, "clock_settime" },
		{ PROBE_CALL_stime, "stime" }, { PROBE_CALL_clock_settime64, "clock_settime64" },
		{ PROBE_CALL_adjtimex, "adjtimex" }, { PROBE_CALL_clock_adjtime, "clock_adjtime" },
		{ PROBE_CALL_clock_adjtime64, "clock_adjtime64" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
		make_call(memory[i].call);
		set_argument(2, 7);
		decode_made(&d, &made);
		expect_event(&d, security, memory_exec, "CALL");
		expect_members(&d, 0, "outcome code auditd_syscall security_operation");
		expect_actor(&d, 0, "");
		expect(&d, 0, "auditd_syscall", memory[i].name);
		expect(&d, 0, "security_operation", memory[i].operation);
	}
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		make_call(clocks[i].call);
		decode_made(&d, &made);
		expect_event(&d, security, time_change, "CALL");
		expect_members(&d, 0, "outcome code auditd_syscall security_subsystem");
		expect(&d, 0, "auditd_syscall", clocks[i].name);
		expect(&d, 0, "security_subsystem", "time");
	}
	/* a clock of a process, or a device's */
	make_call(PROBE_CALL_clock_settime);
	set_argument(0, (uint64_t)(int64_t)-77);
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	make_call(PROBE_CALL_clock_adjtime);
	set_argument(0, (uint64_t)(int64_t)-77);
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->no_event, 2);
	assert_int_equal(decoder_stats(d.decoder)->errors, 0);
	decoded_stop(&d);
}

static void test_modules(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_MODULE, PROBE_CALL_NONE);
	set_argument(0, 1);
	add_text(&made, 0, SPAN("nf_tables"));
	decode_made(&d, &made);
	expect_event(&d, driver, load, "MODULE");
	expect_members(&d, 0, "outcome code driver_name");
	expect_actor(&d, 0, "");
	expect(&d, 0, "driver_name", "nf_tables");
	set_argument(0, 0);
	decode_made(&d, &made);
	expect_event(&d, driver, unload, "MODULE");
	expect(&d, 0, "driver_name", "nf_tables");
	make(&made, PROBE_NAME, PROBE_CALL_delete_module);
	add_text(&made, NAME_GIVEN2, SPAN("nf_tables"));
	decode_made(&d, &made);
	expect_event(&d, driver, unload, "CALL");
	expect_members(&d, 0, "outcome code auditd_syscall driver_name");
	expect_actor(&d, 0, "");
	expect(&d, 0, "auditd_syscall", "delete_module");
	expect(&d, 0, "driver_name", "nf_tables");
	make(&made, PROBE_NAME, PROBE_CALL_delete_module);
	cut_text(&made, NAME_GIVEN2);
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code auditd_syscall completeness missing");
	expect(&d, 0, "missing", "driver.name|");
	make_call(PROBE_CALL_init_module);
	decode_made(&d, &made);
	expect_event(&d, driver, load, "CALL");
	expect(&d, 0, "auditd_syscall", "init_module");
	expect(&d, 0, "missing", "driver.path|");	/* it came of no file */
	expect(&d, 0, "driver_name", "nf_tables");	/* the kernel said so before, of this thread */
	/* Its file was closed already. */
	make_call(PROBE_CALL_finit_module);
	decode_made(&d, &made);
	expect_event(&d, driver, load, "CALL");
	expect_members(&d, 0, "outcome code auditd_syscall completeness missing");
	expect(&d, 0, "auditd_syscall", "finit_module");
	expect(&d, 0, "missing", "driver.path|");
	decoded_stop(&d);
}

static void test_module_of_a_file(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_MODULE, PROBE_CALL_NONE);
	set_argument(0, 1);
	add_text(&made, 0, SPAN("nf_tables"));
	decode_made(&d, &made);
	make(&made, PROBE_FILE, PROBE_CALL_finit_module);
	made.record->body.file = (struct probe_file){ .inode = 77, .device = 8 << 20 | 1, .changed_ns = 5 };
	add_path(&made, FILE_PATH, "/lib/modules/nf_tables.ko");
	decode_made(&d, &made);
	expect_event(&d, driver, load, "CALL");
	expect_members(&d, 0, "outcome code auditd_syscall driver_name driver_path driver_hash_id");
	expect(&d, 0, "driver_name", "nf_tables");
	expect(&d, 0, "driver_path", "/lib/modules/nf_tables.ko");
	assert_int_equal(d.events[0]->driver_hash_id, file_version_id(&(struct file_version){ makedev(8, 1), 77, 5 }));
	assert_true(d.events[0]->found.known && d.events[0]->found.inode == 77 && d.events[0]->found.changed_ns == 5);
	/* Another thread's, or another one. */
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code auditd_syscall driver_path driver_hash_id");
	decoded_stop(&d);
}

static void test_programs(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_PROGRAM, PROBE_CALL_bpf);
	made.record->body.program = (struct probe_program){ .id = 5, .type = 2, .name = "on_exec" };
	memcpy(&made.record->body.program.tag, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	decode_made(&d, &made);
	expect_event(&d, driver, load, "CALL");
	expect_members(&d, 0, "outcome code auditd_syscall bpf_name bpf_type bpf_id bpf_tag");
	expect_actor(&d, 0, "");
	expect(&d, 0, "auditd_syscall", "bpf");
	expect(&d, 0, "bpf_id", "5");
	expect(&d, 0, "bpf_name", "on_exec");
	expect(&d, 0, "bpf_type", "kprobe");
	expect(&d, 0, "bpf_tag", "0123456789abcdef");	/* as `bpftool prog` has it */
	made.record->body.program.type = 32;
	memset(made.record->body.program.name, 'n', 16);
	decode_made(&d, &made);
	expect(&d, 0, "bpf_type", "netfilter");
	expect(&d, 0, "bpf_name", "nnnnnnnnnnnnnnnn");
	made.record->body.program.type = 33;
	memset(made.record->body.program.name, 0, 16);
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code auditd_syscall bpf_id bpf_tag");
	decoded_stop(&d);
}

static void tell_namespaces(uint64_t a, uint64_t b)
{
	made.record->head.flags |= PROBE_NAMESPACES;
	made.record->body.call.value[PROBE_NAMESPACES_AT] = a;
	made.record->body.call.value[PROBE_NAMESPACES_AT + 3] = b;
}

/* Told of a child that was born into others than its parent's, and of who changes them. */
static void test_namespaces_of_processes(void **state)
{
	static const uint64_t namespaces[] = { 7, 0, 0, UINT64_C(8) << 32 };
	char script[sizeof(struct probe_root) + sizeof(namespaces) + 3];
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	decode_made(&d, &made);
	expect(&d, 0, "namespaces", NULL);
	tell_namespaces(0, 0);
	decode_made(&d, &made);
	expect(&d, 0, "namespaces", "host");
	tell_namespaces(UINT64_C(4026532204) << 32 | 4026532201, UINT64_C(4026532209) << 32);
	decode_made(&d, &made);
	expect(&d, 0, "namespaces", "mnt:4026532201 net:4026532204 time:4026532209");
	make(&made, PROBE_CALL, PROBE_CALL_unshare);
	made.record->body.call.value[0] = 0x40000000;
	tell_namespaces(UINT64_C(4026532204) << 32, 0);
	decode_made(&d, &made);
	expect_kind(&d, 0, process, unshare);
	expect(&d, 0, "namespaces", "net:4026532204");
	/* a thread */
	make(&made, PROBE_CALL, PROBE_CALL_setns);
	decode_made(&d, &made);
	expect(&d, 0, "namespaces", NULL);
	/* between the root and the script of an exec */
	for (size_t size = 0; size <= sizeof(script); size++) {
		bool has_all = size >= sizeof(struct probe_root) + sizeof(namespaces);

		memset(script, 0, sizeof(script));
		memcpy(script + sizeof(struct probe_root), namespaces, sizeof(namespaces));
		memcpy(script + sizeof(script) - 3, "run", 3);
		make(&made, PROBE_EXEC, PROBE_CALL_NONE);
		made.record->head.flags |= PROBE_NAMESPACES;
		add_path(&made, EXEC_PATH, "/x");
		add_path(&made, EXEC_CWD, "/root");
		add_text(&made, EXEC_SCRIPT, (struct span){ script, size });
		decode_made(&d, &made);
		expect_kind(&d, 0, process, exec);
		expect(&d, 0, "namespaces", has_all ? "mnt:7 time:8" : NULL);
		if (size == sizeof(script) || !has_all)
			expect(&d, 0, "interpreter", has_all ? "/root/run" : NULL);
	}
	decoded_stop(&d);
}

/* Told with what is run and by who changes them, if somebody wants to know. */
static void test_groups(void **state)
{
	static const uint32_t ids[] = { 4, 4294967294 };
	struct decoded d;
	char text[16];

	decoded_start(&d, NULL);
	make_exec("/x", SPAN("x\0"), 1);
	decode_made(&d, &made);
	expect(&d, 0, "groups", NULL);
	memcpy(text, "pts3", 5);
	memcpy(text + 5, ids, sizeof(ids));
	for (unsigned i = 0; i < 4; i++) {
		static const char *const expected[] = { "4|4294967294|", "4|", "", NULL };

		make(&made, PROBE_EXEC, PROBE_CALL_NONE);
		add_path(&made, EXEC_PATH, "/x");
		add_path(&made, EXEC_CWD, "/root");
		add_text(&made, EXEC_TTY, (struct span){ text, 13 - 4 * i });
		decode_made(&d, &made);
		expect(&d, 0, "groups", expected[i]);
		if (i < 3)
			expect(&d, 0, "tty", "pts3");
		expect(&d, 0, "truncated", NULL);
	}
	make(&made, PROBE_CALL, PROBE_CALL_setgroups);
	decode_made(&d, &made);
	expect(&d, 0, "groups", NULL);
	add_text(&made, 0, (struct span){ text + 4, 9 });
	decode_made(&d, &made);
	expect_kind(&d, 0, process, setgid);
	expect(&d, 0, "groups", "4|4294967294|");
	expect(&d, 0, "truncated", NULL);
	cut_text(&made, 0);
	decode_made(&d, &made);
	expect(&d, 0, "truncated", "process.supplemental_groups.id|");
	assert_true(values_is_inferred(&d.actors[0]->values, FIELD_groups));
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec), cmocka_unit_test(test_namespaces_of_processes), cmocka_unit_test(test_groups),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_long_arguments),
		cmocka_unit_test(test_where_and_what),
		cmocka_unit_test(test_script_by_argument),
		cmocka_unit_test(test_modes_of_programs),
		cmocka_unit_test(test_powers),
		cmocka_unit_test(test_without_a_name),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_fork_and_signal),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_ptrace),
		cmocka_unit_test(test_pidfd),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_memory_and_clock),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_module_of_a_file),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
