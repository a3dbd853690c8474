/* The resource monitor of this daemon: while it says so nothing is recorded, as if nobody had subscribed, and the time is a gap.  What it
 * remembers lies in the state folder, so that a start is no way around it. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/file.h"
#include "daemon/daemon.h"
#include "event/json_text.h"

#define NAME "suspension"
#define MAX_BYTES ((size_t)64 << 10)
#define TRY_NS (10 * NS_PER_SEC)

static struct resource_wish wish_of(const struct daemon *d)
{
	return (struct resource_wish){
		.disabled = daemon_setting(d, SETTING_DisableResourceMonitor) != 0,
		.percent = (double)daemon_setting(d, SETTING_ResourceMonitorCPUPercent),
		.attempts = (unsigned)daemon_setting(d, SETTING_ResourceMonitorRetryAttempts),
		.sustained_ns = (uint64_t)daemon_setting(d, SETTING_ResourceMonitorSustainedSecs) * NS_PER_SEC,
		.backoff_ns = (uint64_t)daemon_setting(d, SETTING_ResourceMonitorRetryBackoffTimeSecs) * NS_PER_SEC,
		.window_ns = (uint64_t)daemon_setting(d, SETTING_ResourceMonitorTrackedWindowMins) * 60 * NS_PER_SEC,
	};
}

bool daemon_is_suspended(const struct daemon *d)
{
	return d->resource_monitor.state != RESOURCE_OK;
}

/* The file: up to when the gap is told, then a line of the monitor's own. */

static char *file_path(const struct daemon *d)
{
	char *path;

	return asprintf(&path, "%s/" NAME, d->places.state_dir) < 0 ? NULL : path;
}

static int read_file(struct daemon *d, const char *path, struct file_error *error)
{
	_cleanup_(buffer_release) struct buffer bytes = { 0 };
	_cleanup_(file_close) int fd = -1;
	uint64_t told_ns;
	const char *newline;
	struct stat st;
	int r, n = 0;

	fd = file_open(path, &st, error);
	r = fd < 0 ? fd : file_read(&bytes, fd, MAX_BYTES, error);
	if (r < 0)
		return r;
	newline = bytes.size > 0 ? memchr(bytes.data, '\n', bytes.size) : NULL;
	if (!newline || sscanf(buffer_text(&bytes), "told %20" SCNu64 "%n", &told_ns, &n) != 1 || bytes.data + n != newline)
		return -EINVAL;
	r = resource_monitor_read(&d->resource_monitor,
				  (struct span){ newline + 1, bytes.size - (size_t)(newline + 1 - bytes.data) });
	if (r == 0 && daemon_is_suspended(d))
		d->suspension_told_ns = told_ns;
	return r;
}

static void write_file(struct daemon *d)
{
	_cleanup_(freep) char *path = file_path(d);
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int r = -ENOMEM;

	buffer_printf(&text, "told %" PRIu64 "\n", d->suspension_told_ns);
	resource_monitor_write(&d->resource_monitor, &text);
	if (path && buffer_error(&text) >= 0)
		r = file_replace(path, buffer_span(&text));
	if (r < 0)
		log_errno(r, "Failed to write %s, ignoring: another start does not know of the suspension", path ? path : NAME);
}

/* What is told */

static void tell_begin(struct daemon *d)
{
	const struct resource_monitor *m = &d->resource_monitor;
	char end[96] = "until somebody says `recorder resume`";

	if (m->state == RESOURCE_SUSPENDED)
		snprintf(end, sizeof(end), "for %llu s", (unsigned long long)m->wish.backoff_ns / NS_PER_SEC);
	log_error("Recording is suspended %s: the recorder took %.1f %% of the CPU in %llu s, %.0f %% are too much (suspension %u of the "
		  "window, %u end by themselves)", end, m->percent, (unsigned long long)m->wish.sustained_ns / NS_PER_SEC, m->wish.percent, m->n,
		  m->wish.attempts);
	notes_say(&d->notes, "throttle", "suspended %s: %.1f %% of the CPU were used in %llu s, ResourceMonitorCPUPercent is %.0f; suspension %u of "
		  "the window, %u end by themselves", end, m->percent, (unsigned long long)m->wish.sustained_ns / NS_PER_SEC, m->wish.percent,
		  m->n, m->wish.attempts);
}

static void tell_end(struct daemon *d, const char *why)
{
	log_info("Recording is resumed: %s", why);
	notes_say(&d->notes, "throttle", "resumed: %s", why);
}

/* It may wait for a change of before, whose disk is stuck: not at each look. */
static void end_recording(struct daemon *d)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct filter_error error = { "" };

	if (d->suspend_tried_ns > 0 && now_ns - d->suspend_tried_ns < TRY_NS)
		return;
	d->suspend_tried_ns = now_ns;
	if (daemon_end(d, &error) < 0)
		log_error("Recording cannot be suspended yet: %s", error.message);
	else
		d->suspend_tried_ns = 0;
}

/* What follows from the state.  What cannot be done now is tried again. */
static void follow(struct daemon *d)
{
	if (daemon_is_suspended(d) && d->source)
		end_recording(d);
	if (daemon_is_suspended(d) || d->idle_since_ns == 0 || strcmp(d->idle_cause, "suspended") != 0)
		return;
	if (d->subscriptions.n > 0) {
		daemon_try_to_begin(d);		/* which ends the gap */
	} else {
		daemon_tell_idle(d);
		daemon_begin_idle(d, clock_now_ns());
	}
}

static void changed(struct daemon *d, const char *why)
{
	if (daemon_is_suspended(d)) {
		d->suspension_told_ns = clock_now_ns();
		tell_begin(d);
	} else {
		d->suspension_told_ns = d->tried_ns = 0;
		tell_end(d, why);
	}
	write_file(d);
}

void daemon_read_suspension(struct daemon *d)
{
	_cleanup_(freep) char *path = file_path(d);
	const struct resource_wish wish = wish_of(d);
	struct file_error error = { "" };
	int r;

	resource_monitor_init(&d->resource_monitor, &wish);
	r = path ? read_file(d, path, &error) : -ENOMEM;
	if (r < 0 && r != -ENOENT)
		log_warning("%s/" NAME " cannot be used (%s), ignoring: suspensions of before are not known", d->places.state_dir,
			    error.message[0] ? error.message : r == -EINVAL ? "it is damaged" : strerror(-r));
	if (r == 0 && daemon_is_suspended(d) && wish.disabled) {
		resource_monitor_resume(&d->resource_monitor);
		write_file(d);
	}
	if (daemon_is_suspended(d))
		log_warning("Recording is suspended since before: the recorder took too much of the CPU%s",
			    d->resource_monitor.state == RESOURCE_STICKY ? " (`recorder resume` ends it)" : "");
}

void daemon_tell_suspended_before(struct daemon *d, uint64_t died_ns)
{
	if (d->suspension_told_ns == 0)
		return;
	if (d->suspension_told_ns < died_ns)
		notes_gap(&d->notes, &(struct gap){ .begin_ns = d->suspension_told_ns, .end_ns = died_ns, .class_name = "all",
						    .cause = "suspended" });
	d->suspension_told_ns = d->started_ns;
	write_file(d);
}

void daemon_keep_suspension(struct daemon *d)
{
	if (!d->has_begun || d->suspension_told_ns == 0)
		return;
	d->suspension_told_ns = clock_now_ns();
	write_file(d);
}

void daemon_tick_suspension(struct daemon *d)
{
	const struct resource_wish wish = wish_of(d);
	const struct resource_sample sample = { .now_ns = clock_now_ns(), .steady_ns = clock_ns(CLOCK_MONOTONIC),
						.cpu_ns = daemon_cpu_ns(d), .n_processors = daemon_cpu_processors(d) };

	bool had_any = d->resource_monitor.n > 0;

	resource_monitor_set(&d->resource_monitor, &wish);
	if (resource_monitor_look(&d->resource_monitor, &sample))
		changed(d, wish.disabled ? "the resource monitor is disabled" : "the time of the suspension is over");
	else if (wish.disabled && had_any)
		write_file(d);
	follow(d);
	if (daemon_follow_idle(d, sample.now_ns) && d->suspension_told_ns > 0) {
		d->suspension_told_ns = sample.now_ns;
		write_file(d);
	}
}

void daemon_on_resume(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	bool had_any = d->resource_monitor.n > 0, was_suspended = resource_monitor_resume(&d->resource_monitor);

	if (was_suspended) {
		changed(d, "somebody asked for it");
		follow(d);
	} else if (had_any) {	/* a start is to have forgotten them, too */
		write_file(d);
	}
	buffer_printf(&reply->result, "{\"was_suspended\":%s}", was_suspended ? "true" : "false");
}
