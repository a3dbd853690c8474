/* A thread that is confined is refused what is not in its table, and that is named.  Each test is a process of its own: no thread gets
 * out of it again. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "daemon/confine.h"
#include "source/call_number.h"

#define MUST(condition)                                                                        \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "%d: not so: %s (%s)\n", __LINE__, #condition, strerror(errno)); \
			_exit(1);                                                              \
		}                                                                              \
	} while (0)

struct job {
	enum confined as;
	void (*work)(void);
};

static void *run_job(void *user)
{
	const struct job *job = user;

	confine_thread(job->as);
	job->work();
	return NULL;
}

/* In a child: work in a thread that is confined, then judge in one that is not. */
static void in_thread(enum confined as, void (*work)(void), void (*judge)(void))
{
	struct job job = { as, work };
	pthread_t thread;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		MUST(confine_prepare() == 0);
		MUST(pthread_create(&thread, NULL, run_job, &job) == 0);
		MUST(pthread_join(thread, NULL) == 0);
		judge();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("ended by signal %d", WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void judge_nothing(void)
{
	struct refused_call refused[N_CONFINED];

	MUST(confine_refused(refused) == 0);
}

static void run_something(void)
{
	errno = 0;
	MUST(syscall(SYS_ptrace, 0, 0, 0, 0) == -1 && errno == EPERM);
	errno = 0;
	MUST(syscall(SYS_setuid, 0) == -1 && errno == EPERM);
	errno = 0;
	MUST(syscall(SYS_setuid, 0) == -1 && errno == EPERM);
	MUST(getpid() > 0);	/* and goes on */
}

static void judge_refused(void)
{
	struct refused_call refused[N_CONFINED];

	MUST(confine_refused(refused) == 1);
	MUST(refused[0].thread == CONFINED_WRITER && refused[0].more == 3);
	MUST(strcmp(confined_name(refused[0].thread), "writer") == 0);
	MUST(strcmp(refused_call_name(&refused[0]), "setuid") == 0);
	MUST(confine_refused(refused) == 0);
	MUST(syscall(SYS_setuid, getuid()) == 0);	/* this thread is as it was */
}

static void test_refused_and_named(void **state)
{
	in_thread(CONFINED_WRITER, run_something, judge_refused);
}

static void *nothing(void *user)
{
	return user;
}

static void make_threads(void)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, nothing, NULL) == 0);
	MUST(pthread_join(thread, NULL) == 0);
}

static void send_signals(void)
{
	pid_t self = getpid(), thread = (pid_t)syscall(SYS_gettid);

	MUST(syscall(SYS_tgkill, self, thread, 0) == 0);
	errno = 0;
	MUST(syscall(SYS_tgkill, getppid(), getppid(), 0) == -1 && errno == EPERM);
}

static void judge_signals(void)
{
	struct refused_call refused[N_CONFINED];

	MUST(confine_refused(refused) == 1 && strcmp(refused_call_name(&refused[0]), "tgkill") == 0);
}

/* abort() works, and nobody else is sent anything. */
static void test_signals_to_ourselves_alone(void **state)
{
	in_thread(CONFINED_CORE, send_signals, judge_signals);
}

static void test_the_writer_makes_threads(void **state)
{
	in_thread(CONFINED_WRITER, make_threads, judge_nothing);
}

static void make_process(void)
{
#ifndef RECORDER_SANITIZED	/* a report of theirs is made by one */
	errno = 0;
	MUST(syscall(SYS_clone, 17ul, NULL, NULL, NULL, NULL) == -1 && errno == EPERM);
	errno = 0;
	MUST(execl("/bin/true", "true", (char *)NULL) == -1 && errno == EPERM);
#endif
}

static void judge_no_process(void)
{
#ifndef RECORDER_SANITIZED
	struct refused_call refused[N_CONFINED];

	MUST(confine_refused(refused) == 1 && refused[0].more == 2);
	MUST(strcmp(refused_call_name(&refused[0]), "execve") == 0);
#endif
}

static void test_no_process(void **state)
{
	in_thread(CONFINED_WRITER, make_process, judge_no_process);
	in_thread(CONFINED_CORE, make_process, judge_no_process);
}

static void map(void)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(data != MAP_FAILED);
	errno = 0;
	MUST(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EPERM);
	errno = 0;
	MUST(mprotect(data, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EPERM);
}

static void judge_map(void)
{
	struct refused_call refused[N_CONFINED];

	MUST(confine_refused(refused) == 1 && refused[0].more == 2);
	MUST(strcmp(refused_call_name(&refused[0]), "mprotect") == 0);
}

/* Nothing that can be run is made of data. */
static void test_no_code(void **state)
{
	for (enum confined as = CONFINED_NONE + 1; as < N_CONFINED; as++)
		in_thread(as, map, judge_map);
}

#ifdef __x86_64__
static void call_otherwise(void)
{
	long r;

	MUST(syscall(SYS_getuid | 0x40000000) == -1 && errno == EPERM);	/* x32 */
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");	/* i386: getpid */
	MUST(r == -EPERM || r == -ENOSYS);
}

static void judge_otherwise(void)
{
	struct refused_call refused[N_CONFINED];

	MUST(confine_refused(refused) == 1 && refused[0].more >= 1);
	if (refused[0].more == 2)	/* else this kernel has no i386 */
		MUST(refused[0].foreign && strcmp(refused_call_name(&refused[0]), "20 of another architecture") == 0);
}

static void test_other_architectures(void **state)
{
	in_thread(CONFINED_CORE, call_otherwise, judge_otherwise);
}
#endif

static void read_capabilities(void)
{
	char text[4096], *line;
	int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	MUST(fd >= 0 && n > 0);
	text[n] = 0;
	line = strstr(text, "\nSeccomp:");
	MUST(line && strncmp(line, "\nSeccomp:\t2", 11) == 0);
	line = strstr(text, "\nCapEff:");
	MUST(line);
	MUST((strtoull(line + 8, NULL, 16) & ~UINT64_C(4)) == 0);	/* CAP_DAC_READ_SEARCH at most */
	line = strstr(text, "\nCapPrm:");
	MUST(line && (strtoull(line + 8, NULL, 16) & ~UINT64_C(4)) == 0);
	close(fd);
}

static void test_capabilities(void **state)
{
	in_thread(CONFINED_WRITER, read_capabilities, judge_nothing);
	in_thread(CONFINED_JOB, read_capabilities, judge_nothing);
}

/* A line that names nothing allows nothing, and nobody would see that it was a slip. */
static void test_names(void **state)
{
	static const char *const names[] = {
#define CALL(name, threads, why) #name,
#define CALL_WITHOUT(name, threads, argument, bits, why) #name,
#define CALL_WITH(name, threads, argument, bits, why) #name,
#define CALL_TO_US(name, threads, why) #name,
#include "daemon/confine.def"
	};
	/* arm64 has none of these: what stands for them is in the table too. */
	static const char *const old[] = { "open", "stat", "lstat", "readlink", "poll", "access", "unlink", "rename", "link", "mkdir", "epoll_wait" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool is_old = false;

		for (size_t k = 0; k < ARRAY_SIZE(old); k++)
			is_old |= strcmp(names[i], old[k]) == 0;
		for (size_t k = 0; k < i; k++)
			if (strcmp(names[i], names[k]) == 0)
				fail_msg("%s stands there twice", names[i]);
		if ((!is_old && call_number(names[i], MACH_AARCH64) < 0) || call_number(names[i], MACH_86_64) < 0)
			fail_msg("no system call is called %s", names[i]);
	}
	assert_int_equal(call_number("getdents64", MACH_AARCH64), 61);
	assert_int_equal(call_number("fstat", MACH_AARCH64), 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused_and_named),
		cmocka_unit_test(test_the_writer_makes_threads),
		cmocka_unit_test(test_signals_to_ourselves_alone),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_no_code),
#ifdef __x86_64__
		cmocka_unit_test(test_other_architectures),
#endif
		cmocka_unit_test(test_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
