/* See account_change.h. */

#include "source/account_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECONDS_PER_DAY 86400
#define LAST_PASSWORD_CHANGE 2		/* a column of shadow: follows from the password */

/* One more thing, if there is room: its text up to the NUL follows. */
static bool begin(struct account_change *change)
{
	if (change->n == ACCOUNT_CHANGES_MAX || change->list.size >= ACCOUNT_CHANGES_BYTES) {
		change->is_cut = true;
		return false;
	}
	change->n++;
	return true;
}

static void put_date(struct buffer *list, struct span value)
{
	uint64_t days;
	struct tm tm;
	time_t time;

	if (span_to_u64(value, &days) < 0 || days > 3000000) {
		buffer_append_span(list, value);
		return;
	}
	time = (time_t)days * SECONDS_PER_DAY;
	gmtime_r(&time, &tm);
	buffer_printf(list, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static void put_value(struct account_change *change, enum account_type type, struct span value)
{
	if (value.size > ACCOUNT_VALUE_BYTES) {
		value.size = ACCOUNT_VALUE_BYTES;
		change->is_cut = true;
	}
	if (value.size == 0)
		buffer_append_text(&change->list, "(none)");
	else if (password_looks_so(value))
		buffer_append_text(&change->list, "(looks like a password)");
	else if (type == ACCOUNT_DATE)
		put_date(&change->list, value);
	else
		buffer_append_span(&change->list, value);
}

/* Of one that comes or goes: what it has, or had. */
static void compare_values(struct account_change *change, const struct account_column *column, struct span before, struct span now,
			   bool is_change)
{
	if (span_eq(before, now) || !begin(change))
		return;
	buffer_printf(&change->list, "%s: ", column->name);
	if (is_change || before.size > 0)
		put_value(change, column->type, before);
	if (is_change)
		buffer_append_text(&change->list, " -> ");
	if (is_change || before.size == 0)
		put_value(change, column->type, now);
	buffer_append_byte(&change->list, 0);
}

/* Lists */

struct names {
	struct span *names;
	size_t n;
};

static int by_text(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = memcmp(x->data, y->data, MIN(x->size, y->size));

	return order ? order : (x->size > y->size) - (x->size < y->size);
}

/* Sorted, each once. */
static bool split(struct span text, struct names *ret)
{
	size_t n = 1;

	for (size_t i = 0; i < text.size; i++)
		n += text.data[i] == ',';
	ret->names = calloc(n, sizeof(*ret->names));
	ret->n = 0;
	if (!ret->names)
		return false;
	while (text.size > 0) {
		const char *comma = memchr(text.data, ',', text.size);
		struct span name = { text.data, comma ? (size_t)(comma - text.data) : text.size };

		text.data += name.size + (comma ? 1 : 0);
		text.size -= name.size + (comma ? 1 : 0);
		if (name.size > 0)
			ret->names[ret->n++] = name;
	}
	qsort(ret->names, ret->n, sizeof(*ret->names), by_text);
	n = 0;
	for (size_t i = 0; i < ret->n; i++)
		if (n == 0 || !span_eq(ret->names[n - 1], ret->names[i]))
			ret->names[n++] = ret->names[i];
	ret->n = n;
	return true;
}

static bool has(const struct account_change *change, const char *column, char sign, struct span name)
{
	struct span rest = buffer_span(&change->list);

	while (rest.size > 0) {
		size_t size = strlen(rest.data), at = strlen(column) + 3;

		if (size == at + name.size && memcmp(rest.data, column, strlen(column)) == 0 && rest.data[at - 1] == sign &&
		    memcmp(rest.data + at, name.data, name.size) == 0)
			return true;
		rest.data += size + 1;
		rest.size -= size + 1;
	}
	return false;
}

/* Who became a member of a group became one of its shadow too: that is told once. */
static void put_name(struct account_change *change, const struct account_column *column, char sign, struct span name)
{
	if (change->list.failed || (span_starts(span_of(column->name), SPAN("shadow ")) && has(change, column->name + 7, sign, name)) ||
	    !begin(change))
		return;
	buffer_printf(&change->list, "%s: %c", column->name, sign);
	put_value(change, ACCOUNT_TEXT, name);
	buffer_append_byte(&change->list, 0);
}

static void compare_lists(struct account_change *change, const struct account_column *column, struct span before, struct span now)
{
	struct names was = { 0 }, is = { 0 };

	if (span_eq(before, now))
		return;
	if (split(before, &was) && split(now, &is)) {
		for (size_t i = 0, k = 0; i < was.n || k < is.n;) {
			int order = i == was.n ? 1 : k == is.n ? -1 : by_text(&was.names[i], &is.names[k]);

			if (order < 0)
				put_name(change, column, '-', was.names[i]);
			else if (order > 0)
				put_name(change, column, '+', is.names[k]);
			i += order <= 0;
			k += order >= 0;
		}
	} else {
		change->list.failed = true;
	}
	free(was.names);
	free(is.names);
}

/* Passwords */

/* The one that counts: that of passwd or group, unless it says that the other file has it.  Nobody comes in by one that is nowhere. */
static enum password_state password_of(const struct account_side *side, const unsigned char **ret_digest)
{
	static const unsigned char none[sizeof(((struct account *)NULL)->digest)];
	const struct account *main = side->accounts[0], *shadow = side->accounts[1];

	*ret_digest = none;
	if (main && main->state != PASSWORD_ELSEWHERE) {
		*ret_digest = main->digest;
		return (enum password_state)main->state;
	}
	if (!side->is_known[1])
		return PASSWORD_ELSEWHERE;
	if (!shadow || shadow->state == PASSWORD_ELSEWHERE)
		return PASSWORD_LOCKED;
	*ret_digest = shadow->digest;
	return (enum password_state)shadow->state;
}

/* NULL: it is as it was, or it is not known. */
static const char *password_change(const struct account_side *before, const struct account_side *now, bool is_new)
{
	static const char *const words[][PASSWORD_SET + 1] = {
		[PASSWORD_NONE] = { [PASSWORD_LOCKED] = "locked", [PASSWORD_SET] = "set" },
		[PASSWORD_LOCKED] = { [PASSWORD_NONE] = "removed", [PASSWORD_LOCKED] = "changed", [PASSWORD_SET] = "set" },
		[PASSWORD_SET] = { [PASSWORD_NONE] = "removed", [PASSWORD_LOCKED] = "locked", [PASSWORD_SET] = "changed" },
	};
	static const char *const words_of_new[] = { [PASSWORD_NONE] = "none", [PASSWORD_LOCKED] = "locked", [PASSWORD_SET] = "set" };
	const unsigned char *was_digest, *is_digest;
	enum password_state was = password_of(before, &was_digest), is = password_of(now, &is_digest);
	bool is_same = memcmp(was_digest, is_digest, sizeof(((struct account *)NULL)->digest)) == 0;

	if (is == PASSWORD_ELSEWHERE || (was == PASSWORD_ELSEWHERE && !is_new))
		return NULL;
	if (is_new)
		return words_of_new[is];
	if (was == is && is_same)
		return NULL;
	return was == PASSWORD_LOCKED && is == PASSWORD_SET && is_same ? "unlocked" : words[was][is];
}

void account_change_find(struct account_change *ret, const struct account_side *before, const struct account_side *now)
{
	bool is_change = !before->accounts[0] == !now->accounts[0], is_password;
	const char *password;

	buffer_clear(&ret->list);
	ret->n = 0;
	ret->is_cut = false;
	ret->act = is_change ? "change" : now->accounts[0] ? "add" : "delete";
	password = is_change || now->accounts[0] ? password_change(before, now, !is_change) : NULL;
	is_password = is_change && password;
	if (password && begin(ret)) {
		buffer_printf(&ret->list, "password: %s", password);
		buffer_append_byte(&ret->list, 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		const struct account *was = before->accounts[i], *is = now->accounts[i];
		enum account_file file = now->tables[i]->file;
		struct account_line old = { 0 }, new = { 0 };

		if (!before->is_known[i] || !now->is_known[i])
			continue;
		if (was)
			old = account_table_line(before->tables[i], was);
		if (is)
			new = account_table_line(now->tables[i], is);
		for (unsigned k = ACCOUNT_ID; k < ACCOUNT_COLUMNS; k++) {
			const struct account_column *column = &account_columns[file][k];
			unsigned n = ret->n;

			if (column->name && column->type == ACCOUNT_LIST)
				compare_lists(ret, column, old.columns[k], new.columns[k]);
			else if (column->name)
				compare_values(ret, column, old.columns[k], new.columns[k], is_change);
			is_password &= n == ret->n || (file == ACCOUNT_SHADOW && k == LAST_PASSWORD_CHANGE);
		}
	}
	if (is_password)
		ret->act = "password";
}

void account_change_release(struct account_change *change)
{
	buffer_release(&change->list);
}
