#pragma once
/* What the service manager is told: the datagrams of sd_notify(3).  The protocol is a text to a socket; libsystemd, which has
 * it too, would bring compressors and a journal reader into a process of root for these lines. */

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

struct notify {
	int fd;				/* -1: nobody wants to know */
	uint64_t watchdog_ns;		/* it wants a sign of life so often; 0: not at all */
	char status[256];		/* as it was last told */
};

/* From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which no child gets then.  -errno: the socket is there and cannot be
 * had. */
int notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* "READY=1" and the like; what cannot be sent is gone. */
void notify_send(const struct notify *notify, const char *what);
/* A sentence for `systemctl status`; sent if it is another than before. */
void notify_status(struct notify *notify, const char *format, ...) _printf_(2, 3);
/* Settings are read anew; ends with READY=1. */
void notify_reloading(const struct notify *notify);
