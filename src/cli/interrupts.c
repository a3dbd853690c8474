/* See interrupts.h. */

#include "cli/interrupts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

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

bool interrupts_wait_for(int fd)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .events = POLLIN } };
	sigset_t set;

	make_set(&set);
	fds[1].fd = signalfd(-1, &set, SFD_CLOEXEC);		/* none (-1) is not waited for */
	while (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR)
		;
	if (fds[1].fd >= 0)
		close(fds[1].fd);
	return fds[1].revents == 0;
}

void interrupts_release(void)
{
	sigset_t set;

	make_set(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
