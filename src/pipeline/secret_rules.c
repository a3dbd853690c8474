/* See secret_rules.h. */

#include "pipeline/secret_rules.h"

#include "base/macro.h"

#define NAME_BYTES_MAX 64		/* longer ones are none */

enum how { NEXT = 1, GLUED = 2, EITHER = NEXT | GLUED, FLAGS = 4, PLAIN = 8, RUNS = 16 };

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

/* option: the letters, where `how` is FLAGS. */
static const struct row {
	struct span program, command, option;
	enum how how;
	enum part part;
} rows[] = {
#define SECRET_OPTION(program, command, option, how, part)                                                              \
	{ { program, sizeof(program) - 1 }, { command, sizeof(command) - 1 }, { option, sizeof(option) - 1 }, how, part },
#define SECRET_FLAGS(program, letters)                                                                                  \
	{ { program, sizeof(program) - 1 }, SPAN(""), { letters, sizeof(letters) - 1 }, FLAGS, NOTHING },
#define SECRET_PLAIN(program) { { program, sizeof(program) - 1 }, SPAN(""), SPAN(""), PLAIN, NOTHING },
#define SECRET_RUNS(program) { { program, sizeof(program) - 1 }, SPAN(""), SPAN(""), RUNS, NOTHING },
#include "pipeline/secrets.def"
};

_Static_assert(ARRAY_SIZE(rows) <= 8 * sizeof(((struct secret_programs *)0)->seen), "more bits");

static const struct {
	struct span prefix;
	size_t size;
} tokens[] = {
#define SECRET_TOKEN(prefix, size) { { prefix, sizeof(prefix) - 1 }, size },
#include "pipeline/secrets.def"
};

static bool is_letter(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return c == '-' || c == '.' ? '_' : c;
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

static struct span behind(struct span s, size_t at)
{
	return (struct span){ s.data + at, s.size - at };
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

enum part secret_name(struct span name)
{
	char last;

	while (name.size > 0 && name.data[0] == '-')
		name = behind(name, 1);
	if (name.size > NAME_BYTES_MAX)
		return NOTHING;
	while (name.size > 0 && is_digit(name.data[name.size - 1]))	/* password2 */
		name.size--;
	last = name.size < 2 ? 0 : fold(name.data[name.size - 1]);
	if (last == 0 || !strchr("ndetswky", last))
		return NOTHING;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t at = name.size - names[i].text.size;

		if (name.size < names[i].text.size || names[i].text.data[names[i].text.size - 1] != last ||
		    !folds_to(behind(name, at), names[i].text))
			continue;
		if (names[i].is_word && !begins_word(name, at))
			continue;
		if (denies(name) || span_eq(name, SPAN("PWD")))
			return NOTHING;
		return names[i].is_header ? HEADER : ALL;
	}
	return NOTHING;
}

bool secret_is_scheme(struct span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (folds_to(word, schemes[i]))
			return true;
	return false;
}

size_t secret_token(struct span text)
{
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		struct span prefix = tokens[i].prefix;
		size_t size = prefix.size;

		if (text.data[0] != prefix.data[0] || !span_starts(text, prefix))
			continue;
		while (size < text.size && (is_letter(text.data[size]) || is_digit(text.data[size]) || fold(text.data[size]) == '_'))
			size++;
		return size < prefix.size + tokens[i].size ? 0 : size;
	}
	return 0;
}

/* Programs. */

static bool bit(const uint64_t bits[4], size_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

/* The next row at or behind i whose bit is set; as many as there are rows: none. */
static size_t next_bit(const uint64_t bits[4], size_t i)
{
	for (; i < ARRAY_SIZE(rows); i = (i / 64 + 1) * 64)
		if (bits[i / 64] >> i % 64)
			return i + (size_t)__builtin_ctzll(bits[i / 64] >> i % 64);
	return ARRAY_SIZE(rows);
}

/* The first row of that program, or of one behind where it would be: every word may be one. */
static size_t row_of(struct span name)
{
	size_t from = 0, to = ARRAY_SIZE(rows);

	while (from < to) {
		size_t middle = (from + to) / 2;
		struct span program = rows[middle].program;
		int order = memcmp(program.data, name.data, MIN(program.size, name.size));

		if (order < 0 || (order == 0 && program.size < name.size))
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* What stands behind an option is its value, but where no program was named before (`sudo -n mysql`) or this one runs others. */
void secret_programs_note(struct secret_programs *programs, struct span word, bool after_option)
{
	const char *slash = memrchr(word.data, '/', word.size);
	struct span name = slash ? behind(word, (size_t)(slash + 1 - word.data)) : word;
	size_t found;

	for (size_t i = programs->is_any ? next_bit(programs->seen, 0) : ARRAY_SIZE(rows); i < ARRAY_SIZE(rows);
	     i = next_bit(programs->seen, i + 1))
		if (rows[i].command.size > 0 && span_eq(word, rows[i].command))
			programs->with_command[i / 64] |= 1ull << i % 64;
	found = name.size > 0 ? row_of(name) : ARRAY_SIZE(rows);
	if (found == ARRAY_SIZE(rows) || !span_eq(name, rows[found].program))
		return;
	if ((after_option && programs->is_any && !programs->runs) || memmem(word.data, word.size, "://", 3))
		return;
	if (rows[found].how == PLAIN) {
		*programs = (struct secret_programs){ .is_any = false };
		return;
	}
	programs->seen[found / 64] |= 1ull << found % 64;
	programs->is_any = true;
	programs->runs = rows[found].how == RUNS;
}

/* Options. */

/* Behind flags of one letter in the same word: -sSu. */
static size_t behind_flags(struct span word, struct span letters)
{
	size_t at = 1;

	while (at < word.size && memchr(letters.data, word.data[at], letters.size))
		at++;
	return at;
}

/* Where the option ends in a word that begins with it; 0: none does. */
static size_t option_end(const struct row *row, struct span word, size_t flags)
{
	if (span_starts(word, row->option))
		return row->option.size;
	return flags > 1 && flags < word.size && row->option.size == 2 && row->option.data[1] == word.data[flags] ? flags + 1 : 0;
}

/* By the rows of one program. */
static enum part option_of(size_t first, bool has_command, struct span word, size_t *ret_at)
{
	size_t flags = 0;

	for (const struct row *row = &rows[first]; row < rows + ARRAY_SIZE(rows) && span_eq(row->program, rows[first].program); row++) {
		size_t at;

		if (row->how == FLAGS && word.data[0] == '-')
			flags = behind_flags(word, row->option);
		if (!(row->how & EITHER) || (row->command.size > 0 && !has_command))
			continue;
		at = option_end(row, word, flags);
		if (at == 0)
			continue;
		if (row->option.size > 2 && !(row->how & GLUED) && at + 1 < word.size && word.data[at] == '=')
			at++;
		else if (!(row->how & (at == word.size ? NEXT : GLUED)))
			continue;
		*ret_at = at;
		return row->part;
	}
	return NOTHING;
}

enum part secret_option(const struct secret_programs *programs, struct span word, size_t *ret_at)
{
	enum part part = NOTHING;

	for (size_t i = programs->is_any ? next_bit(programs->seen, 0) : ARRAY_SIZE(rows); i < ARRAY_SIZE(rows) && part == NOTHING;
	     i = next_bit(programs->seen, i + 1))
		part = option_of(i, bit(programs->with_command, i), word, ret_at);
	return part == NOTHING && word.data[0] == '-' ? option_of(0, true, word, ret_at) : part;
}
