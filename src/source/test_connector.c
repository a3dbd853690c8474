#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/record.h"
#include "source/connector.h"
#include "source/own_text.h"

#define DATA (NLMSG_HDRLEN + (int)sizeof(struct cn_msg) + 16)

static const struct connector_clocks clocks = {
	.monotonic_to_real_ns = UINT64_C(1700000000000000000),
	.monotonic_to_boot_ns = 0,
};

static size_t make(char *data, uint32_t what, uint64_t time_ns, const uint32_t *words, size_t n_words)
{
	memset(data, 0, 128);
	memcpy(data + DATA - 16, &what, 4);
	memcpy(data + DATA - 8, &time_ns, 8);
	memcpy(data + DATA, words, n_words * 4);
	return (size_t)DATA + 24;
}

struct proc {
	uint64_t ticks;
	unsigned n_asked;
};

static uint64_t proc_ticks(void *user, uint32_t pid)
{
	struct proc *proc = user;

	proc->n_asked++;
	return proc->ticks;
}

static void expect(const char *data, size_t size, struct proc *proc, uint32_t type, const char *expected)
{
	char text[OWN_TEXT_MAX];
	size_t n = 0;

	assert_int_equal(connector_text(data, size, &clocks, proc_ticks, proc, text, &n), type);
	if (type) {
		assert_true(n < sizeof(text));
		text[n] = '\0';
		assert_string_equal(text, expected);
	}
}

static void test_fork(void **state)
{
	struct proc proc = { 0 };
	uint32_t words[] = { 101, 100, 200, 200 };	/* forked by a thread: the process is the parent */
	char data[128];
	size_t size = make(data, PROC_EVENT_FORK, UINT64_C(12345678901), words, 4);

	expect(data, size, &proc, RECORD_FORK,
	       "recorder(1700000012.345678901:200): pid=200 ppid=100 start_ticks=1234");
	assert_int_equal(proc.n_asked, 0);
	words[2] = 201;		/* a thread */
	size = make(data, PROC_EVENT_FORK, 1, words, 4);
	expect(data, size, &proc, 0, NULL);
}

/* The tick changed shortly before the message: /proc decides; if it cannot, the usual lag does. */
static void test_doubt(void **state)
{
	const uint32_t words[] = { 1, 1, 2, 2 };
	struct proc proc = { .ticks = 99 };
	char data[128];
	size_t size = make(data, PROC_EVENT_FORK, UINT64_C(1000100000), words, 4);

	expect(data, size, &proc, RECORD_FORK,
	       "recorder(1700000001.000100000:2): pid=2 ppid=1 start_ticks=99");
	proc.ticks = 100;
	expect(data, size, &proc, RECORD_FORK,
	       "recorder(1700000001.000100000:2): pid=2 ppid=1 start_ticks=100");
	proc.ticks = 0;		/* gone */
	expect(data, size, &proc, RECORD_FORK,
	       "recorder(1700000001.000100000:2): pid=2 ppid=1 start_ticks=100");
	proc.ticks = 5000;	/* another process has the pid now */
	expect(data, size, &proc, RECORD_FORK,
	       "recorder(1700000001.000100000:2): pid=2 ppid=1 start_ticks=100");
	assert_int_equal(proc.n_asked, 4);
	proc.ticks = 0;
	size = make(data, PROC_EVENT_FORK, UINT64_C(1000010000), words, 4);
	expect(data, size, &proc, RECORD_FORK,
	       "recorder(1700000001.000010000:2): pid=2 ppid=1 start_ticks=99");
	size = make(data, PROC_EVENT_FORK, 0, words, 4);
	expect(data, size, &proc, RECORD_FORK,
	       "recorder(1700000000.000000000:2): pid=2 ppid=1 start_ticks=0");
}

static void test_exit(void **state)
{
	uint32_t words[] = { 7, 7, 0x8b, 17, 3, 2 };
	struct proc proc = { 0 };
	char data[128];
	size_t size = make(data, PROC_EVENT_EXIT, 5, words, 6);

	expect(data, size, &proc, RECORD_EXIT, "recorder(1700000000.000000005:7): pid=7 status=139 ppid=2");
	/* Kernels before 4.18 end after the signal. */
	expect(data, size - 8, &proc, RECORD_EXIT, "recorder(1700000000.000000005:7): pid=7 status=139");
	words[0] = 8;		/* a thread */
	size = make(data, PROC_EVENT_EXIT, 5, words, 6);
	expect(data, size, &proc, 0, NULL);
}

static void test_others(void **state)
{
	const uint32_t words[] = { 7, 7, 7, 7, 7, 7 };
	struct proc proc = { 0 };
	char data[128];
	size_t size;

	for (unsigned i = 0; i < 32; i++) {
		uint32_t what = UINT32_C(1) << i;

		if (what == PROC_EVENT_FORK || what == PROC_EVENT_EXIT)
			continue;
		size = make(data, what, 5, words, 6);
		expect(data, size, &proc, 0, NULL);
	}
	size = make(data, PROC_EVENT_NONE, 5, words, 6);
	expect(data, size, &proc, 0, NULL);
}

/* Cut at every byte, largest numbers. */
static void test_cut(void **state)
{
	const uint32_t words[] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
	struct connector_clocks largest = { UINT64_MAX, UINT64_MAX };
	struct proc proc = { .ticks = UINT64_MAX };
	char data[128], text[OWN_TEXT_MAX];

	for (int kind = 0; kind < 2; kind++) {
		size_t full = make(data, kind ? PROC_EVENT_FORK : PROC_EVENT_EXIT, UINT64_MAX, words, 6);

		for (size_t size = 0; size <= full; size++) {
			char *copy = malloc(size + 1);
			size_t n = 0;

			memcpy(copy, data, size);
			connector_text(copy, size, &largest, proc_ticks, &proc, text, &n);
			assert_true(n < 160);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork),   cmocka_unit_test(test_doubt), cmocka_unit_test(test_exit),
		cmocka_unit_test(test_others), cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
