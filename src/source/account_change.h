#pragma once
/* What differs between an account, or a group, and what it was. */

#include "base/buffer.h"
#include "source/account_table.h"

#define ACCOUNT_CHANGES_MAX 64u		/* of one account, in so many bytes; values longer than that are told by their begin */
#define ACCOUNT_CHANGES_BYTES ((size_t)8 << 10)
#define ACCOUNT_VALUE_BYTES ((size_t)256)

/* An account in both its files, at one time; NULL: it is not in this one, or that file cannot be compared. */
struct account_side {
	const struct account_table *tables[2];	/* passwd and shadow, or group and gshadow; never NULL */
	const struct account *accounts[2];
	bool is_known[2];		/* false: the file cannot be compared */
};

struct account_change {
	const char *act;		/* add, delete, change, password (nothing but that) */
	struct buffer list;		/* `shell: /bin/sh -> /bin/bash`, each ended by a NUL; empty: nothing that anybody is told */
	unsigned n;
	bool is_cut;
};
/* ret: zeros at first, used again and again. */
void account_change_find(struct account_change *ret, const struct account_side *before, const struct account_side *now);
void account_change_release(struct account_change *change);
