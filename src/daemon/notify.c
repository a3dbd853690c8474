/* See notify.h. */

#include "daemon/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/* 0 where nobody watches this process. */
static uint64_t read_watchdog(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long usec;

	if (!interval || sscanf(interval, "%llu", &usec) != 1 || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return usec > UINT64_MAX / 1000 ? 0 : usec * 1000;
}

static int connect_to(const char *path)
{
	/* Somebody who does not read must not hold the control thread for ever. */
	const struct timeval timeout = { .tv_sec = 1 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = strlen(path);
	int fd;

	if ((*path != '/' && *path != '@') || size < 2)
		return -EAFNOSUPPORT;
	if (size >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, size);
	if (*path == '@')
		address.sun_path[0] = 0;	/* abstract: no file, and no NUL at the end */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int notify_open(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int r = path ? connect_to(path) : -1;

	*notify = (struct notify){ .fd = path && r >= 0 ? r : -1, .watchdog_ns = path ? read_watchdog() : 0 };
	if (path && r < 0)
		notify->watchdog_ns = 0;
	else
		r = 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return r;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

void notify_send(const struct notify *notify, const char *what)
{
	if (notify->fd >= 0 && send(notify->fd, what, strlen(what), MSG_NOSIGNAL) < 0)
		return;		/* it asks with the watchdog, if it wants to know for sure */
}

void notify_status(struct notify *notify, const char *format, ...)
{
	char text[sizeof(notify->status)], message[sizeof(text) + 16];
	va_list ap;

	if (notify->fd < 0)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (char *c = text; *c; c++)	/* a newline would begin another assignment */
		if ((unsigned char)*c < ' ')
			*c = '?';
	if (strcmp(text, notify->status) == 0)
		return;
	strcpy(notify->status, text);
	snprintf(message, sizeof(message), "STATUS=%s", text);
	notify_send(notify, message);
}

void notify_reloading(const struct notify *notify)
{
	char message[64];

	/* The time is for Type=notify-reload (systemd 253); older ones pass it over. */
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(clock_ns(CLOCK_MONOTONIC) / 1000));
	notify_send(notify, message);
}
