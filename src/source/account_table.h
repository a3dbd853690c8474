#pragma once
/* One of the files of accounts (event/account.h) as it is: its lines by name, so that two can be compared.  No password is in it: of each
 * a keyed digest is kept, which tells whether it is another one, and the bytes it stood in are blanks. */

#include "event/account.h"
#include "source/digest.h"

#define ACCOUNTS_MAX 65536u		/* a file with more, or with more bytes, is not kept: only whether it changed is known */
#define ACCOUNT_BYTES_MAX ((size_t)8 << 20)
#define ACCOUNT_KEY_BYTES 32

struct account {
	uint32_t offset, size;		/* of its line, in the text */
	uint32_t nth;			/* of those of this name, in the order of the file */
	uint8_t state;			/* enum password_state */
	unsigned char digest[16];	/* of the password; zeros: there is none */
};

struct account_table {
	enum account_file file;
	enum { TABLE_OK, TABLE_TOO_LARGE, TABLE_UNREADABLE, TABLE_CHANGING } state;
	int error;			/* of TABLE_UNREADABLE: errno */
	struct file_stamp stamp;	/* zeros: it is not there, or not to be opened */
	char *text;
	struct account *accounts;	/* by name and nth */
	size_t n;
};

/* Reads it; what is not there has no accounts.  0: *ret says what became of it, also if it is not TABLE_OK; -ENOMEM. */
int account_table_read(struct account_table *ret, enum account_file file, const char *path, const unsigned char key[ACCOUNT_KEY_BYTES]);
void account_table_release(struct account_table *table);

struct account_line account_table_line(const struct account_table *table, const struct account *account);
/* By name and nth. */
int account_compare(const struct account_table *table, const struct account *account, const struct account_table *other_table,
		    const struct account *other);
/* Whether all that is told of them is the same. */
bool account_is_same(const struct account_table *table, const struct account *account, const struct account_table *other_table,
		     const struct account *other);
