#pragma once
/* Accounts and groups as the files of a host have them: passwd(5), shadow(5), group(5), gshadow(5).  Lines are read as the C library reads
 * them. */

#include <stdbool.h>

#include "base/span.h"

enum account_file { ACCOUNT_PASSWD, ACCOUNT_SHADOW, ACCOUNT_GROUP, ACCOUNT_GSHADOW, N_ACCOUNT_FILES };
extern const char *const account_paths[N_ACCOUNT_FILES];
/* Whether the file at this absolute path is one of them. */
bool account_file_of(struct span path, enum account_file *ret);

#define ACCOUNT_COLUMNS 9
enum { ACCOUNT_NAME, ACCOUNT_PASSWORD, ACCOUNT_ID };	/* columns; ACCOUNT_ID: of passwd and group */
enum account_type { ACCOUNT_TEXT, ACCOUNT_DATE, ACCOUNT_LIST };	/* a date: days since 1970; a list: names between commas */
extern const struct account_column {
	const char *name;		/* for people; NULL: it is not told, or there is none */
	enum account_type type;
} account_columns[N_ACCOUNT_FILES][ACCOUNT_COLUMNS];

struct account_line {
	struct span columns[ACCOUNT_COLUMNS];	/* of the line; empty: there is none */
};
/* A line without its end.  false: it is no account (empty, a comment, no column but the first). */
bool account_line_parse(enum account_file file, struct span line, struct account_line *ret);

enum password_state {
	PASSWORD_ELSEWHERE,		/* `x`: in the other file */
	PASSWORD_NONE,			/* anybody may come in */
	PASSWORD_LOCKED,		/* none fits */
	PASSWORD_SET,
};
/* What stands in the column of the password.  *ret: the result of crypt(3) in it, also of a locked one; may be empty. */
enum password_state password_state_of(struct span column, struct span *ret);
/* Whether it begins as a result of crypt(3): it may be a password that stands in the wrong column. */
bool password_looks_so(struct span text);
