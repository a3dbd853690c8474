/* Lines of /proc/PID/stat, in which a process gives its own name, and the list of those that run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/process_list.h"

static void reads_lines(void **state)
{
	static const struct {
		const char *stat, *name;	/* NULL: it is none */
		uint64_t start_ns;
		bool is_kernel;
	} cases[] = {
		{ "7 (sh) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 250 9 9", "sh", 2500000000u, false },
		{ "7 (a) R (b) S 1 7 7 34816 7 4194560 1 2 3 4 5 6 7 8 20 -5 1 0 1 9", "a) R (b", 10000000u, false },
		{ "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 0 0", "kthreadd", 0, true },
		{ "7 () S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 3 9", "", 30000000u, false },
		{ "7 (gone) Z 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 250 9", NULL, 0, false },
		{ "7 (sh) S 1 7 7", NULL, 0, false },
		{ "7 )sh( S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 250 9", NULL, 0, false },
		{ "x (sh) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 250 9", NULL, 0, false },
		{ "7 (sh) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 18446744073709551615 9", NULL, 0, false },
		{ "", NULL, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listed_process process = { .pid = 99 };

		assert_int_equal(process_list_read(&process, cases[i].stat), cases[i].name != NULL);
		assert_int_equal(process.pid == 99, cases[i].name == NULL);
		if (!cases[i].name)
			continue;
		assert_string_equal(process.name, cases[i].name);
		assert_int_equal(process.start_ns, cases[i].start_ns);
		assert_int_equal(process.is_kernel, cases[i].is_kernel);
	}
}

struct look {
	pid_t pid;
	unsigned n, n_found;
	uint64_t start_ns;
};

static void take(void *user, const struct listed_process *process)
{
	struct look *look = user;

	look->n++;
	if (process->pid == (uint32_t)look->pid) {
		look->n_found++;
		look->start_ns = process->start_ns;
	}
}

static void lists_what_runs(void **state)
{
	uint64_t before_ns = clock_ns(CLOCK_BOOTTIME);
	struct look look = { .pid = fork() };

	if (look.pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(process_list_each(take, &look), 0);
	assert_int_equal(look.n_found, 1);
	assert_true(look.n >= 2);
	assert_true(look.start_ns + PROCESS_TICK_NS > before_ns && look.start_ns <= clock_ns(CLOCK_BOOTTIME));
	kill(look.pid, SIGKILL);
	/* Ended, and not waited for yet. */
	assert_int_equal(waitid(P_PID, (id_t)look.pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	look.n_found = 0;
	assert_int_equal(process_list_each(take, &look), 0);
	assert_int_equal(look.n_found, 0);
	assert_int_equal(waitpid(look.pid, NULL, 0), look.pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_lines), cmocka_unit_test(lists_what_runs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
