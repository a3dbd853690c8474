/* What the daemon is to whoever runs it as a service: ready when it records, alive while its threads are, reloading, stopping,
 * and gone in time. */

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/daemon.h"

/* The core has three seconds (DRAIN_NS), what it made of them has the rest.  With a disk that hangs that is not enough: then what
 * is not stored is told by the next start, as of a recorder that died. */
#define END_MS 4700

void daemon_service_open(struct daemon *d)
{
	int r = notify_open(&d->notify);

	if (r < 0)
		log_errno(r, "Failed to reach the service manager at NOTIFY_SOCKET, which will not know when recording begins");
}

/* The sign of life is that of all threads: a recorder that has one stuck is started anew by the service manager. */
static void on_alive(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	struct pulse pulses[WATCHDOG_THREADS] = { { .name = "reader" } };
	const char *stuck;

	if (d->reader)	/* else nobody subscribed */
		reader_pulse(d->reader, &pulses[0]);
	core_pulse(d->core, &pulses[1]);
	writer_pulse(d->writer, &pulses[2]);
	stuck = watchdog_look(&d->watchdog, pulses);
	if (stuck)
		log_error("The %s has work and has not moved for %llu ms: the service manager gets no sign of life", stuck,
			  (unsigned long long)uv_timer_get_repeat(timer));
	else
		notify_send(&d->notify, "WATCHDOG=1");
}

void daemon_service_ready(struct daemon *d)
{
	uint64_t interval_ms = d->notify.watchdog_ns / 4 / NS_PER_MS;

	daemon_service_tick(d);
	notify_send(&d->notify, "READY=1");
	if (interval_ms == 0)
		return;
	uv_timer_init(&d->loop, &d->alive);
	d->alive.data = d;
	uv_timer_start(&d->alive, on_alive, 0, interval_ms);
}

void daemon_service_tick(struct daemon *d)
{
	const char *state = d->subscriptions.n == 0 ? "Idle" : daemon_is_suspended(d) ? "Suspended" :
			    health_worst(&d->health) == HEALTH_FAIL ? "Degraded" : "Recording";

	notify_status(&d->notify, "%s with %s, %zu subscription%s%s%s", state,
		      d->source ? d->source_ops->mode(d->source) : "nothing",
		      d->subscriptions.n, d->subscriptions.n == 1 ? "" : "s", *d->conf.refused.message ? "; settings refused: " : "",
		      d->conf.refused.message);
}

void daemon_service_reload(struct daemon *d)
{
	notify_reloading(&d->notify);
	conf_reload(&d->conf);
	daemon_service_tick(d);
	notify_send(&d->notify, "READY=1");
}

/* In a signal handler: nothing may be asked of a program that hangs.  The kernel's rules were the first to go. */
static void on_end(int number)
{
	static const char text[] = "recorder: The stop took too long (a disk that hangs?): what is not stored is lost, and the "
				   "next start tells the gap\n";

	while (write(STDERR_FILENO, text, sizeof(text) - 1) < 0 && errno == EINTR)
		;
	_exit(1);
}

void daemon_service_stopping(struct daemon *d)
{
	const struct itimerval end = { .it_value = { .tv_sec = END_MS / 1000, .tv_usec = END_MS % 1000 * 1000 } };

	notify_send(&d->notify, "STOPPING=1");
	notify_status(&d->notify, "Stopping");
	signal(SIGALRM, on_end);
	setitimer(ITIMER_REAL, &end, NULL);
}

void daemon_service_close(struct daemon *d)
{
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	notify_close(&d->notify);
}
