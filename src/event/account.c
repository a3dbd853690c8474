/* See account.h. */

#include "event/account.h"

#include "base/macro.h"

#define CRYPT_MIN 13			/* bytes of the shortest result of crypt(3): DES */

const char *const account_paths[N_ACCOUNT_FILES] = {
	[ACCOUNT_PASSWD] = "/etc/passwd",
	[ACCOUNT_SHADOW] = "/etc/shadow",
	[ACCOUNT_GROUP] = "/etc/group",
	[ACCOUNT_GSHADOW] = "/etc/gshadow",
};

const struct account_column account_columns[N_ACCOUNT_FILES][ACCOUNT_COLUMNS] = {
	[ACCOUNT_PASSWD] = { [2] = { "id", ACCOUNT_TEXT }, { "group id", ACCOUNT_TEXT }, { "comment", ACCOUNT_TEXT },
			     { "home", ACCOUNT_TEXT }, { "shell", ACCOUNT_TEXT } },
	[ACCOUNT_SHADOW] = { [2] = { "last password change", ACCOUNT_DATE }, { "password minimum days", ACCOUNT_TEXT },
			     { "password maximum days", ACCOUNT_TEXT }, { "password warning days", ACCOUNT_TEXT },
			     { "password inactive days", ACCOUNT_TEXT }, { "expires", ACCOUNT_DATE } },
	[ACCOUNT_GROUP] = { [2] = { "id", ACCOUNT_TEXT }, { "member", ACCOUNT_LIST } },
	[ACCOUNT_GSHADOW] = { [2] = { "administrator", ACCOUNT_LIST }, { "shadow member", ACCOUNT_LIST } },
};

static const unsigned n_columns[N_ACCOUNT_FILES] = {
	[ACCOUNT_PASSWD] = 7,
	[ACCOUNT_SHADOW] = 9,
	[ACCOUNT_GROUP] = 4,
	[ACCOUNT_GSHADOW] = 4,
};

bool account_file_of(struct span path, enum account_file *ret)
{
	if (!span_starts(path, SPAN("/etc/")))
		return false;
	for (unsigned i = 0; i < N_ACCOUNT_FILES; i++)
		if (span_eq(path, span_of(account_paths[i]))) {
			*ret = (enum account_file)i;
			return true;
		}
	return false;
}

/* glibc, nss/nss_readline.c: blanks before are passed by, a comment is no line; what is read is a C string. */
bool account_line_parse(enum account_file file, struct span line, struct account_line *ret)
{
	const char *end = line.data ? memchr(line.data, 0, line.size) : NULL;

	if (end)
		line.size = (size_t)(end - line.data);
	while (line.size > 0 && (line.data[0] == ' ' || (line.data[0] >= '\t' && line.data[0] <= '\r'))) {
		line.data++;
		line.size--;
	}
	if (line.size == 0 || line.data[0] == '#' || line.data[0] == ':' || !memchr(line.data, ':', line.size))
		return false;
	*ret = (struct account_line){ 0 };
	for (unsigned i = 0; i < n_columns[file] && line.size > 0; i++) {
		const char *colon = i + 1 < n_columns[file] ? memchr(line.data, ':', line.size) : NULL;
		size_t size = colon ? (size_t)(colon - line.data) : line.size;

		ret->columns[i] = (struct span){ line.data, size };
		line.data += size + (colon ? 1 : 0);
		line.size -= size + (colon ? 1 : 0);
	}
	return true;
}

enum password_state password_state_of(struct span column, struct span *ret)
{
	bool is_locked = false;

	while (column.size > 0 && (column.data[0] == '!' || column.data[0] == '*')) {
		is_locked = true;
		column.data++;
		column.size--;
	}
	*ret = column;
	if (is_locked)
		return PASSWORD_LOCKED;
	if (column.size == 0)
		return PASSWORD_NONE;
	if (span_eq(column, SPAN("x")))
		return PASSWORD_ELSEWHERE;
	return column.size < CRYPT_MIN ? PASSWORD_LOCKED : PASSWORD_SET;
}

/* crypt(5): `$`, what made it, `$`. */
bool password_looks_so(struct span text)
{
	const char *end;

	while (text.size > 0 && (text.data[0] == '!' || text.data[0] == '*')) {
		text.data++;
		text.size--;
	}
	if (text.size < CRYPT_MIN || text.data[0] != '$')
		return false;
	end = memchr(text.data + 1, '$', MIN(text.size - 1, (size_t)16));
	return end && end > text.data + 1;
}
