#pragma once
/* FIELD OPERATOR VALUE of an audit rule -> the numbers of the kernel. */

#include <linux/audit.h>

#include "base/span.h"

#define RULE_DRAFT_TEXT 12800		/* three paths and a key */

/* A rule that is being made. */
struct rule_draft {
	int machine;			/* whose system calls are meant */
	bool has_calls, has_object;	/* -S was given; or what else a key may stand for (path, perm, exe, fstype) */
	bool has_place;			/* path, dir or inode: of them the kernel takes one a rule */
	size_t key_size;
	char key[256];			/* AUDIT_MAX_KEY_LEN: several have 0x01 between */
	union {
		struct audit_rule_data data;
		char bytes[sizeof(struct audit_rule_data) + RULE_DRAFT_TEXT];
	};
};

struct field_error {
	size_t offset;			/* in the pair: what is wrong begins there */
	char message[256];
};

#define KEY_SEPARATOR '\x01'
/* Two more fields may follow those of the user: our mark, once or twice (user_rules.c). */
#define RULE_DRAFT_FIELDS (AUDIT_MAX_FIELDS - 2)

/* 0; -EINVAL, *error says why. The pair ends with NUL and is changed. */
int audit_field_add(struct rule_draft *draft, char *pair, struct field_error *error);
int audit_field_compare(struct rule_draft *draft, char *pair, struct field_error *error);
int audit_field_key(struct rule_draft *draft, const char *key, struct field_error *error);
int audit_field_perm(struct rule_draft *draft, const char *perms, struct field_error *error);
/* No check at all. */
void rule_draft_put(struct rule_draft *draft, uint32_t field, uint32_t op, uint32_t value);
void rule_draft_put_text(struct rule_draft *draft, uint32_t field, uint32_t op, struct span text);
