/* Terminal, colours and the forms of times and numbers that people read. */

#include <inttypes.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/screen.h"

static size_t terminal_width(int fd)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	uint64_t n;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		return size.ws_col;
	if (columns && span_to_u64(span_of(columns), &n) == 0 && n >= 20 && n < 10000)
		return n;
	return 80;
}

struct screen screen_open(const struct print_options *options)
{
	const char *when = options->colour ? options->colour : "auto";
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool is_terminal = isatty(STDOUT_FILENO);
	struct screen screen = { .out = stdout, .utc = options->utc,
				 .width = is_terminal ? terminal_width(STDOUT_FILENO) : SIZE_MAX };

	if (strcmp(when, "always") == 0)
		screen.colour = true;
	else if (strcmp(when, "auto") == 0)
		screen.colour = is_terminal && !(no_colour && *no_colour) && term &&
				strcmp(term, "dumb") != 0;
	return screen;
}

const char *screen_colour(const struct screen *screen, enum colour colour)
{
	static const char *const sequences[N_COLOURS] = {
		"",	    "\033[2m",	"\033[1m",  "\033[31m", "\033[32m",
		"\033[33m", "\033[34m", "\033[35m", "\033[36m",
	};

	return screen->colour ? sequences[colour] : "";
}

const char *screen_end(const struct screen *screen, enum colour colour)
{
	return screen->colour && colour != COLOUR_NONE ? "\033[0m" : "";
}

static bool break_down(const struct screen *screen, uint64_t time_ns, struct tm *ret)
{
	time_t seconds = (time_t)(time_ns / NS_PER_SEC);

	return (screen->utc ? gmtime_r(&seconds, ret) : localtime_r(&seconds, ret)) != NULL;
}

void screen_append_clock(const struct screen *screen, struct buffer *out, uint64_t time_ns)
{
	struct tm tm;

	if (break_down(screen, time_ns, &tm))
		buffer_printf(out, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
			      (unsigned)(time_ns % NS_PER_SEC / NS_PER_MS));
}

void screen_append_moment(const struct screen *screen, struct buffer *out, uint64_t time_ns, uint64_t now_ns)
{
	struct tm tm, now;

	if (!break_down(screen, time_ns, &tm) || !break_down(screen, now_ns, &now))
		return;
	if (tm.tm_year != now.tm_year)
		screen_append_date(screen, out, time_ns);
	else if (tm.tm_yday != now.tm_yday)
		buffer_printf(out, "%02d-%02d %02d:%02d", tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
	else
		buffer_printf(out, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void screen_append_date(const struct screen *screen, struct buffer *out, uint64_t time_ns)
{
	struct tm tm;

	if (break_down(screen, time_ns, &tm))
		buffer_printf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

void screen_append_time(const struct screen *screen, struct buffer *out, uint64_t time_ns)
{
	struct tm tm;
	long zone;

	if (!break_down(screen, time_ns, &tm))
		return;
	buffer_printf(out, "%04d-%02d-%02d %02d:%02d:%02d.%09u", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		      tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(time_ns % NS_PER_SEC));
	zone = screen->utc ? 0 : tm.tm_gmtoff;
	if (zone == 0)
		buffer_append_text(out, " UTC");
	else
		buffer_printf(out, " %c%02ld:%02ld", zone < 0 ? '-' : '+', labs(zone) / 3600,
			      labs(zone) % 3600 / 60);
}

int screen_day(const struct screen *screen, uint64_t time_ns)
{
	struct tm tm;

	return break_down(screen, time_ns, &tm) ? tm.tm_year * 366 + tm.tm_yday : -1;
}

void append_duration(struct buffer *out, uint64_t ns)
{
	uint64_t seconds = ns / NS_PER_SEC;

	if (ns < 1000)
		buffer_printf(out, "%" PRIu64 " ns", ns);
	else if (ns < NS_PER_MS)
		buffer_printf(out, "%" PRIu64 " µs", ns / 1000);
	else if (ns < NS_PER_SEC)
		buffer_printf(out, "%" PRIu64 " ms", ns / NS_PER_MS);
	else if (seconds < 60)
		buffer_printf(out, "%" PRIu64 ".%" PRIu64 " s", seconds, ns % NS_PER_SEC / (NS_PER_SEC / 10));
	else if (seconds < 3600)
		buffer_printf(out, "%" PRIu64 " min %02" PRIu64 " s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		buffer_printf(out, "%" PRIu64 " h %02" PRIu64 " min", seconds / 3600, seconds % 3600 / 60);
	else
		buffer_printf(out, "%" PRIu64 " d %02" PRIu64 " h", seconds / 86400, seconds % 86400 / 3600);
}

void append_count(struct buffer *out, uint64_t n)
{
	if (n >= 1000) {
		append_count(out, n / 1000);
		buffer_printf(out, ",%03u", (unsigned)(n % 1000));
	} else {
		buffer_append_u64(out, n);
	}
}

void append_bytes(struct buffer *out, uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t unit = 0;
	double value = (double)n;

	for (; value >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1024;
	if (unit == 0)
		buffer_printf(out, "%" PRIu64 " B", n);
	else
		buffer_printf(out, "%.1f %s", value, units[unit]);
}
