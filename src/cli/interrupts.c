/* See interrupts.h. */

#include "cli/interrupts.h"

#include <signal.h>

#include "base/clock.h"

static void make_set(sigset_t *ret)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(ret, numbers[i]);
}

void interrupts_hold(void)
{
	sigset_t set;

	make_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

bool interrupts_wait(uint64_t ns)
{
	const struct timespec time = clock_timespec(ns);
	sigset_t set;

	make_set(&set);
	return sigtimedwait(&set, NULL, &time) > 0;
}
