#pragma once
/* The rules that the kinds of events somebody wants need in the kernel, as few as possible.  No kernel
 * here. */

#include <linux/audit.h>

#include "base/buffer.h"
#include "source/audit_rules.h"

#define AUDIT_RULE_CONDITIONS 16
#define AUDIT_PLAN_RULES 256

struct audit_condition {
	uint32_t field;			/* AUDIT_SUCCESS, AUDIT_ARG0 + n, ... */
	uint32_t op;			/* AUDIT_EQUAL, ...; 0: the end */
	uint32_t value;			/* of a path how long it is */
	const char *path;		/* of AUDIT_WATCH and AUDIT_DIR, at most AUDIT_CONDITION_PATH_MAX */
};

#define AUDIT_CONDITION_PATH_MAX 256

struct audit_rule {
	uint32_t list;			/* AUDIT_FILTER_EXIT, AUDIT_FILTER_EXCLUDE, AUDIT_FILTER_URING_EXIT */
	uint32_t arch;			/* AUDIT_ARCH_X86_64, ...; 0: no such condition */
	bool optional;			/* an older kernel may not know it, or its folder not be there; that is no error */
	bool refused;			/* it did not */
	bool absent;			/* the kernel is locked and does not have it */
	uint32_t calls[AUDIT_BITMASK_SIZE];	/* system calls, or operations of io_uring, as bits; without arch: all */
	struct audit_condition conditions[AUDIT_RULE_CONDITIONS];
};

struct audit_plan {
	struct audit_rule rules[AUDIT_PLAN_RULES];
	size_t n_rules;
	char folders[AUDIT_SCOPE_FOLDERS][AUDIT_CONDITION_PATH_MAX];	/* of the scope, which conditions point to */
};

/* The value of AUDIT_PID that our rules of the lists exclude and user compare with and never meet, since no pid is so
 * large: with a key they would never hold, and this tells that they are ours. */
#define AUDIT_EXCLUDE_MARK 0x7265636fu

/* Is anything wanted that needs audit at all? */
bool audit_plan_any(const struct audit_rules_options *options);
/* Is a rule that the kind needs not among those of the plan that are there (NULL: none is)?  < 0: -errno. */
int audit_plan_lacks(const struct audit_plan *plan, const struct audit_rules_options *options, enum kind_id kind);
int audit_plan_make(struct audit_plan *ret, const struct audit_rules_options *options);
/* One line as auditctl takes it: -a always,exit -F arch=b64 -S execve,execveat -F success=1 -F key=recorder
 */
void audit_rule_text(struct buffer *buffer, const struct audit_rule *rule);

/* As the kernel takes and shows it: the size, at most AUDIT_RULE_DATA_MAX. */
#define AUDIT_RULE_DATA_MAX (sizeof(struct audit_rule_data) + AUDIT_CONDITION_PATH_MAX + sizeof(AUDIT_OWN_KEY))
size_t audit_rule_data_make(struct audit_rule_data *ret, const struct audit_rule *rule);
/* Is the value of the field the length of a text in buf? */
bool audit_rule_field_is_text(uint32_t field);
/* Is it a rule of ours, or one that we loaded for a user (of this run or another)? */
bool audit_rule_data_is_own(const struct audit_rule_data *data, size_t size);
/* Of those that are own: one of a plan, not of a user.  Of the lists of records nobody can tell: no. */
bool audit_rule_data_is_planned(const struct audit_rule_data *data);
/* The same rule, whoever wrote it. */
bool audit_rule_data_equal(const struct audit_rule_data *a, const struct audit_rule_data *b);
