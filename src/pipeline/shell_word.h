#pragma once
/* How a shell parts a text into words, more or less: quotes, backslashes, what it puts in place of `$NAME`. */

#include "base/span.h"

static inline bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

static inline bool is_letter(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

static inline bool is_variable_byte(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

static inline bool is_name_byte(char c)
{
	return is_variable_byte(c) || c == '-' || c == '.';
}

static inline bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* In a text: what parts words, but for blanks. */
static inline bool is_separator(char c)
{
	return c == ';' || c == '|' || c == '`' || c == ')';
}

static inline struct span between(const char *begin, const char *end)
{
	return (struct span){ begin, (size_t)(end - begin) };
}

/* A backslash that goes on in the next line. */
static inline bool is_continuation(const char *p, const char *end)
{
	return end - p > 1 && p[0] == '\\' && p[1] == '\n';
}

static inline bool has_blank(const char *p, const char *end)
{
	for (; p < end; p++)
		if (is_blank(*p))
			return true;
	return false;
}

/* The quote that ends what the one at p begins; NULL: none does. */
const char *shell_closing(const char *p, const char *end);
/* Without the quotes, if it is one piece in them. */
struct span shell_unquoted(struct span s);
/* Where the word ends that begins at p.  unclosed: quotes that no other follows in this text. */
const char *shell_word_end(const char *p, const char *end, bool unclosed[2]);

/* `$(...)`, and nothing behind it. */
bool shell_is_substitution(struct span value);
/* `$NAME`, `${NAME}`, `${NAME#PATTERN}`, `$1`, also with the comma of a list: not what only begins so, since `$6$salt$hash` and `${PASSWORD:-hunter2}` are
 * secrets. */
bool shell_is_variable(struct span value);
