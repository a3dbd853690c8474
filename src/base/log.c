/* Messages for people, on stderr.  One write(2) a line, so that lines of several threads do not mix. */

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_int max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

static void _printf_(2, 0) write_line(enum log_level level, const char *format, va_list ap, const char *why)
{
	static const char *const prefix[] = { "", "warning: ", "", "debug: " };
	char line[2048];
	size_t n;
	int r;

	if ((int)level > atomic_load(&max_level))
		return;
	n = (size_t)snprintf(line, sizeof(line), "recorder: %s", prefix[level]);
	r = vsnprintf(line + n, sizeof(line) - n, format, ap);
	if (r < 0)
		return;
	n = MIN(n + (size_t)r, sizeof(line) - 2);
	if (why) {
		r = snprintf(line + n, sizeof(line) - n, ": %s", why);
		n = MIN(n + (size_t)MAX(r, 0), sizeof(line) - 2);
	}
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return;	/* nobody listens: there is no other place to say it */
}

void log_message(enum log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(level, format, ap, NULL);
	va_end(ap);
}

int log_errno(int error, const char *format, ...)
{
	int number = error < 0 ? -error : error;
	char why[128];
	va_list ap;

	va_start(ap, format);
	write_line(LOG_LEVEL_ERROR, format, ap, strerror_r(number, why, sizeof(why)));
	va_end(ap);
	return -number;
}
