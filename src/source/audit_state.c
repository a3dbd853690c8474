/* The kernel's audit settings: changed for us, put back afterwards, also after a crash.
 *
 * What was there before is written to a file before anything is changed:
 *
 * 	boot=BOOT_ID
 * 	pid=PID_OF_THE_RECORDER
 * 	before=ENABLED FAILURE RATE_LIMIT BACKLOG_LIMIT BACKLOG_WAIT_TIME
 * 	after=...
 *
 * After a reboot the file means nothing.  Of `after`, only what still is as we left it is put back:
 * somebody who set it since (auditd, an administrator) wins.  Failure mode and rate limit are never
 * changed. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "source/audit_control.h"

#define FILE_BYTES 1024

static int read_boot_id(char ret[static 64])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool ok;

	if (!file)
		return -errno;
	ok = fscanf(file, "%63s", ret) == 1;
	fclose(file);
	return ok ? 0 : -EIO;
}

static int set_settings(struct audit_control *control, uint32_t mask, const struct audit_state *state)
{
	struct audit_status status = {
		.mask = mask,
		.enabled = state->enabled,
		.backlog_limit = state->backlog_limit,
		.backlog_wait_time = state->backlog_wait_time,
	};

	if (!mask)
		return 0;
	return audit_control_request(control, AUDIT_SET, &status, sizeof(status), NULL, NULL);
}

/* The file */

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int write_state(const struct audit_control *control, const char *path)
{
	const struct audit_state *b = &control->before, *a = &control->after;
	char boot[64], text[FILE_BYTES], temporary[4096];
	int fd, n, r;

	r = read_boot_id(boot);
	if (r < 0)
		return r;
	n = snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -ENAMETOOLONG;
	n = snprintf(text, sizeof(text), "boot=%s\npid=%d\nbefore=%u %u %u %u %u\nafter=%u %u %u %u %u\n",
		     boot, (int)getpid(), b->enabled, b->failure, b->rate_limit, b->backlog_limit,
		     b->backlog_wait_time, a->enabled, a->failure, a->rate_limit, a->backlog_limit,
		     a->backlog_wait_time);

	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, (size_t)n);
	if (r >= 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r >= 0)
		r = -errno;
	if (r >= 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

int audit_state_load(struct audit_control *control, const char *path)
{
	struct audit_state b = { 0 }, a = { 0 };
	char boot[64], file_boot[64];
	FILE *file;
	int n;

	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	n = fscanf(file, "boot=%63s pid=%*d before=%u %u %u %u %u after=%u %u %u %u %u", file_boot,
		   &b.enabled, &b.failure, &b.rate_limit, &b.backlog_limit, &b.backlog_wait_time, &a.enabled,
		   &a.failure, &a.rate_limit, &a.backlog_limit, &a.backlog_wait_time);
	fclose(file);
	/* Damaged, or of another boot: there is nothing to put back. */
	if (n != 11 || read_boot_id(boot) < 0 || strcmp(boot, file_boot) != 0)
		return 0;
	control->before = b;
	control->after = a;
	control->changed = true;
	return 1;
}

/* The settings */

int audit_state_prepare(struct audit_control *control, uint32_t backlog_limit, bool may_wait,
			const char *path)
{
	struct audit_state now;
	uint32_t mask = 0, theirs;
	bool had_waited;
	int r;

	r = audit_control_state(control, &now);
	if (r < 0)
		return r;
	if (!control->changed) {
		control->before = now;
		control->own_backlog_limit = 0;
	}
	/* Ours, as the audit daemon: the one beside whom we read now may be waited for again. */
	had_waited = control->changed && control->after.backlog_wait_time == 0 && now.backlog_wait_time == 0;
	control->after = now;
	control->after.enabled = 1;
	if (!may_wait)
		control->after.backlog_wait_time = 0;
	else if (had_waited)
		control->after.backlog_wait_time = control->before.backlog_wait_time;
	/* 0 is no limit. A larger one is somebody's wish, and does us good; but one of ours may be lowered again. */
	theirs = control->own_backlog_limit != 0 && now.backlog_limit == control->own_backlog_limit ?
			 control->before.backlog_limit :
			 now.backlog_limit;
	control->own_backlog_limit = theirs != 0 && theirs < backlog_limit ? backlog_limit : 0;
	control->after.backlog_limit = control->own_backlog_limit ? control->own_backlog_limit : theirs;
	control->changed = true;
	if (path) {
		r = write_state(control, path);
		if (r < 0)
			return r;
	}
	if (now.backlog_wait_time != control->after.backlog_wait_time)
		mask |= AUDIT_STATUS_BACKLOG_WAIT_TIME;
	if (now.backlog_limit != control->after.backlog_limit)
		mask |= AUDIT_STATUS_BACKLOG_LIMIT;
	return set_settings(control, mask, &control->after);
}

int audit_state_enable(struct audit_control *control)
{
	struct audit_state now;
	int r;

	r = audit_control_state(control, &now);
	if (r < 0)
		return r;
	return set_settings(control, now.enabled ? 0u : AUDIT_STATUS_ENABLED, &control->after);
}

int audit_state_restore(struct audit_control *control, const char *path)
{
	const struct audit_state *b = &control->before, *a = &control->after;
	struct audit_state now;
	uint32_t mask = 0;
	int r;

	if (!control->changed)
		return 0;
	r = audit_control_state(control, &now);
	if (r < 0)
		return r;
	/* Not switched off under somebody who became the audit daemon meanwhile. */
	if (now.enabled == a->enabled && now.enabled != b->enabled &&
	    (now.pid == 0 || now.pid == b->pid || now.pid == (uint32_t)getpid()))
		mask |= AUDIT_STATUS_ENABLED;
	if (now.backlog_limit == a->backlog_limit && now.backlog_limit != b->backlog_limit)
		mask |= AUDIT_STATUS_BACKLOG_LIMIT;
	if (now.backlog_wait_time == a->backlog_wait_time && now.backlog_wait_time != b->backlog_wait_time)
		mask |= AUDIT_STATUS_BACKLOG_WAIT_TIME;
	r = set_settings(control, mask, b);
	if (r < 0)
		return r;
	control->changed = false;
	if (path && unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
