/* See secret.h.  Words are looked at one after the other: the words of a list as they are, those of a text as a shell would part
 * them, more or less.  A word may itself be a text (`sh -c '...'`), a few levels deep.  What no rule of the table can tell by its
 * look is no secret here: the first word of `htpasswd -b FILE USER PASSWORD`, what is typed. */

#include "pipeline/secret.h"

#include "base/macro.h"

#define NAME_BYTES_MAX 64		/* longer ones are none */
#define DEPTH_MAX 3

enum how { NEXT = 1, GLUED = 2, EITHER = NEXT | GLUED };
enum part { NOTHING, ALL, COLON, PERCENT, COMMA, HEADER };

static const struct {
	struct span text;
	bool is_word, is_header;
} names[] = {
#define SECRET_NAME(name, is_word) { { name, sizeof(name) - 1 }, is_word, false },
#define SECRET_HEADER(name) { { name, sizeof(name) - 1 }, true, true },
#include "pipeline/secrets.def"
};

static const struct span schemes[] = {
#define SECRET_SCHEME(word) { word, sizeof(word) - 1 },
#include "pipeline/secrets.def"
};

static const struct option {
	struct span program, command, option;
	enum how how;
	enum part part;
} options[] = {
#define SECRET_OPTION(program, command, option, how, part)                                                              \
	{ { program, sizeof(program) - 1 }, { command, sizeof(command) - 1 }, { option, sizeof(option) - 1 }, how, part },
#define SECRET_PLAIN(program) { { program, sizeof(program) - 1 }, SPAN(""), SPAN("\n"), NEXT, NOTHING },
#include "pipeline/secrets.def"
};

static const struct {
	struct span prefix;
	size_t size;
} tokens[] = {
#define SECRET_TOKEN(prefix, size) { { prefix, sizeof(prefix) - 1 }, size },
#include "pipeline/secrets.def"
};

/* What has been read of the command so far. */
struct command {
	size_t program;			/* its first line in `options` + 1; 0: none that has one */
	bool has_command;		/* the word that a line asks for was there */
	bool is_env;			/* `env`: each NAME=VALUE is whole */
	enum part expected;		/* of the next word */
	struct span before;		/* the last word */
};

struct scan {
	secret_fn found;
	void *user;
	const char *base, *done;	/* what is before `done` has been told */
	enum secret_place place;
	unsigned depth;
	struct command command;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

static bool is_letter(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

static bool is_name_byte(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return c == '-' || c == '.' ? '_' : c;
}

static struct span between(const char *begin, const char *end)
{
	return (struct span){ begin, (size_t)(end - begin) };
}

static bool folds_to(struct span s, struct span small)
{
	if (s.size != small.size)
		return false;
	for (size_t i = 0; i < s.size; i++)
		if (fold(s.data[i]) != small.data[i])
			return false;
	return true;
}

/* Names. */

static bool begins_word(struct span name, size_t at)
{
	return at == 0 || !is_letter(name.data[at - 1]) ||
	       (name.data[at] <= 'Z' && name.data[at - 1] >= 'a');	/* dbPass */
}

static bool denies(struct span name)
{
	return name.size > 3 && folds_to((struct span){ name.data, 3 }, SPAN("no_"));
}

/* 0: of no secret. */
static enum part name_part(struct span name)
{
	while (name.size > 0 && name.data[0] == '-')
		name = (struct span){ name.data + 1, name.size - 1 };
	if (name.size < 2 || name.size > NAME_BYTES_MAX || !strchr("ndetswky", fold(name.data[name.size - 1])))
		return NOTHING;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t at = name.size - names[i].text.size;

		if (name.size < names[i].text.size || !folds_to((struct span){ name.data + at, names[i].text.size }, names[i].text))
			continue;
		if ((names[i].is_word && !begins_word(name, at)) || denies(name) || span_eq(name, SPAN("PWD")))
			return NOTHING;
		return names[i].is_header ? HEADER : ALL;
	}
	return NOTHING;
}

static bool is_scheme(struct span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (folds_to(word, schemes[i]))
			return true;
	return false;
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

/* It says where the secret is, not what it is. */
static bool is_elsewhere(const struct scan *s, struct span value)
{
	static const struct span places[] = { SPAN("file:"), SPAN("env:"), SPAN("fd:"), SPAN("(not kept)") };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (span_starts(value, places[i]))
			return true;
	if (span_eq(value, SPAN("stdin")) || secret_is_mark(value))
		return true;
	/* Of an argument the shell has made what it is. */
	return (s->place == SECRET_TEXT || s->depth > 0) && value.size > 1 && value.data[0] == '$' && value.data[-1] != '\'' &&
	       (is_name_byte(value.data[1]) || value.data[1] == '{' || value.data[1] == '(');
}

static void tell(struct scan *s, const char *begin, const char *end)
{
	if (begin >= end || begin < s->done || is_elsewhere(s, between(begin, end)))
		return;
	s->done = end;
	s->found(s->user, (size_t)(begin - s->base), (size_t)(end - begin));
}

static void tell_part(struct scan *s, const char *begin, const char *end, enum part part)
{
	static const char marks[] = { [COLON] = ':', [PERCENT] = '%', [COMMA] = ',' };
	const char *mark;

	if (part == ALL || part == HEADER) {
		tell(s, begin, end);
		return;
	}
	mark = begin < end ? memchr(begin, marks[part], (size_t)(end - begin)) : NULL;
	if (mark && !is_elsewhere(s, between(begin, end)))
		tell(s, mark + 1, end);
}

/* Another NAME=VALUE begins. */
static bool begins_pair(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && p - begin < NAME_BYTES_MAX && is_name_byte(*p))
		p++;
	return p > begin && p < end && *p == '=';
}

/* Where a value that begins at p ends.  before: what stands in front of its name, a NUL where nothing does.  is_whole: the word is
 * one that ends with nothing but itself. */
static const char *value_end(const char *p, const char *end, char before, bool is_whole)
{
	for (; p < end; p++) {
		if (*p == '&' && (before == '&' || before == '?'))
			break;
		if ((before == ',' || before == ';') && *p == before)
			break;
		if (before == '?' && *p == '#')
			break;
		if ((*p == '&' || *p == ';' || *p == ',') && begins_pair(p + 1, end))
			break;
		if (!is_whole && (is_blank(*p) || is_quote(*p) || strchr(";|&)`", *p)))
			break;
	}
	return p;
}

/* The quote that ends what the one at p begins; NULL: none does. */
static const char *closing(const char *p, const char *end)
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

/* A value that begins at `begin`, as a shell would take it. */
static void tell_in_word(struct scan *s, const char *begin, const char *end, enum part part, bool is_whole)
{
	const char *stop = end;

	if (!is_whole && begin < end && is_quote(*begin) && (stop = closing(begin, end)))
		tell_part(s, begin + 1, stop, part);
	else
		tell_part(s, begin, is_whole ? end : value_end(begin, end, 0, false), part);
}

static void scan_text(struct scan *s, const char *p, const char *end);

/* NAME=VALUE or NAME: VALUE, p is at the mark.  Where to go on; p: there is none. */
static const char *scan_pair(struct scan *s, const char *begin, const char *p, const char *end, bool is_whole)
{
	const char *name_end = p, *name, *value = p + 1, *stop;
	char before;
	enum part part;
	bool is_escaped;

	if (name_end > begin && is_quote(name_end[-1]))		/* "password": */
		name_end -= name_end - 1 > begin && name_end[-2] == '\\' ? 2 : 1;
	for (name = name_end; name > begin && name_end - name <= NAME_BYTES_MAX && is_name_byte(name[-1]);)
		name--;
	before = name > begin ? name[-1] : 0;
	part = before == '/' ? NOTHING : name_part(between(name, name_end));
	if (part == NOTHING || (part == HEADER && *p != ':'))
		return p;
	if (*p == ':' && value < end && *value == '=')
		value++;
	while (value < end && is_blank(*value))
		value++;
	is_escaped = end - value > 1 && value[0] == '\\' && is_quote(value[1]);
	value += is_escaped;
	if (value == end) {
		if (*p == ':' && s->depth > 0)
			s->command.expected = part;
		return end;
	}
	if (is_quote(*value)) {
		stop = is_escaped ? memmem(value + 1, (size_t)(end - value - 1), value - 1, 2) : closing(value, end);
		tell(s, value + 1, stop ? stop : end);
		return stop ? stop + 1 + is_escaped : end;
	}
	if (*p == ':' && *value == '/')		/* a place, or whose place it is */
		return p;
	stop = value_end(value, end, before, is_whole);
	tell(s, value, stop);
	return stop;
}

/* scheme://user:password@host, p is at the colon. */
static const char *scan_authority(struct scan *s, const char *p, const char *end)
{
	const char *colon = NULL, *at = NULL, *begin = p + 3;

	for (p = begin; p < end && !is_blank(*p) && !is_quote(*p) && *p != '/' && *p != '?' && *p != '#'; p++) {
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

static const char *scan_token(struct scan *s, const char *p, const char *end)
{
	const char *stop;

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		struct span prefix = tokens[i].prefix;

		if (*p != prefix.data[0] || !span_starts(between(p, end), prefix))
			continue;
		for (stop = p + prefix.size; stop < end && is_name_byte(*stop);)
			stop++;
		if ((size_t)(stop - p) < prefix.size + tokens[i].size)
			return p;
		tell(s, p, stop);
		return stop;
	}
	return p;
}

/* A part of a word that is a text. */
static const char *scan_quoted(struct scan *s, const char *p, const char *end)
{
	const char *stop = closing(p, end);

	for (const char *q = p + 1; stop && q < stop; q++) {
		if (!is_blank(*q))
			continue;
		scan_text(s, p + 1, stop);
		return stop + 1;
	}
	return p;
}

/* What stands within a word. */
static void scan_bytes(struct scan *s, const char *begin, const char *end, bool is_whole)
{
	bool in_name = false;

	for (const char *p = begin; p < end;) {
		const char *next = p;

		if (*p == '\\')
			next = p + MIN((ptrdiff_t)2, end - p);
		else if (*p == '=' || (*p == ':' && !(end - p > 2 && p[1] == '/' && p[2] == '/')))
			next = scan_pair(s, begin, p, end, is_whole);
		else if (*p == ':')
			next = scan_authority(s, p, end);
		else if (is_quote(*p) && s->depth < DEPTH_MAX)
			next = scan_quoted(s, p, end);
		else if (!in_name && is_letter(*p))
			next = scan_token(s, p, end);
		in_name = next == p && is_name_byte(*p);
		p = next == p ? p + 1 : next;
	}
}

/* Words. */

/* A row of the program that is read; option: of what begins so. */
static const struct option *find_option(const struct command *c, struct span word)
{
	for (size_t i = c->program; i > 0 && i <= ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i - 1];

		if (!span_eq(o->program, options[c->program - 1].program))
			break;
		if (o->command.size > 0 && !c->has_command)
			continue;
		if (span_eq(word, o->option) ? (o->how & NEXT) != 0 :
		    span_starts(word, o->option) && ((o->how & GLUED) || word.data[o->option.size] == '='))
			return o;
	}
	return NULL;
}

/* true: the word is one, and no more is to be looked for in it. */
static bool take_option(struct scan *s, const char *begin, const char *end, bool is_whole)
{
	struct command *c = &s->command;
	struct span word = between(begin, end);
	const struct option *o = find_option(c, word);

	if (o && word.size == o->option.size) {
		c->expected = o->part;
		return true;
	}
	if (o) {
		begin += o->option.size;
		tell_in_word(s, begin + (*begin == '=' && o->option.size > 2), end, o->part, is_whole);
		return true;
	}
	while (*begin == '-' && begin < end && is_name_byte(end[-1]))
		end--;
	if (begin == end && name_part(word) == ALL) {
		c->expected = ALL;
		return true;
	}
	return false;
}

/* The first line of that program, or of one behind where it would be: every word may be one. */
static size_t program_at(struct span name)
{
	size_t from = 0, to = ARRAY_SIZE(options);

	while (from < to) {
		size_t middle = (from + to) / 2;
		struct span program = options[middle].program;
		int order = memcmp(program.data, name.data, MIN(program.size, name.size));

		if (order < 0 || (order == 0 && program.size < name.size))
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void note_program(struct command *c, struct span word)
{
	const char *slash = memrchr(word.data, '/', word.size);
	struct span name = slash ? between(slash + 1, word.data + word.size) : word;
	size_t found;

	if (*word.data == '-')
		return;
	if (c->program > 0 && span_eq(word, options[c->program - 1].command))
		c->has_command = true;
	c->is_env |= span_eq(name, SPAN("env"));
	found = program_at(name);
	if (found < ARRAY_SIZE(options) && span_eq(name, options[found].program)) {
		c->program = found + 1;
		c->has_command = false;
	}
}

/* An argument with blanks in it that is all one value: true, and it was told. */
static bool take_whole(struct scan *s, const char *begin, const char *end)
{
	const struct command *c = &s->command;
	const char *p = begin;
	bool is_header = s->place == SECRET_HEADERS || span_eq(c->before, SPAN("-H")) || span_eq(c->before, SPAN("--header")) ||
			 span_eq(c->before, SPAN("--proxy-header"));
	bool is_variable = c->is_env || span_eq(c->before, SPAN("-e")) || span_eq(c->before, SPAN("--env"));
	enum part part;

	while (p < end && is_name_byte(*p))
		p++;
	if (p == end || (*p != '=' && *p != ':'))
		return false;
	part = name_part(between(begin, p));
	if (part == NOTHING || (*p == '=' ? *begin != '-' && !is_variable : part != HEADER && !is_header))
		return false;
	for (p++; p < end && is_blank(*p);)
		p++;
	for (const char *q = p; part == HEADER && q < end; q++) {
		if (!is_blank(*q))
			continue;
		if (is_scheme(between(p, q)))
			p = q + 1;
		break;
	}
	tell(s, p, end);
	return true;
}

static bool is_assignment(struct span word)
{
	return span_eq(word, SPAN("=")) || span_eq(word, SPAN(":")) || span_eq(word, SPAN(":="));
}

/* is_whole: it is an argument, or was in quotes. */
static void scan_word(struct scan *s, const char *begin, const char *end, bool is_whole)
{
	struct command *c = &s->command;
	enum part expected = c->expected;
	struct span word = between(begin, end);
	bool is_text = false;

	if (word.size == 0)
		return;
	if (expected == HEADER && is_scheme(word))
		return;
	c->expected = NOTHING;
	if (expected != NOTHING && *begin != '-') {
		/* `password = x` */
		if (is_assignment(word))
			c->expected = expected;
		else
			tell_in_word(s, begin, end, expected, is_whole);
		c->before = word;
		return;
	}
	if ((*begin == '-' || *begin == '/' || c->program > 0) && take_option(s, begin, end, is_whole)) {
		c->before = word;
		return;
	}
	for (const char *p = begin; is_whole && p < end && !is_text; p++)
		is_text = is_blank(*p);
	if (!is_text)
		scan_bytes(s, begin, end, is_whole);
	else if (!take_whole(s, begin, end))
		scan_text(s, begin, end);
	if (is_assignment(word) && name_part(c->before) != NOTHING && s->depth > 0)
		c->expected = ALL;
	note_program(c, word);
	c->before = word;
}

/* Where the word ends that begins at p.  unclosed: quotes that no other follows in this text. */
static const char *word_end(const char *p, const char *end, bool unclosed[2])
{
	for (; p < end; p++) {
		if (is_blank(*p) || strchr(";|`", *p) || (*p == '$' && end - p > 1 && p[1] == '(') || (*p == '&' && (p + 1 == end || is_blank(p[1]) || p[1] == '&')))
			return p;
		if (is_quote(*p) && !unclosed[*p == '"']) {
			const char *stop = closing(p, end);

			unclosed[*p == '"'] = !stop;
			p = stop ? stop : p;
		}
	}
	return end;
}

/* A text that is no list. */
static void scan_text(struct scan *s, const char *p, const char *end)
{
	struct command before = s->command;
	bool unclosed[2] = { false, false };

	if (s->depth == DEPTH_MAX) {
		scan_bytes(s, p, end, false);
		return;
	}
	s->depth++;
	s->command = (struct command){ .program = 0 };
	while (p < end) {
		const char *stop;

		if (*p == '\n' || *p == ';' || *p == '|' || *p == '&')
			s->command = (struct command){ .program = 0 };
		if (is_blank(*p) || *p == ';' || *p == '|' || *p == '&' || *p == '`' || *p == '(') {
			p++;
			continue;
		}
		if (*p == '$' && end - p > 1 && p[1] == '(') {
			p += 2;
			continue;
		}
		stop = word_end(p, end, unclosed);
		if (is_quote(*p) && stop - p > 1 && stop[-1] == *p && closing(p, stop) == stop - 1)
			scan_word(s, p + 1, stop - 1, true);
		else
			scan_word(s, p, stop, false);
		p = stop;
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
	if (place == SECRET_TEXT) {
		scan_text(&s, p, end);
		return;
	}
	for (; p < end; p = stop + 1) {
		stop = memchr(p, 0, (size_t)(end - p));
		stop = stop ? stop : end;
		scan_word(&s, p, stop, true);
	}
}
