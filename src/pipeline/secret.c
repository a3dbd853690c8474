/* See secret.h.  Words are looked at one after the other: the words of a list as they are, those of a text as a shell would part
 * them, more or less.  A word may itself be a text (`sh -c '...'`), a few levels deep.  What no rule of the table can tell by its
 * look is no secret here: the first word of `htpasswd -b FILE USER PASSWORD`, what is typed.
 *
 * When in doubt, more is a secret: a `;` that a shell would end the word at, a port behind an option that two programs have. */

#include "pipeline/secret.h"

#include "base/macro.h"
#include "pipeline/secret_rules.h"
#include "pipeline/shell_word.h"

#define NAME_BYTES_MAX 64		/* longer ones are none */
#define DEPTH_MAX 3

/* How the next word is the value of what was read. */
enum value_of {
	OF_OPTION,			/* all of the word */
	OF_NAME,			/* behind `=` or `:`: of any language, with its brackets and commas */
	OF_LIST,			/* the same within `[` */
};

/* What has been read of the command so far. */
struct command {
	struct secret_programs programs;
	bool is_env;			/* `env`: each NAME=VALUE is whole */
	enum part expected;		/* of the next word */
	enum value_of value_of;
	struct span before;		/* the last word */
};

struct scan {
	secret_fn found;
	void *user;
	const char *base, *done;	/* what is before `done` has been told */
	const char *header;		/* the value of one begins there, and goes on behind the word */
	enum secret_place place;
	unsigned depth;
	struct command command;
};

static void scan_text(struct scan *s, const char *p, const char *end);

static void expect(struct scan *s, enum part part, enum value_of value_of)
{
	s->command.expected = part;
	s->command.value_of = value_of;
}

/* Values. */

bool secret_is_mark(struct span text)
{
	const size_t before = sizeof(SECRET_MARK) - 1;

	if (text.size < SECRET_MARK_BYTES || !span_starts(text, SPAN(SECRET_MARK)) || text.data[SECRET_MARK_BYTES - 1] != '>')
		return false;
	for (size_t i = before; i < SECRET_MARK_BYTES - 1; i++)
		if (!(text.data[i] >= '0' && text.data[i] <= '9') && !(text.data[i] >= 'a' && text.data[i] <= 'f'))
			return false;
	return true;
}

/* A shell puts the value there: of arguments it has made what they are. */
static bool has_shell(const struct scan *s)
{
	return s->place == SECRET_SCRIPT || (s->place == SECRET_ARGS && s->depth > 0);
}

static bool is_stars(struct span value)
{
	for (size_t i = 0; i < value.size; i++)
		if (value.data[i] != '*')
			return false;
	return true;
}

/* It says where the secret is, not what it is. */
static bool is_elsewhere(const struct scan *s, struct span value)
{
	static const struct span places[] = { SPAN("file:"), SPAN("env:"), SPAN("fd:"), SPAN("(not kept)") };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (span_starts(value, places[i]))
			return true;
	if (span_eq(value, SPAN("stdin")) || secret_is_mark(value) || is_stars(value))
		return true;
	return value.data[0] == '$' && has_shell(s) && value.data[-1] != '\'' && (shell_is_variable(value) || shell_is_substitution(value));
}

static void tell(struct scan *s, const char *begin, const char *end)
{
	if (begin >= end || begin < s->done)
		return;
	if (is_elsewhere(s, between(begin, end))) {
		if (shell_is_substitution(between(begin, end)))	/* of commands that may have their own */
			scan_text(s, begin + 2, end - 1);
		return;
	}
	s->done = end;
	s->found(s->user, (size_t)(begin - s->base), (size_t)(end - begin));
}

static void tell_part(struct scan *s, struct span value, enum part part)
{
	static const char marks[] = { [COLON] = ':', [PERCENT] = '%', [COMMA] = ',', [COOKIE] = '=' };
	const char *end = value.data + value.size, *mark;

	if (part == ALL || part == HEADER || value.size == 0) {
		tell(s, value.data, end);
		return;
	}
	mark = memchr(value.data, marks[part], value.size);
	if (!mark || is_elsewhere(s, value))
		return;
	if (part != COOKIE)
		value = shell_unquoted(between(mark + 1, end));
	tell(s, value.data, value.data + value.size);
}

/* `NAME: VALUE` or `NAME=VALUE`, all of which is one value: true, and it was told.  part: LINE, PAIR, NOTHING if nothing says that it is
 * one. */
static bool tell_whole(struct scan *s, struct span word, enum part form)
{
	const char *begin = word.data, *end = begin + word.size, *p = begin;
	enum part part;

	while (p < end && is_name_byte(*p))
		p++;
	if (p == end || (*p != '=' && *p != ':'))
		return false;
	part = secret_name(between(begin, p));
	if (part == NOTHING || (*p == '=' ? form != PAIR : form != LINE && part != HEADER))
		return false;
	for (p++; p < end && is_blank(*p);)
		p++;
	for (const char *q = p; part == HEADER && q < end; q++) {
		if (!is_blank(*q))
			continue;
		if (secret_is_scheme(between(p, q)))
			p = q + 1;
		break;
	}
	if (p == end)
		return false;
	word = shell_unquoted(between(p, end));
	tell(s, word.data, word.data + word.size);
	return true;
}

/* A word, or what is left of one, that is the value of an option.  false: it is to be looked at as any other. */
static bool tell_value(struct scan *s, const char *begin, const char *end, enum part part, bool is_whole)
{
	struct span value = is_whole ? between(begin, end) : shell_unquoted(between(begin, end));

	if (part == LINE || part == PAIR)
		return tell_whole(s, value, part);
	tell_part(s, value, part);
	return true;
}

/* Pairs. */

/* Another NAME=VALUE begins. */
static bool begins_pair(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && p - begin < NAME_BYTES_MAX && is_name_byte(*p))
		p++;
	return p > begin && p < end && *p == '=';
}

/* What a word stands in. */
struct around {
	char before;			/* in front of the name; a NUL where nothing is */
	char open;			/* the quote that it is in; a NUL: in none */
	bool is_whole;			/* the word ends with nothing but itself */
};

/* Where a value that begins at p ends. */
static const char *value_end(const char *p, const char *end, struct around in)
{
	for (; p < end; p++) {
		if (*p == '&' && (in.before == '&' || in.before == '?'))
			break;
		if ((in.before == ',' || in.before == ';') && *p == in.before)
			break;
		if (in.before == '?' && *p == '#')
			break;
		if ((*p == '&' || *p == ';' || *p == ',') && begins_pair(p + 1, end))
			break;
		if (in.is_whole)
			continue;
		if (is_blank(*p) || is_separator(*p) || *p == '&')
			break;
		if (*p == '\\' && end - p > 1) {
			if (in.open && is_quote(p[1]))
				break;
			p++;
		} else if (is_quote(*p)) {
			const char *stop = in.open ? NULL : shell_closing(p, end);

			if (!stop)
				break;
			p = stop;
		}
	}
	return p;
}

static bool begins_quoted(const char *p, const char *end)
{
	return p < end && is_quote(p[*p == '\\' && end - p > 1]);
}

/* "..." or \"...\".  Where to go on. */
static const char *tell_quoted(struct scan *s, const char *p, const char *end)
{
	bool is_escaped = *p == '\\';
	const char *stop;

	p += is_escaped;
	stop = is_escaped ? memmem(p + 1, (size_t)(end - p - 1), p - 1, 2) : shell_closing(p, end);
	tell(s, p + 1, stop ? stop : end);
	return stop ? stop + 1 + is_escaped : end;
}

/* What stands behind `[`. */
static const char *tell_list(struct scan *s, const char *p, const char *end, enum part part)
{
	while (p < end && *p != ']')
		p = begins_quoted(p, end) ? tell_quoted(s, p, end) : p + 1;
	if (p == end && s->depth > 0)
		expect(s, part, OF_LIST);
	return p;
}

/* A piece of the value follows the quotes, as a shell joins them. */
static bool goes_on(const char *p, const char *end)
{
	if (end - p > 1 && p[0] == '/' && p[1] == '>')		/* XML */
		return false;
	return p < end && !is_blank(*p) && !is_separator(*p) && !strchr(",:&([]{}<>", *p);
}

/* The value of a name, p is where it begins.  Where to go on; p: it has none. */
static const char *scan_value(struct scan *s, const char *p, const char *end, enum part part, char mark, struct around in)
{
	const char *stop;

	if (*p == '[' && begins_quoted(p + 1, end))
		return tell_list(s, p + 1, end, part);
	if (*p == '[' && p + 1 == end && s->depth > 0) {
		expect(s, part, OF_LIST);
		return end;
	}
	if ((*p == '{' && begins_quoted(p + 1, end)) || (mark == ':' && *p == '/'))	/* members; a place, or whose place it is */
		return p;
	if (begins_quoted(p, end)) {
		stop = *p == '\\' || in.open || mark != '=' ? NULL : shell_closing(p, end);
		if (!stop || !goes_on(stop + 1, end))
			return tell_quoted(s, p, end);
	}
	stop = part == HEADER && in.is_whole ? end : value_end(p, end, in);
	tell(s, p, stop);
	return stop;
}

/* NAME=VALUE, NAME: VALUE or NAME => VALUE, p is at the mark.  Where to go on; p: there is none. */
static const char *scan_pair(struct scan *s, const char *begin, const char *p, const char *end, struct around in)
{
	const char *name_end = p, *name, *value = p + 1, *stop;
	enum part part;
	char mark = *p;

	if (name_end > begin && is_quote(name_end[-1]))		/* "password": */
		name_end -= name_end - 1 > begin && name_end[-2] == '\\' ? 2 : 1;
	for (name = name_end; name > begin && name_end - name <= NAME_BYTES_MAX && is_name_byte(name[-1]);)
		name--;
	in.before = name > begin ? name[-1] : 0;
	part = in.before == '/' ? NOTHING : secret_name(between(name, name_end));
	if (part == NOTHING || (part == HEADER && mark != ':'))
		return p;
	if (value < end && *value == (mark == ':' ? '=' : '>')) {
		mark = ':';
		value++;
	}
	while (value < end && is_blank(*value))
		value++;
	if (part == HEADER && s->depth > 0 && !in.open && !in.is_whole && !begins_quoted(value, end) && name_end == p) {
		s->header = value;
		return end;
	}
	if (value == end) {
		if (mark == ':' && s->depth > 0)
			expect(s, part, OF_NAME);
		return end;
	}
	stop = scan_value(s, value, end, part, mark, in);
	return stop == value ? p : stop;
}

/* scheme://user:password@host, p is at the colon. */
static const char *scan_authority(struct scan *s, const char *p, const char *end, char open)
{
	const char *colon = NULL, *at = NULL, *begin = p + 3;

	for (p = begin; p < end && !is_blank(*p) && !(open && *p == open) && *p != '/' && *p != '?' && *p != '#'; p++) {
		if (*p == ':' && !colon)
			colon = p;
		if (*p == '@')
			at = p;
	}
	if (!colon || !at || colon > at)
		return begin;
	tell(s, colon + 1, at);
	return at;
}

/* What stands within a word. */
static void scan_bytes(struct scan *s, const char *begin, const char *end, bool is_whole)
{
	struct around in = { .is_whole = is_whole };
	bool in_name = false;

	for (const char *p = begin; p < end;) {
		const char *next = p, *stop;

		if (*p == '\\') {
			next = p + MIN((ptrdiff_t)2, end - p);
		} else if (*p == '=' || (*p == ':' && !(end - p > 2 && p[1] == '/' && p[2] == '/'))) {
			next = scan_pair(s, begin, p, end, in);
		} else if (*p == ':') {
			next = scan_authority(s, p, end, in.open);
		} else if (is_quote(*p) && in.open) {
			in.open = *p == in.open ? 0 : in.open;
		} else if (is_quote(*p) && (stop = shell_closing(p, end))) {
			if (s->depth < DEPTH_MAX && has_blank(p + 1, stop)) {
				scan_text(s, p + 1, stop);
				next = stop + 1;
			} else {
				in.open = *p;
			}
		} else if (!in_name && is_letter(*p)) {
			next = p + secret_token(between(p, end));
			if (next > p)
				tell(s, p, next);
		}
		in_name = next == p && is_name_byte(*p);
		p = next == p ? p + 1 : next;
	}
}

/* Words. */

/* true: the word is an option, and no more is to be looked for in it. */
static bool take_option(struct scan *s, const char *begin, const char *end, bool is_whole)
{
	struct span word = between(begin, end);
	const char *p = begin;
	size_t at = 0;
	enum part part = secret_option(&s->command.programs, word, &at);

	if (part != NOTHING && at == word.size) {
		expect(s, part, OF_OPTION);
		return true;
	}
	if (part == PROGRAM) {
		secret_programs_note(&s->command.programs, between(begin + at, end), false);
		return true;
	}
	if (part != NOTHING && tell_value(s, begin + at, end, part, is_whole))
		return true;
	if (*begin != '-')
		return false;
	while (p < end && is_name_byte(*p))
		p++;
	part = p == end || *p == '=' ? secret_name(between(begin, p)) : NOTHING;
	if (part == NOTHING || (part == HEADER && p == end))
		return false;
	if (p == end)
		expect(s, ALL, OF_OPTION);
	else
		tell_value(s, p + 1, end, ALL, is_whole);
	return true;
}

static bool is_assignment(struct span word)
{
	return span_eq(word, SPAN("=")) || span_eq(word, SPAN(":")) || span_eq(word, SPAN(":=")) || span_eq(word, SPAN("=>"));
}

/* What the word ends with: `{"password"`. */
static struct span last_name(struct span word)
{
	const char *end, *p;

	if (word.size == 0)
		return word;
	end = word.data + word.size;
	if (is_quote(end[-1]))
		end -= word.size > 1 && end[-2] == '\\' ? 2 : 1;
	for (p = end; p > word.data && end - p <= NAME_BYTES_MAX && is_name_byte(p[-1]);)
		p--;
	return between(p, end);
}

/* true: the word is that value, and was told. */
static bool take_expected(struct scan *s, const char *begin, const char *end, enum part part, bool is_whole)
{
	enum value_of value_of = s->command.value_of;
	const char *stop;

	if (is_assignment(between(begin, end))) {		/* `password = x` */
		expect(s, part, value_of == OF_LIST ? OF_LIST : OF_NAME);
		return true;
	}
	if (value_of == OF_OPTION || is_whole) {
		if (value_of == OF_LIST)
			expect(s, part, OF_LIST);
		return tell_value(s, begin, end, part, is_whole);
	}
	if (value_of == OF_LIST)
		stop = tell_list(s, begin, end, part);
	else
		stop = scan_value(s, begin, end, part, ':', (struct around){ .before = 0 });
	scan_bytes(s, stop, end, false);
	return true;
}

/* is_whole: it is an argument, or was in quotes. */
static void scan_word(struct scan *s, const char *begin, const char *end, bool is_whole)
{
	struct command *c = &s->command;
	enum part expected = c->expected, form = s->place == SECRET_HEADERS && s->depth == 0 ? LINE : c->is_env ? PAIR : NOTHING;
	struct span word = between(begin, end), before = c->before;
	bool is_dashed = begin < end && *begin == '-', is_text;

	if (expected == HEADER && secret_is_scheme(word))
		return;
	c->expected = NOTHING;
	c->before = word;
	if (word.size == 0)
		return;
	if (expected != NOTHING && expected != PROGRAM && !is_dashed && take_expected(s, begin, end, expected, is_whole))
		return;
	if ((is_dashed || c->programs.is_any) && take_option(s, begin, end, is_whole))
		return;
	is_text = is_whole && has_blank(begin, end);
	if ((!is_text && form == NOTHING) || !tell_whole(s, word, form)) {
		if (is_text)
			scan_text(s, begin, end);
		else
			scan_bytes(s, begin, end, is_whole);
	}
	if (s->depth > 0 && is_assignment(word) && secret_name(last_name(before)) != NOTHING)
		expect(s, ALL, OF_NAME);
	if (is_dashed)
		return;
	c->is_env |= span_eq(word, SPAN("env")) || span_ends(word, SPAN("/env"));
	secret_programs_note(&c->programs, word,
			     expected != PROGRAM && before.size > 1 && before.data[0] == '-' && !span_eq(before, SPAN("--")));
}

/* Texts. */

/* The value of a header: what is left of the line, if that begins with the header; else a word, and on behind `;` and `,`.  word_end: it
 * has at least this word.  Where to go on. */
static const char *scan_header(struct scan *s, const char *word_end, const char *end, bool is_line)
{
	const char *p = s->header, *stop;

	s->header = NULL;
	for (bool is_scheme = true; is_scheme; p = is_scheme ? stop : p) {
		while (p < end && is_blank(*p) && *p != '\n')
			p++;
		for (stop = p; stop < end && !is_blank(*stop);)
			stop++;
		is_scheme = secret_is_scheme(between(p, stop));
	}
	if (p < end && p >= word_end && is_quote(*p)) {
		expect(s, ALL, OF_NAME);
		return p;
	}
	for (stop = p; stop < end && *stop != '\n'; stop++)
		if (!is_line && is_blank(*stop) && stop > p && !strchr(";, \t", stop[-1]))
			break;
	stop = MAX(stop, word_end);
	while (stop > p && is_blank(stop[-1]))
		stop--;
	tell(s, p, stop);
	return MAX(stop, word_end);
}

/* Too deep for words. */
static void scan_deep(struct scan *s, const char *p, const char *end)
{
	while (p < end) {
		scan_bytes(s, p, end, false);
		p = s->header ? scan_header(s, s->header, end, false) : end;
	}
}

/* A text that is no list. */
static void scan_text(struct scan *s, const char *p, const char *end)
{
	struct command before = s->command;
	bool unclosed[2] = { false, false }, is_first = true;	/* of the line */

	if (s->depth == DEPTH_MAX) {
		scan_deep(s, p, end);
		return;
	}
	s->depth++;
	s->command = (struct command){ .expected = NOTHING };
	while (p < end) {
		const char *begin = p;
		struct span word, inside;

		if (*p == '\n' || *p == ';' || *p == '|' || *p == '&') {
			s->command = (struct command){ .expected = NOTHING };
			is_first |= *p == '\n';
		}
		if (is_continuation(p, end)) {
			p += 2;
			continue;
		}
		if (*p == '`' || *p == ')' || (*p == '$' && end - p > 1 && p[1] == '(')) {
			p += *p == '$' ? 2 : 1;
			if (has_shell(s))		/* what it makes is the value; `case` */
				s->command.expected = NOTHING;
			continue;
		}
		if (is_blank(*p) || is_separator(*p) || *p == '&' || *p == '(') {
			p++;
			continue;
		}
		if (*p == '#' && has_shell(s) && s->command.expected == NOTHING) {
			p = memchr(p, '\n', (size_t)(end - p));
			p = p ? p : end;
			scan_text(s, begin + 1, p);
			continue;
		}
		p = shell_word_end(p, end, unclosed);
		word = between(begin, p);
		inside = shell_unquoted(word);
		scan_word(s, inside.data, inside.data + inside.size, inside.data != word.data);
		if (s->header)
			p = scan_header(s, p, end, is_first);
		is_first = false;
	}
	s->depth--;
	s->command = before;
}

void secret_find(struct span text, enum secret_place place, secret_fn found, void *user)
{
	struct scan s = { .found = found, .user = user, .base = text.data, .done = text.data, .place = place };
	const char *p = text.data, *end, *stop;

	if (text.size == 0)
		return;
	end = p + text.size;
	if (!secret_is_list(place)) {
		scan_text(&s, p, end);
		return;
	}
	for (; p < end; p = stop + 1) {
		stop = memchr(p, 0, (size_t)(end - p));
		stop = stop ? stop : end;
		scan_word(&s, p, stop, true);
	}
}
