/* See shell_word.h. */

#include "pipeline/shell_word.h"

const char *shell_closing(const char *p, const char *end)
{
	char quote = *p;

	for (p++; p < end; p++) {
		if (*p == quote)
			return p;
		if (*p == '\\' && quote == '"')
			p++;
	}
	return NULL;
}

struct span shell_unquoted(struct span s)
{
	if (s.size > 1 && is_quote(*s.data) && shell_closing(s.data, s.data + s.size) == s.data + s.size - 1)
		return (struct span){ s.data + 1, s.size - 2 };
	return s;
}

const char *shell_word_end(const char *p, const char *end, bool unclosed[2])
{
	for (; p < end; p++) {
		if (is_blank(*p) || is_separator(*p) || (*p == '$' && end - p > 1 && p[1] == '(') ||
		    (*p == '&' && (p + 1 == end || is_blank(p[1]) || p[1] == '&')))
			return p;
		if (*p == '\\' && end - p > 1) {
			if (is_continuation(p, end) && (end - p == 2 || is_blank(p[2])))
				return p;
			p++;
		} else if (is_quote(*p) && !unclosed[*p == '"']) {
			const char *stop = shell_closing(p, end);

			unclosed[*p == '"'] = !stop;
			p = stop ? stop : p;
		}
	}
	return end;
}

bool shell_is_substitution(struct span value)
{
	size_t open = 0;

	if (!span_starts(value, SPAN("$(")))
		return false;
	for (size_t i = 1; i < value.size; i++) {
		open += value.data[i] == '(';
		open -= value.data[i] == ')';
		if (open == 0)
			return i + 1 == value.size;
	}
	return false;
}

bool shell_is_variable(struct span value)
{
	const char *end = value.data + value.size, *begin, *p;
	bool is_braced;

	if (value.size > 2 && end[-1] == ',')
		end--;
	if (end - value.data < 2 || value.data[0] != '$')
		return false;
	is_braced = value.data[1] == '{';
	for (begin = p = value.data + 1 + is_braced; p < end && is_variable_byte(*p);)
		p++;
	if (p == begin || !is_braced)
		return p > begin && p == end;
	if (p < end && strchr("#%[", *p) && *p)			/* ${NAME#PATTERN}, ${NAME[0]} */
		p = memchr(p, '}', (size_t)(end - p));
	return p && p + 1 == end && *p == '}';
}
