/* See log.h.  One write(2) a line, so that lines of several threads do not mix. */

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/span.h"

#define LINE_BYTES 2048

static const struct {
	const char *word;
	const char *of_command;		/* in front of what a command says */
	unsigned priority;		/* of syslog(3), which the journal knows */
	const char *colour;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "", 3, "\x1b[31m" },
	[LOG_LEVEL_WARNING] = { "warning", "warning: ", 4, "\x1b[33m" },
	[LOG_LEVEL_INFO] = { "info", "", 6, "" },
	[LOG_LEVEL_DEBUG] = { "debug", "debug: ", 7, "\x1b[2m" },
};

static atomic_int max_level = LOG_LEVEL_INFO;
static _Atomic enum { STYLE_COMMAND, STYLE_SERVICE, STYLE_TERMINAL, STYLE_JOURNAL } style = STYLE_COMMAND;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* what follows */
static struct log_site *holding;	/* calls that hold something back */
static struct {
	int fd;
	size_t bytes;
	char path[4096];
} file = { .fd = -1 };

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

/* systemd says which device and inode it gave the journal's as (systemd.exec(5), JOURNAL_STREAM); whoever put another file in
 * its place did not change the variable. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_find_journal(void)
{
	if (is_journal())
		atomic_store(&style, STYLE_JOURNAL);
}

void log_begin_service(void)
{
	const char *no_colour = getenv("NO_COLOR");
	bool colours = isatty(STDERR_FILENO) && !(no_colour && *no_colour);

	atomic_store(&style, is_journal() ? STYLE_JOURNAL : colours ? STYLE_TERMINAL : STYLE_SERVICE);
}

/* The limit */

bool log_site_may(struct log_site *site, uint64_t now_ns, unsigned *ret_held_back)
{
	if (site->n == 0 || now_ns - site->began_ns >= LOG_BURST_NS) {
		site->began_ns = now_ns;
		site->n = 0;
	}
	if (site->n >= LOG_BURST) {
		site->held_back++;
		return false;
	}
	site->n++;
	*ret_held_back = site->held_back;
	site->held_back = 0;
	return true;
}

static bool may_speak(struct log_site *site, enum log_level level, const char *format, unsigned *ret_held_back)
{
	bool may, was_silent;

	pthread_mutex_lock(&lock);
	was_silent = site->held_back == 0;
	may = log_site_may(site, clock_ns(CLOCK_MONOTONIC), ret_held_back);
	if (!may && was_silent && !site->format) {	/* else it stands in the list still */
		site->format = format;
		site->level = level;
		site->next = holding;
		holding = site;
	}
	pthread_mutex_unlock(&lock);
	return may;
}

/* The file.  A disk that is full, or a folder that is gone, costs the line and nothing else. */

static int open_file(void)
{
	struct stat st;
	int fd = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ENOTSUP;
	}
	file.fd = fd;
	file.bytes = (size_t)st.st_size;
	return 0;
}

static void close_file(void)
{
	if (file.fd >= 0)
		close(file.fd);
	file.fd = -1;
}

static void write_file(struct span line)
{
	char old[sizeof(file.path) + 2];
	struct stat st;
	ssize_t n;

	if (!*file.path)
		return;
	if (file.fd >= 0 && file.bytes + line.size > LOG_FILE_BYTES) {
		snprintf(old, sizeof(old), "%s.1", file.path);
		if (rename(file.path, old) < 0 && ftruncate(file.fd, 0) < 0)	/* bounded, whatever happens */
			return;
		close_file();
	} else if (file.fd >= 0 && fstat(file.fd, &st) == 0 && st.st_nlink == 0) {	/* somebody removed it */
		close_file();
	}
	if (file.fd < 0 && open_file() < 0)
		return;
	n = write(file.fd, line.data, line.size);
	if (n > 0)
		file.bytes += (size_t)n;
}

int log_open_file(const char *path)
{
	int r;

	if (strlen(path) >= sizeof(file.path))
		return -ENAMETOOLONG;
	pthread_mutex_lock(&lock);
	close_file();
	strcpy(file.path, path);
	r = open_file();
	if (r < 0)
		*file.path = 0;
	pthread_mutex_unlock(&lock);
	return r;
}

void log_close_file(void)
{
	pthread_mutex_lock(&lock);
	close_file();
	*file.path = 0;
	pthread_mutex_unlock(&lock);
}

/* The line */

/* No control characters: neither of ASCII nor of the C1 set in UTF-8 (C2 80 to C2 9F). */
static void make_harmless(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			*c = c[1] = '?';
}

static void append(char *line, size_t *n, const char *text)
{
	size_t size = MIN(strlen(text), LINE_BYTES - *n);

	memcpy(line + *n, text, size);
	*n += size;
}

static struct span make_line(char line[static LINE_BYTES + 16], unsigned how, enum log_level level, const char *text)
{
	uint64_t now_ns = clock_now_ns();
	time_t seconds = (time_t)(now_ns / NS_PER_SEC);
	char head[64] = "", time[32] = "";
	struct tm tm;
	size_t n = 0;

	if (how == STYLE_COMMAND) {
		snprintf(head, sizeof(head), "recorder: %s", levels[level].of_command);
	} else if (how == STYLE_JOURNAL) {
		snprintf(head, sizeof(head), "<%u>", levels[level].priority);
	} else {
		strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
		snprintf(head, sizeof(head), "%s.%03uZ recorder: %s: ", time, (unsigned)(now_ns / NS_PER_MS % 1000),
			 levels[level].word);
	}
	append(line, &n, how == STYLE_TERMINAL ? levels[level].colour : "");
	append(line, &n, head);
	append(line, &n, text);
	/* There is room behind LINE_BYTES. */
	if (how == STYLE_TERMINAL && *levels[level].colour) {
		memcpy(line + n, "\x1b[0m", 4);
		n += 4;
	}
	line[n++] = '\n';
	return (struct span){ line, n };
}

static void say(enum log_level level, const char *text)
{
	char line[LINE_BYTES + 16];
	unsigned how = atomic_load(&style);
	struct span made = make_line(line, how, level, text);

	if (write(STDERR_FILENO, made.data, made.size) < 0) {
		/* Nobody listens there. */
	}
	pthread_mutex_lock(&lock);
	if (*file.path)
		write_file(how == STYLE_SERVICE ? made : make_line(line, STYLE_SERVICE, level, text));
	pthread_mutex_unlock(&lock);
}

static void say_held_back(enum log_level level, unsigned n, const char *format)
{
	char text[256];

	snprintf(text, sizeof(text), "%u messages like \"%.160s\" were suppressed", n, format);
	make_harmless(text);
	say(level, text);
}

void log_tell_held_back(void)
{
	struct log_site *site, *next;

	pthread_mutex_lock(&lock);
	site = holding;
	holding = NULL;
	pthread_mutex_unlock(&lock);
	for (; site; site = next) {
		enum log_level level;
		const char *format;
		unsigned n;

		pthread_mutex_lock(&lock);
		level = site->level;
		next = site->next;
		format = site->format;
		site->format = NULL;
		n = site->held_back;
		site->held_back = 0;
		pthread_mutex_unlock(&lock);
		if (n > 0)
			say_held_back(level, n, format);
	}
}

static void _printf_(3, 0) log_v(struct log_site *site, enum log_level level, const char *format, va_list ap, const char *why)
{
	char text[LINE_BYTES];
	unsigned held_back;
	size_t n;
	int r;

	if ((int)level > atomic_load(&max_level) || !may_speak(site, level, format, &held_back))
		return;
	if (held_back > 0)
		say_held_back(level, held_back, format);
	r = vsnprintf(text, sizeof(text), format, ap);
	if (r < 0)
		return;
	n = MIN((size_t)r, sizeof(text) - 1);
	if (why)
		snprintf(text + n, sizeof(text) - n, ": %s", why);
	make_harmless(text);
	say(level, text);
}

void log_at(struct log_site *site, enum log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_v(site, level, format, ap, NULL);
	va_end(ap);
}

int log_errno_at(struct log_site *site, int error, const char *format, ...)
{
	int number = error < 0 ? -error : error;
	char why[128];
	va_list ap;

	va_start(ap, format);
	log_v(site, LOG_LEVEL_ERROR, format, ap, strerror_r(number, why, sizeof(why)));
	va_end(ap);
	return -number;
}
