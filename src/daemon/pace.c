/* See pace.h. */

#include "daemon/pace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define READER_NICE (-5)
#define READER_SLICE_NS 100000u	/* the least there is (Documentation/scheduler/sched-eevdf.rst): it runs the sooner for it */
#define JOB_NICE 15
#define NEEDED_NS (3 * NS_PER_SEC)
#define IDLE_NICE 19

/* As sched_setattr(2) has it; the header of the kernel does not go together with those of the C library. */
struct attributes {
	uint32_t size, policy;		/* 0: SCHED_OTHER */
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static const int nice_of[] = { [PACE_BEHIND] = 10, [PACE_BESIDE] = 0, [PACE_BEFORE] = -5 };

/* 0; -EAGAIN: the kernel took another change less than 100 ms ago, of whoever. */
static int set_session_nice(int nice)
{
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC), r = 0;
	char text[16];

	if (fd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d", nice);
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

void pacer_init(struct pacer *pacer)
{
	*pacer = (struct pacer){ .has_session = getsid(0) == getpid(), .pace = PACE_BESIDE, .set = PACE_BESIDE,
				 .needed_ns = UINT64_MAX };
	pthread_mutex_init(&pacer->lock, NULL);
}

void pacer_begin(struct pacer *pacer)
{
	pthread_mutex_lock(&pacer->lock);
	pacer->needed_ns = 0;
	pthread_mutex_unlock(&pacer->lock);
}

void pacer_release(struct pacer *pacer)
{
	pthread_mutex_destroy(&pacer->lock);
}

/* Of one thread alone (Linux: the nice value belongs to the thread).  Not allowed: it works without. */
static void set_nice(pid_t thread, int nice)
{
	setpriority(PRIO_PROCESS, (id_t)thread, nice);
}

void pacer_join(struct pacer *pacer)
{
	pid_t thread = (pid_t)syscall(SYS_gettid);

	if (!pacer)
		return;
	pthread_mutex_lock(&pacer->lock);
	for (unsigned i = 0; i < PACE_THREADS; i++)
		if (pacer->threads[i] == 0) {
			pacer->threads[i] = thread;
			break;
		}
	set_nice(thread, nice_of[pacer->pace]);
	pthread_mutex_unlock(&pacer->lock);
}

static bool set_session(struct pacer *pacer, int nice)
{
	int r;

	if (!pacer->has_session || pacer->session_nice == nice)
		return true;
	r = set_session_nice(nice);
	if (r == -EPERM && nice < 0) {	/* without CAP_SYS_NICE */
		nice = 0;
		r = set_session_nice(nice);
	}
	if (r == -EAGAIN)
		return false;
	pacer->has_session = r == 0;
	pacer->session_nice = nice;
	return true;
}

static void set_all(struct pacer *pacer)
{
	int nice = nice_of[pacer->pace];
	bool all;

	for (unsigned i = 0; i < PACE_THREADS; i++)
		if (pacer->threads[i])
			set_nice(pacer->threads[i], nice);
	all = set_session(pacer, nice);
	__atomic_store_n(&pacer->set, all ? (int)pacer->pace : -1, __ATOMIC_RELAXED);
}

/* Nothing is to be done. */
static bool has_pace(const struct pacer *pacer, enum pace pace)
{
	int set = __atomic_load_n(&pacer->set, __ATOMIC_RELAXED);

	return set == (int)pace || set == PACE_BEFORE;
}

/* With the lock. */
static void take_pace(struct pacer *pacer, enum pace pace)
{
	if (pacer->pace != PACE_BEFORE && (pace != PACE_BEHIND || clock_ns(CLOCK_MONOTONIC) >= pacer->needed_ns))
		pacer->pace = pace;
	set_all(pacer);
}

void pacer_set(struct pacer *pacer, enum pace pace)
{
	if (!pacer || has_pace(pacer, pace))
		return;
	pthread_mutex_lock(&pacer->lock);
	take_pace(pacer, pace);
	pthread_mutex_unlock(&pacer->lock);
}

void pacer_need(struct pacer *pacer)
{
	/* The core, behind the load, may have the lock: whoever is late does not wait for that, but says it again when it is late again. */
	if (!pacer || pthread_mutex_trylock(&pacer->lock) != 0)
		return;
	pacer->needed_ns = MAX(pacer->needed_ns, clock_ns(CLOCK_MONOTONIC) + NEEDED_NS);
	if (!has_pace(pacer, PACE_BESIDE))
		take_pace(pacer, PACE_BESIDE);
	pthread_mutex_unlock(&pacer->lock);
}

void pace_of_reader(void)
{
	const struct attributes attributes = { .size = sizeof(attributes), .nice = READER_NICE, .runtime = READER_SLICE_NS };

	/* Kernels before 6.12 do not look at the slice. */
	if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
		set_nice((pid_t)syscall(SYS_gettid), READER_NICE);
}

void pace_of_jobs(void)
{
	set_nice((pid_t)syscall(SYS_gettid), JOB_NICE);
}

#define IO_OF_THREAD 1			/* ioprio_set(2): IOPRIO_WHO_PROCESS, and classes of priority */
#define IO_IDLE (3 << 13)
#define IO_DEFAULT 0

void pace_of_idle(pid_t thread, enum pace pace)
{
	set_nice(thread, pace == PACE_BEHIND ? IDLE_NICE : nice_of[pace]);
	(void)syscall(SYS_ioprio_set, IO_OF_THREAD, thread, pace == PACE_BEHIND ? IO_IDLE : IO_DEFAULT);
}
