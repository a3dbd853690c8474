/* Messages are made for one reader: bounded, in plain words, with the place in front. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "filter/error.h"

int filter_fail(struct filter_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* A place is a key with an index or a colon behind it. */
static bool begins_with_place(const char *message)
{
	size_t n = strspn(message, "abcdefghijklmnopqrstuvwxyz_");

	return n > 0 && (message[n] == '[' || message[n] == ':');
}

int filter_fail_at(struct filter_error *error, const char *format, ...)
{
	struct filter_error inner = *error;
	const char *join = begins_with_place(inner.message) ? "." : ": ";
	va_list arguments;
	size_t used, n_join = strlen(join), n_inner = strlen(inner.message), room;
	int n;

	va_start(arguments, format);
	n = vsnprintf(error->message, sizeof(error->message) - 2, format, arguments);
	va_end(arguments);
	used = n < 0 ? 0 : MIN((size_t)n, sizeof(error->message) - 3);
	memcpy(error->message + used, join, n_join);
	used += n_join;
	room = MIN(n_inner, sizeof(error->message) - 1 - used);
	memcpy(error->message + used, inner.message, room);
	error->message[used + room] = '\0';
	return -EINVAL;
}

/* Bytes from 0x80 on stay if they are UTF-8 and no C1 control. */
static size_t safe_length(struct span rest)
{
	unsigned char c = (unsigned char)rest.data[0];
	size_t size;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	if (c == 0xc2 && rest.size > 1 && (unsigned char)rest.data[1] < 0xa0)
		return 0;
	size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	return rest.size >= size && span_utf8_prefix((struct span){ rest.data, size }) == size ? size : 0;
}

struct quoted quote(struct span word)
{
	static const char more[] = "...'";
	struct quoted quoted;
	size_t used = 0;

	quoted.text[used++] = '\'';
	while (word.size > 0) {
		size_t n = safe_length(word);

		if (used + MAX(n, 1u) + sizeof(more) > sizeof(quoted.text)) {
			memcpy(quoted.text + used, more, sizeof(more));
			return quoted;
		}
		if (n == 0)
			quoted.text[used++] = '?';
		for (size_t i = 0; i < n; i++)
			quoted.text[used++] = word.data[i];
		n = MAX(n, 1u);
		word = (struct span){ word.data + n, word.size - n };
	}
	quoted.text[used++] = '\'';
	quoted.text[used] = '\0';
	return quoted;
}

struct quoted quote_suggestion(struct span name)
{
	struct quoted quoted = { "" };

	if (name.size > 0 && name.size <= 48)
		snprintf(quoted.text, sizeof(quoted.text), ", did you mean '%.*s'?", (int)name.size,
			 name.data);
	return quoted;
}
