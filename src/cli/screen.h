#pragma once
/* Where a command prints: a terminal of some width and colour, or a file. */

#include <stdio.h>

#include "base/buffer.h"
#include "cli/cli.h"

enum colour {
	COLOUR_NONE,
	COLOUR_DIM,
	COLOUR_BOLD,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_BLUE,
	COLOUR_MAGENTA,
	COLOUR_CYAN,
	N_COLOURS,
};

struct screen {
	FILE *out;
	bool colour;
	bool utc;
	size_t width;			/* columns; SIZE_MAX: no end (a file) */
};

/* Of stdout.  options->colour NULL is auto: a terminal that knows colours, and no NO_COLOR (no-color.org). */
struct screen screen_open(const struct print_options *options);
/* The sequences around a coloured text; empty without colour. */
const char *screen_colour(const struct screen *screen, enum colour colour);
const char *screen_end(const struct screen *screen, enum colour colour);

/* 10:28:58.123; local or UTC as the screen wants. */
void screen_append_clock(const struct screen *screen, struct buffer *out, uint64_t time_ns);
/* 14:28:58 of today, 11-22 14:28 of this year, else 2026-11-22. */
void screen_append_moment(const struct screen *screen, struct buffer *out, uint64_t time_ns, uint64_t now_ns);
/* 2026-11-22 */
void screen_append_date(const struct screen *screen, struct buffer *out, uint64_t time_ns);
/* 2026-11-22 10:28:58.123456789 +01:00 */
void screen_append_time(const struct screen *screen, struct buffer *out, uint64_t time_ns);
/* The day of a time, to see whether two are the same. */
int screen_day(const struct screen *screen, uint64_t time_ns);
/* 350 µs, 12 ms, 4.3 s, 2 h 05 min */
void append_duration(struct buffer *out, uint64_t ns);
/* 12,345 */
void append_count(struct buffer *out, uint64_t n);
/* 38.2 MiB */
void append_bytes(struct buffer *out, uint64_t n);
