#include "daemon/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int nice_now(void)
{
	return getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
}

/* Of the session, as the kernel has it; 0: it has none. */
static int session_nice(void)
{
	FILE *file = fopen("/proc/self/autogroup", "re");
	int nice = 0;

	if (!file)
		return 0;
	if (fscanf(file, "/autogroup-%*d nice %d", &nice) != 1)
		nice = 0;
	fclose(file);
	return nice;
}

static int session_before;

static bool has_sessions(void)
{
	return access("/proc/self/autogroup", W_OK) == 0;
}

/* In a child, which has a session of its own if it is to.  What fn says: 0, or the number of the line that is not so. */
static void in_child(int (*fn)(struct pacer *pacer), bool own_session)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct pacer pacer;
		int r;

		if (own_session && setsid() < 0)
			_exit(1);
		session_before = session_nice();
		pacer_init(&pacer);
		pacer_set(&pacer, PACE_BEHIND);
		r = pacer.pace == PACE_BESIDE ? 0 : 1;
		pacer_begin(&pacer);
		r = r ? r : fn(&pacer);
		pacer_release(&pacer);
		_exit(r);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define EXPECT(condition)               \
	do {                            \
		if (!(condition))       \
			return __LINE__ & 0xff; \
	} while (0)

/* The kernel takes a change of a session in 100 ms, of all sessions together. */
static void settle(struct pacer *pacer, enum pace pace)
{
	for (unsigned i = 0; i < 50; i++) {
		pacer_set(pacer, pace);
		if (pacer->set == (int)pace)
			return;
		usleep(20000);
	}
}

static int behind_until_it_must_not(struct pacer *pacer)
{
	bool may_rise = geteuid() == 0;

	pacer_join(pacer);
	EXPECT(nice_now() == 0);
	settle(pacer, PACE_BEHIND);
	EXPECT(nice_now() == 10);
	EXPECT(!has_sessions() || session_nice() == 10);
	settle(pacer, PACE_BESIDE);
	EXPECT(nice_now() == 0 || !may_rise);
	EXPECT(session_nice() == 0);
	settle(pacer, PACE_BEHIND);
	EXPECT(nice_now() == 10);
	settle(pacer, PACE_BEFORE);
	EXPECT(nice_now() == -5 || !may_rise);
	EXPECT(session_nice() == -5 || !may_rise || !has_sessions());
	pacer_set(pacer, PACE_BEHIND);
	EXPECT(nice_now() == -5 || !may_rise);
	return 0;
}

static int not_behind_while_it_is_needed(struct pacer *pacer)
{
	pacer_join(pacer);
	pacer_need(pacer);
	pacer_set(pacer, PACE_BEHIND);
	EXPECT(nice_now() == 0);
	pacer_begin(pacer);
	pacer_set(pacer, PACE_BEHIND);
	EXPECT(nice_now() == 10);
	/* Another thread is about it: nobody waits for that. */
	pthread_mutex_lock(&pacer->lock);
	pacer_need(pacer);
	pthread_mutex_unlock(&pacer->lock);
	EXPECT(nice_now() == 10);
	pacer_need(pacer);
	EXPECT(nice_now() == 0);
	return 0;
}

static int session_of_others_stays(struct pacer *pacer)
{
	pacer_join(pacer);
	pacer_set(pacer, PACE_BEHIND);
	EXPECT(nice_now() == 10);
	EXPECT(session_nice() == session_before);
	pacer_set(pacer, PACE_BESIDE);
	EXPECT(session_nice() == session_before);
	return 0;
}

static void test_not_behind_while_it_is_needed(void **state)
{
	in_child(not_behind_while_it_is_needed, true);
}

static void test_behind_until_it_must_not(void **state)
{
	in_child(behind_until_it_must_not, true);
}

static void test_session_of_others_stays(void **state)
{
	in_child(session_of_others_stays, false);
}

static void test_without_a_pacer(void **state)
{
	int before = nice_now();

	pacer_join(NULL);
	pacer_set(NULL, PACE_BEHIND);
	pacer_need(NULL);
	assert_int_equal(nice_now(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behind_until_it_must_not),
		cmocka_unit_test(test_not_behind_while_it_is_needed),
		cmocka_unit_test(test_session_of_others_stays),
		cmocka_unit_test(test_without_a_pacer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
