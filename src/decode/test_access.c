/* What is done to a process, and which files are more than files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "decode/access.h"

static void test_words(void **state)
{
	assert_true(span_eq(access_of_request(16), SPAN("attach")));
	/* The upper half of a register is not the program's. */
	assert_true(span_eq(access_of_request(UINT64_C(0x900004206)), SPAN("seize")));
	assert_null(access_of_request(3).data);	/* PEEKUSR */
	assert_null(access_of_request(0).data);
	assert_true(span_eq(access_of_call("process_vm_readv"), SPAN("read memory")));
	assert_true(span_eq(access_of_call("process_vm_writev"), SPAN("write memory")));
	assert_true(span_eq(access_of_call("pidfd_getfd"), SPAN("take descriptor")));
	assert_null(access_of_call("ptrace").data);
	assert_null(access_of_call(NULL).data);
}

static void test_memory(void **state)
{
	static const struct {
		const char *path;
		uint32_t pid;
	} memory[] = {
		{ "/proc/1/mem", 1 },
		{ "/proc/2147483647/mem", 2147483647 },
		{ "/proc/17/task/18/mem", 17 },
		{ "/proc/self/mem", 0 },
		{ "/proc/thread-self/mem", 0 },
		{ "/proc/self/task/18/mem", 0 },
	};
	static const char *const others[] = {
		"", "/", "/proc", "/proc/", "/proc/mem", "/proc//mem", "/proc/0/mem", "/proc/2147483648/mem",
		"/proc/99999999999999999999/mem", "/proc/1/maps", "/proc/1/mem/", "/proc/1/mem/x", "/proc/1x/mem", "/proc/-1/mem",
		"/proc/1/fd/mem", "/proc/1/task/mem", "/proc/1/task/2/fd/mem", "/proc/1/task/2/task/3/mem", "/proc/sys/mem",
		"/srv/proc/1/mem", "/procs/1/mem", "/dev/mem", "mem",
	};
	uint32_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
		pid = 77;
		if (!access_is_memory(span_of(memory[i].path), &pid) || pid != memory[i].pid)
			fail_msg("%s: pid %u", memory[i].path, pid);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (access_is_memory(span_of(others[i]), &pid))
			fail_msg("%s is no memory", others[i]);
	assert_false(access_is_memory((struct span){ NULL, 0 }, &pid));
}

static void test_raw(void **state)
{
	const struct span path = SPAN("/x"), kcore = SPAN("/proc/kcore"), none = { NULL, 0 };

	assert_true(access_is_raw(0060660, makedev(8, 0), path));
	assert_true(access_is_raw(0060000, 0, none));
	assert_true(access_is_raw(0020640, makedev(1, 1), path));
	assert_true(access_is_raw(0020640, makedev(1, 2), path));
	assert_true(access_is_raw(0020640, makedev(1, 4), path));
	assert_false(access_is_raw(0020666, makedev(1, 3), SPAN("/dev/null")));
	assert_false(access_is_raw(0020666, makedev(5, 1), path));
	assert_false(access_is_raw(0020666, makedev(257, 1), path));
	assert_true(access_is_raw(0100400, 0, kcore));
	assert_false(access_is_raw(0100400, 0, path));
	/* A file that stands for no device may say any number. */
	assert_false(access_is_raw(0100400, makedev(1, 1), path));
	assert_false(access_is_raw(0040755, 0, kcore));
	assert_false(access_is_raw(0, makedev(1, 1), path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
