/* See user_rules.h.
 *
 * What marks a rule as loaded by us: our key, as the last of its keys, which the kernel keeps with 0x01 between; a rule without a key
 * gets USER_KEY besides, so that its events are told from those of our own rules.  On the lists of records a rule with a key never
 * holds, so there it is the condition that always holds of audit_plan.h.
 *
 * Each rule has other words: two separators in front of our key, or that condition twice.  The kernel compares keys byte by byte and
 * conditions one by one (kernel/auditfilter.c, audit_compare_rule), so it takes both, and a rule can be moved behind others without a
 * moment in which it is not there.  Who splits the key finds the same (auditctl, decode). */

#include "source/user_rules.h"

#include <ctype.h>
#include <errno.h>
#include <libaudit.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/suggest.h"
#include "source/audit_field.h"
#include "source/audit_plan.h"
#include "source/call_number.h"

#define USER_KEY "user-defined"
#define MAX_LINE 16384
#define MAX_WORDS 256
#define CALL_BITS ((unsigned)AUDIT_BITMASK_SIZE * 32 - 16)	/* the 16 highest stand for classes of calls */
#define LAST_CALL 1023			/* of the names to suggest */

struct word {
	char *text;
	unsigned column;
};

struct parser {
	struct user_rules *rules;
	struct user_rules_error *error;
	unsigned line, column;		/* of the word in hand */
	struct word words[MAX_WORDS];
	size_t n_words;
	bool in_front, has_list;
	char text[MAX_LINE + 1];
	struct rule_draft draft;
};

static int refuse(struct parser *p, const char *format, ...) _printf_(2, 3);
static int refuse(struct parser *p, const char *format, ...)
{
	va_list arguments;

	p->error->line = p->line;
	p->error->column = p->column;
	va_start(arguments, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int refuse_field(struct parser *p, int r, const struct field_error *error)
{
	if (r != -EINVAL)
		return r;
	p->column += (unsigned)error->offset;
	return refuse(p, "%s", error->message);
}

/* Lists and actions */

enum list_use { TAKEN, GONE, BLINDS };

static const struct list {
	const char *name;
	uint32_t number;
	bool has_calls, is_records;
	enum list_use use;
} lists[] = {
	{ "exit", AUDIT_FILTER_EXIT, true, false, TAKEN },
	{ "io_uring", AUDIT_FILTER_URING_EXIT, true, false, TAKEN },
	{ "exclude", AUDIT_FILTER_EXCLUDE, false, true, TAKEN },
	{ "user", AUDIT_FILTER_USER, false, true, TAKEN },
	{ "filesystem", AUDIT_FILTER_FS, false, false, TAKEN },
	{ "task", AUDIT_FILTER_TASK, false, false, BLINDS },
	{ "entry", AUDIT_FILTER_ENTRY, true, false, GONE },
};

static const struct list *list_of(const struct rule_draft *draft)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].number == draft->data.flags)
			return &lists[i];
	return NULL;
}

static bool take_action(struct parser *p, struct span word)
{
	p->draft.data.action = span_eq(word, SPAN("never")) ? AUDIT_NEVER : AUDIT_ALWAYS;
	return span_eq(word, SPAN("never")) || span_eq(word, SPAN("always"));
}

static int take_list(struct parser *p, char *value)
{
	const char *comma = strchr(value, ',');
	struct span first = { value, comma ? (size_t)(comma - value) : 0 }, second = span_of(comma ? comma + 1 : "");
	struct span name;

	if (p->has_list)
		return refuse(p, "a rule has one -a or -A");
	name = take_action(p, first) ? second : first;
	if (!comma || (name.data == first.data && !take_action(p, second)))
		return refuse(p, "'%.64s' is not LIST,ACTION: the action is always or never", value);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (!span_eq(name, span_of(lists[i].name)))
			continue;
		if (lists[i].use == BLINDS)
			return refuse(p, "the list task only says which processes are never audited, whatever a rule wants of them later: it is "
					 "not taken (use -a never,exit with a condition)");
		if (lists[i].use == GONE)
			return refuse(p, "the kernel has no list %s any more: use exit", lists[i].name);
		p->draft.data.flags = lists[i].number;
		p->has_list = true;
		return 0;
	}
	return refuse(p, "no list is called '%.*s' (exit, io_uring, exclude, user, filesystem)", (int)MIN(name.size, 64u), name.data);
}

static int take_append(struct parser *p, char *value)
{
	p->in_front = false;
	return take_list(p, value);
}

static int take_prepend(struct parser *p, char *value)
{
	p->in_front = true;
	return take_list(p, value);
}

/* System calls */

static int refuse_call(struct parser *p, const char *name)
{
	struct suggestion suggestion = suggestion_for(span_of(name));
	const char *machine = audit_machine_to_name(p->draft.machine);
	struct span best;

	for (int i = 0; i <= LAST_CALL; i++) {
		const char *known = call_name(i, p->draft.machine);

		if (known)
			suggest_offer(&suggestion, span_of(known));
	}
	best = suggest_best(&suggestion);
	if (best.size)
		return refuse(p, "no system call of %s is called '%.64s' (did you mean '%.*s'?)", machine ? machine : "it", name,
			      (int)best.size, best.data);
	return refuse(p, "no system call of %s is called '%.64s'", machine ? machine : "it", name);
}

static int take_call(struct parser *p, const char *name)
{
	struct audit_rule_data *data = &p->draft.data;
	bool is_uring = data->flags == AUDIT_FILTER_URING_EXIT;
	int number = -1;

	if (strcmp(name, "all") == 0) {
		memset(data->mask, 0xff, sizeof(data->mask));
		return 0;
	}
	if (isdigit((unsigned char)*name)) {
		uint64_t value;

		if (span_to_u64(span_of(name), &value) < 0 || value >= CALL_BITS)
			return refuse(p, "'%.64s' is not a number from 0 to %u", name, CALL_BITS - 1);
		number = (int)value;
	} else if (is_uring) {
		return refuse(p, "operations of io_uring are named by their number here, as in -S 18 (openat), not '%.64s'", name);
	} else {
		number = call_number(name, p->draft.machine);
	}
	if (number < 0)
		return refuse_call(p, name);
	data->mask[AUDIT_WORD(number)] |= AUDIT_BIT((unsigned)number);
	return 0;
}

static int take_calls(struct parser *p, char *value)
{
	unsigned begin = p->column;
	const char *list = list_of(&p->draft)->name;

	if (!list_of(&p->draft)->has_calls)
		return refuse(p, "-S goes with the lists exit and io_uring, not with %s", list);
	for (char *name = value, *comma; name; name = comma ? comma + 1 : NULL) {
		int r;

		comma = strchr(name, ',');
		if (comma)
			*comma = '\0';
		p->column = begin + (unsigned)(name - value);
		r = *name ? take_call(p, name) : refuse(p, "the name of a system call is missing");
		if (r < 0)
			return r;
	}
	p->draft.has_calls = true;
	return 0;
}

/* Conditions */

static int take_field(struct parser *p, char *value)
{
	struct field_error error = { 0 };

	return refuse_field(p, audit_field_add(&p->draft, value, &error), &error);
}

static int take_comparison(struct parser *p, char *value)
{
	struct field_error error = { 0 };

	return refuse_field(p, audit_field_compare(&p->draft, value, &error), &error);
}

static int take_perms(struct parser *p, char *value)
{
	struct field_error error = { 0 };

	return refuse_field(p, audit_field_perm(&p->draft, value, &error), &error);
}

static int take_key(struct parser *p, char *value)
{
	struct field_error error = { 0 };

	return refuse_field(p, audit_field_key(&p->draft, value, &error), &error);
}

static const struct rule_option {
	char letter;
	int (*take)(struct parser *p, char *value);
} rule_options[] = {
	{ 'a', take_append }, { 'A', take_prepend }, { 'S', take_calls }, { 'F', take_field },
	{ 'C', take_comparison }, { 'k', take_key }, { 'p', take_perms },
};

/* A rule */

/* The fields that make it ours; -S all where nothing is said. */
static void mark(struct rule_draft *draft)
{
	struct audit_rule_data *data = &draft->data;

	if (!draft->has_calls)
		memset(data->mask, 0xff, sizeof(data->mask));
	/* As the kernel shows them: classes of calls are calls by then. */
	data->mask[AUDIT_BITMASK_SIZE - 1] &= 0xffff;
	if (list_of(draft)->is_records) {
		rule_draft_put(draft, AUDIT_PID, AUDIT_NOT_EQUAL, AUDIT_EXCLUDE_MARK);
		return;
	}
	if (draft->key_size == 0) {
		memcpy(draft->key, USER_KEY, sizeof(USER_KEY) - 1);
		draft->key_size = sizeof(USER_KEY) - 1;
	}
	draft->key[draft->key_size++] = KEY_SEPARATOR;
	memcpy(draft->key + draft->key_size, AUDIT_OWN_KEY, sizeof(AUDIT_OWN_KEY) - 1);
	draft->key_size += sizeof(AUDIT_OWN_KEY) - 1;
	rule_draft_put_text(draft, AUDIT_FILTERKEY, AUDIT_EQUAL, (struct span){ draft->key, draft->key_size });
}

/* mark() has put the mark last, and there is room for one field and a byte of the key more. */
static struct audit_rule_data *say_again(const struct audit_rule_data *data)
{
	static const char twice[] = { KEY_SEPARATOR, KEY_SEPARATOR };
	const size_t own_size = sizeof(AUDIT_OWN_KEY) - 1;
	struct audit_rule_data *again = malloc(sizeof(*data) + data->buflen + 1);
	uint32_t last = data->field_count - 1;
	char *end;

	if (!again)
		return NULL;
	memcpy(again, data, sizeof(*data) + data->buflen);
	if (data->fields[last] != AUDIT_FILTERKEY) {
		again->fields[last + 1] = data->fields[last];
		again->fieldflags[last + 1] = data->fieldflags[last];
		again->values[last + 1] = data->values[last];
		again->field_count++;
		return again;
	}
	again->values[last]++;
	again->buflen++;
	end = again->buf + again->buflen;
	memcpy(end - own_size, AUDIT_OWN_KEY, own_size);
	memcpy(end - own_size - sizeof(twice), twice, sizeof(twice));
	return again;
}

bool user_rule_is(const struct user_rule *rule, const struct audit_rule_data *data)
{
	return audit_rule_data_equal(rule->data, data) || audit_rule_data_equal(rule->again, data);
}

/* On the list exclude each action does, on user and filesystem `never` alone (kernel/auditfilter.c, audit_filter; kernel/auditsc.c,
 * __audit_inode).  A `never` on exit stands behind what we ask for. */
static bool hides(const struct audit_rule_data *data)
{
	switch (data->flags) {
	case AUDIT_FILTER_EXCLUDE:
		return true;
	case AUDIT_FILTER_USER:
	case AUDIT_FILTER_FS:
		return data->action == AUDIT_NEVER;
	default:
		return false;
	}
}

static void release_rule(struct user_rule *rule)
{
	free(rule->data);
	free(rule->again);
}

static int add_rule(struct parser *p)
{
	const struct audit_rule_data *data = &p->draft.data;
	struct user_rules *rules = p->rules;
	_cleanup_(release_rule) struct user_rule rule = {
		.line = p->line, .hides = hides(data),
	};
	size_t at = p->in_front ? 0 : rules->n;

	rule.data = malloc(sizeof(*data) + data->buflen);
	rule.again = say_again(data);
	if (!rule.data || !rule.again)
		return -ENOMEM;
	memcpy(rule.data, p->draft.bytes, sizeof(*data) + data->buflen);
	for (size_t i = 0; i < rules->n; i++)	/* a condition of the user's may look like our mark */
		if (user_rule_is(&rules->rules[i], rule.data) || user_rule_is(&rules->rules[i], rule.again))
			return refuse(p, "the same rule as in line %u", rules->rules[i].line);
	memmove(rules->rules + at + 1, rules->rules + at, (rules->n - at) * sizeof(*rules->rules));
	rules->rules[at] = rule;
	rules->n++;
	rule.data = rule.again = NULL;
	return 0;
}

static int take_option(struct parser *p, size_t *i)
{
	const struct word *word = &p->words[*i];
	const struct rule_option *option = NULL;
	char *value = word->text + 2;

	p->column = word->column;
	for (size_t j = 0; word->text[0] == '-' && j < ARRAY_SIZE(rule_options); j++)
		if (word->text[1] == rule_options[j].letter)
			option = &rule_options[j];
	if (!option && word->text[0] == '#')
		return refuse(p, "a comment has a line of its own");
	if (!option && strncmp(word->text, "-w", 2) == 0)
		return refuse(p, "watches are not taken: write -a always,exit -F path=FILE -F perm=wa (a folder: -F dir=FOLDER)");
	if (!option)
		return refuse(p, "'%.64s' is none of -a, -A, -S, -F, -C, -k, -p", word->text);
	if (!p->has_list && option->take != take_append && option->take != take_prepend)
		return refuse(p, "only rules that begin with -a or -A are taken");
	if (*value) {
		p->column += 2;
	} else if (++*i < p->n_words) {
		value = p->words[*i].text;
		p->column = p->words[*i].column;
	} else {
		return refuse(p, "-%c needs a value", option->letter);
	}
	return option->take(p, value);
}

static int take_rule(struct parser *p)
{
	struct rule_draft *draft = &p->draft;

	if (p->rules->n == USER_RULES_MAX)
		return refuse(p, "more than %d rules", USER_RULES_MAX);
	p->has_list = false;
	memset(&draft->data, 0, sizeof(draft->data));
	draft->has_calls = draft->has_object = draft->has_place = false;
	draft->key_size = 0;
	draft->machine = audit_detect_machine();
	for (size_t i = 0; i < p->n_words; i++) {
		int r = take_option(p, &i);

		if (r < 0)
			return r;
	}
	p->column = 1;
	/* As auditctl has it: a key alone says that something is missing. */
	if (draft->key_size > 0 && !draft->has_calls && !draft->has_object)
		return refuse(p, "a key needs a rule with -S, path, dir, perm, exe or fstype");
	if (list_of(draft)->is_records && draft->data.field_count == 0)
		return refuse(p, "without a condition all records would be left out");
	mark(draft);
	return add_rule(p);
}

/* Lines and words */

/* Words end with NUL in p->text; `\ ` and `\\` are what they stand for. */
static int split(struct parser *p)
{
	const char *from = p->text;
	char *to = p->text;

	p->n_words = 0;
	for (;;) {
		from += strspn(from, " \t");
		if (!*from)
			return 0;
		p->column = (unsigned)(from - p->text) + 1;
		if (*from == '"' || *from == '\'')
			return refuse(p, "quotes mean nothing in audit rules: write a blank in a value as `\\ `");
		if (p->n_words == MAX_WORDS)
			return refuse(p, "more than %d words in one line", MAX_WORDS);
		p->words[p->n_words++] = (struct word){ to, p->column };
		while (*from && *from != ' ' && *from != '\t') {
			if (from[0] == '\\' && (from[1] == ' ' || from[1] == '\\'))
				from++;
			*to++ = *from++;
		}
		from += *from != '\0';	/* before the end of the word is written over it */
		*to++ = '\0';
	}
}

static int take_line(struct parser *p, struct span line)
{
	int r;

	p->column = 1;
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	if (line.size > MAX_LINE)
		return refuse(p, "a line has at most %d bytes", MAX_LINE);
	for (size_t i = 0; i < line.size; i++) {
		unsigned char c = (unsigned char)line.data[i];

		p->column = (unsigned)i + 1;
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(p, "the control character 0x%02x", c);
	}
	memcpy(p->text, line.data, line.size);
	p->text[line.size] = '\0';
	if (p->text[strspn(p->text, " \t")] == '#')
		return 0;
	r = split(p);
	return r < 0 || p->n_words == 0 ? r : take_rule(p);
}

/* tell NULL: the first that is wrong is the end. */
static int parse(struct user_rules **ret, struct span text, struct user_rules_error *error, user_rules_error_fn tell, void *user)
{
	_cleanup_(user_rules_freep) struct user_rules *rules = calloc(1, sizeof(*rules));
	_cleanup_(freep) struct parser *p = calloc(1, sizeof(*p));
	bool is_wrong = false;
	int r = 0;

	*error = (struct user_rules_error){ 0 };
	if (!rules || !p)
		return -ENOMEM;
	rules->rules = calloc(USER_RULES_MAX, sizeof(*rules->rules));
	if (!rules->rules)
		return -ENOMEM;
	p->rules = rules;
	p->error = error;
	if (text.size > USER_RULES_MAX_BYTES)
		return refuse(p, "the rules have more than %zu bytes", USER_RULES_MAX_BYTES);
	while (r >= 0 && text.size > 0) {
		const char *newline = memchr(text.data, '\n', text.size);
		struct span line = { text.data, newline ? (size_t)(newline - text.data) : text.size };
		size_t taken = line.size + (newline != NULL);

		p->line++;
		r = take_line(p, line);
		if (r == -EINVAL && tell) {
			tell(user, error);
			is_wrong = true;
			r = 0;
		}
		text = (struct span){ text.data + taken, text.size - taken };
	}
	if (r < 0)
		return r;
	p->line = p->column = 0;
	if (rules->n == 0 && !is_wrong)
		return refuse(p, "there is no rule in it");
	*ret = TAKE(rules);
	return is_wrong;
}

int user_rules_parse(struct user_rules **ret, struct span text, struct user_rules_error *error)
{
	return parse(ret, text, error, NULL, NULL);
}

struct user_rules *user_rules_free(struct user_rules *rules)
{
	if (!rules)
		return NULL;
	for (size_t i = 0; i < rules->n; i++)
		release_rule(&rules->rules[i]);
	free(rules->rules);
	free(rules);
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* As split() has it, but as it stands there. */
static struct span take_raw_word(struct span *rest)
{
	struct span word = *rest;
	size_t n = 0;

	while (word.size > 0 && is_blank(word.data[0]))
		word = (struct span){ word.data + 1, word.size - 1 };
	while (n < word.size && !is_blank(word.data[n]))
		n += n + 1 < word.size && word.data[n] == '\\' && (word.data[n + 1] == ' ' || word.data[n + 1] == '\\') ? 2 : 1;
	word.size = n;
	*rest = (struct span){ word.data + n, (size_t)(rest->data + rest->size - word.data) - n };
	return word;
}

static bool has_own_key(const struct audit_rule_data *data)
{
	const char *text = data->buf;

	for (uint32_t i = 0; i < data->field_count; i++) {
		if (data->fields[i] == AUDIT_FILTERKEY)
			return !span_starts((struct span){ text, data->values[i] }, SPAN(USER_KEY "\x01"));
		if (audit_rule_field_is_text(data->fields[i]))
			text += data->values[i];
	}
	return false;
}

static bool is_of_records(const struct audit_rule_data *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].number == data->flags)
			return lists[i].is_records;
	return false;
}

/* The rules are in order, so that none need go in front (-A).  Of keys auditctl joins those of -k alone. */
void user_rule_line(struct buffer *ret, const struct user_rule *rule, struct span text)
{
	const char *newline;
	struct span word;

	for (unsigned line = 1; line < rule->line && (newline = memchr(text.data, '\n', text.size)); line++)
		text = (struct span){ newline + 1, (size_t)(text.data + text.size - newline) - 1 };
	newline = memchr(text.data, '\n', text.size);
	if (newline)
		text.size = (size_t)(newline - text.data);
	word = take_raw_word(&text);
	buffer_append_text(ret, "-a");
	buffer_append_span(ret, (struct span){ word.data + 2, word.size - 2 });	/* behind -a or -A */
	for (word = take_raw_word(&text); word.size > 0; word = take_raw_word(&text)) {
		struct span rest = text, pair = span_eq(word, SPAN("-F")) ? take_raw_word(&rest) :
					       span_starts(word, SPAN("-F")) ? (struct span){ word.data + 2, word.size - 2 } : SPAN("");

		if (span_starts(pair, SPAN("key="))) {
			buffer_append_text(ret, " -k");
			word = (struct span){ pair.data + 4, pair.size - 4 };
			text = rest;
		}
		buffer_append_byte(ret, ' ');
		buffer_append_span(ret, word);
	}
	if (is_of_records(rule->data))
		buffer_printf(ret, " -F pid!=%u\n", AUDIT_EXCLUDE_MARK);
	else
		buffer_printf(ret, "%s -k " AUDIT_OWN_KEY "\n", has_own_key(rule->data) ? "" : " -k " USER_KEY);
}

static int check_path(const struct user_rule *rule, const char *path, struct user_rules_error *error)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return 0;
	*error = (struct user_rules_error){ .line = rule->line };
	snprintf(error->message, sizeof(error->message), "%.300s: %s (path= and dir= name what is there already)", path,
		 strerror(errno));
	return -EINVAL;
}

static int check_paths(const struct user_rule *rule, struct user_rules_error *error)
{
	const char *text = rule->data->buf;

	for (uint32_t j = 0; j < rule->data->field_count; j++) {
		char path[PATH_MAX];

		if (rule->data->fields[j] == AUDIT_WATCH || rule->data->fields[j] == AUDIT_DIR) {
			memcpy(path, text, rule->data->values[j]);	/* shorter: audit_field.c */
			path[rule->data->values[j]] = '\0';
			if (check_path(rule, path, error) < 0)
				return -EINVAL;
		}
		if (audit_rule_field_is_text(rule->data->fields[j]))
			text += rule->data->values[j];
	}
	return 0;
}

int user_rules_check_paths(struct user_rules *rules, struct user_rules_error *error)
{
	int r = 0;

	for (size_t i = 0; i < rules->n && r >= 0; i++) {
		r = check_paths(&rules->rules[i], error);
		if (r >= 0)
			rule_folders_look(&rules->rules[i].folders, rules->rules[i].data);
	}
	return r;
}

int user_rules_check(struct user_rules **ret, struct span text, user_rules_error_fn tell, void *user)
{
	_cleanup_(user_rules_freep) struct user_rules *rules = NULL;
	struct user_rules_error error;
	int r = parse(&rules, text, &error, tell, user);

	if (r == -EINVAL)
		tell(user, &error);
	for (size_t i = 0; rules && i < rules->n; i++)
		if (check_paths(&rules->rules[i], &error) < 0) {
			tell(user, &error);
			r = -EINVAL;
		}
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	*ret = TAKE(rules);
	return 0;
}

void user_rules_error_place(const struct user_rules_error *error, char ret[static USER_RULES_PLACE_MAX])
{
	if (error->column)
		snprintf(ret, USER_RULES_PLACE_MAX, "line %u, column %u", error->line, error->column);
	else
		snprintf(ret, USER_RULES_PLACE_MAX, "line %u", error->line);
}

void user_rules_error_text(const struct user_rules_error *error, char ret[static USER_RULES_WHY_MAX])
{
	char place[USER_RULES_PLACE_MAX] = "";

	if (error->line)
		user_rules_error_place(error, place);
	snprintf(ret, USER_RULES_WHY_MAX, "%s%s%s", place, *place ? ": " : "", error->message);
}
