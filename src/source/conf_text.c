/* See conf_text.h.  A line is read as src/auditd-config.c of audit does (nv_split), but that blanks around `=` may be missing. */

#include "source/conf_text.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span skip_blanks(struct span s)
{
	while (s.size > 0 && is_blank(s.data[0]))
		s = (struct span){ s.data + 1, s.size - 1 };
	return s;
}

/* With its newline, if it has one. */
static struct span take_line(struct span *rest)
{
	const char *newline = memchr(rest->data, '\n', rest->size);
	struct span line = { rest->data, newline ? (size_t)(newline - rest->data) + 1 : rest->size };

	*rest = (struct span){ line.data + line.size, rest->size - line.size };
	return line;
}

static struct span word(struct span s)
{
	size_t n = 0;

	while (n < s.size && !is_blank(s.data[n]) && s.data[n] != '=' && s.data[n] != '\n')
		n++;
	return (struct span){ s.data, n };
}

/* *ret_key as it is spelled there.  false: this line does not set the key. */
static bool sets(struct span line, const char *key, struct span *ret_key, struct span *ret_value)
{
	struct span rest = skip_blanks(line), name = word(rest);

	if (name.size != strlen(key) || strncasecmp(name.data, key, name.size) != 0)
		return false;
	rest = skip_blanks((struct span){ rest.data + name.size, rest.size - name.size });
	if (rest.size == 0 || rest.data[0] != '=')
		return false;
	*ret_key = name;
	*ret_value = word(skip_blanks((struct span){ rest.data + 1, rest.size - 1 }));
	return true;
}

/* `#key = ...`, `##key = ...`: where a person would write it. */
static bool names(struct span line, const char *key)
{
	struct span rest = skip_blanks(line), ret_key, value;

	if (rest.size == 0 || rest.data[0] != '#')
		return false;
	while (rest.size > 0 && rest.data[0] == '#')
		rest = (struct span){ rest.data + 1, rest.size - 1 };
	return sets(rest, key, &ret_key, &value);
}

struct span conf_text_get(struct span text, const char *key)
{
	struct span value = { NULL, 0 }, found, name;

	while (text.size > 0)
		if (sets(take_line(&text), key, &name, &found))
			value = found;
	return value;
}

static void put(struct buffer *ret, struct span key, const char *value)
{
	if (ret->size > 0 && ret->data[ret->size - 1] != '\n')
		buffer_append_byte(ret, '\n');
	buffer_append_span(ret, key);
	buffer_append_text(ret, " = ");
	buffer_append_text(ret, value);
	buffer_append_byte(ret, '\n');
}

void conf_text_set(struct buffer *ret, struct span text, const char *key, const char *value)
{
	const char *last = NULL, *comment = NULL;
	struct span rest = text, name, found;

	while (rest.size > 0) {
		struct span line = take_line(&rest);

		if (sets(line, key, &name, &found))
			last = line.data;
		else if (names(line, key))
			comment = line.data;
	}
	for (rest = text; rest.size > 0;) {
		struct span line = take_line(&rest);
		bool is_set = sets(line, key, &name, &found);

		if (is_set && value && line.data == last)
			put(ret, name, value);
		if (!is_set || (value && line.data != last))
			buffer_append_span(ret, line);
		if (value && !last && line.data == comment)
			put(ret, span_of(key), value);
	}
	if (value && !last && !comment)
		put(ret, span_of(key), value);
}
