#pragma once
/* What a truth program did, as JSON lines on stdout: one write a line, so that lines of several processes do not mix
 * up to PIPE_BUF.  Bytes are in hex, since names and arguments may be any.  Whatever fails ends the program: a truth
 * that did not happen is none. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct line {
	char *text;
	size_t size, capacity;
};

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(1);
}

/* The result of a call that must not fail. */
#define TRY(call)                              \
	({                                     \
		__typeof__(call) try_ = (call); \
		if (try_ < 0)                  \
			die(#call);            \
		try_;                          \
	})

static inline void line_room(struct line *line, size_t n)
{
	if (line->capacity - line->size > n)
		return;
	line->capacity = (line->size + n + 1) * 2;
	line->text = realloc(line->text, line->capacity);
	if (!line->text)
		die("realloc");
}

static inline void __attribute__((format(printf, 2, 3))) line_printf(struct line *line, const char *format, ...)
{
	va_list ap;
	int n;

	line_room(line, 512);
	va_start(ap, format);
	n = vsnprintf(line->text + line->size, 512, format, ap);
	va_end(ap);
	if (n < 0 || n >= 512)
		die("line too long");
	line->size += (size_t)n;
}

static inline void line_hex(struct line *line, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	line_room(line, size * 2 + 2);
	line->text[line->size++] = '"';
	for (size_t i = 0; i < size; i++) {
		line->text[line->size++] = "0123456789abcdef"[bytes[i] >> 4];
		line->text[line->size++] = "0123456789abcdef"[bytes[i] & 15];
	}
	line->text[line->size++] = '"';
}

static inline struct line say(const char *what)
{
	struct line line = { 0 };

	line_printf(&line, "{\"what\":\"%s\"", what);
	return line;
}

static inline void say_number(struct line *line, const char *name, int64_t value)
{
	line_printf(line, ",\"%s\":%lld", name, (long long)value);
}

/* For text of our own that needs no escape. */
static inline void say_word(struct line *line, const char *name, const char *word)
{
	line_printf(line, ",\"%s\":\"%s\"", name, word);
}

static inline void say_bytes(struct line *line, const char *name, const char *text)
{
	if (!text)
		return;
	line_printf(line, ",\"%s\":", name);
	line_hex(line, text, strlen(text));
}

static inline void say_list(struct line *line, const char *name, const char *const *list)
{
	line_printf(line, ",\"%s\":[", name);
	for (size_t i = 0; list[i]; i++) {
		if (i > 0)
			line_printf(line, ",");
		line_hex(line, list[i], strlen(list[i]));
	}
	line_printf(line, "]");
}

static inline void say_done(struct line *line)
{
	size_t done = 0;

	line_printf(line, "}\n");
	while (done < line->size)
		done += (size_t)TRY(write(STDOUT_FILENO, line->text + done, line->size - done));
	free(line->text);
	*line = (struct line){ 0 };
}

/* Until the test has seen enough: what a process that is gone cannot be asked (its descriptors) can be tested so. */
static inline void wait_for_end_of_input(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

/* A link as it is after a while: to follow it changes nothing on the disk, so it can be followed from memory alone. */
static inline void settle(const char *link)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = 1 } };

	TRY(clock_gettime(CLOCK_REALTIME, &times[0]));
	times[0].tv_sec += 60;
	TRY(utimensat(AT_FDCWD, link, times, AT_SYMLINK_NOFOLLOW));
}
