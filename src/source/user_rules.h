#pragma once
/* Audit rules of an administrator: text as auditctl reads it -> what the kernel takes.  No kernel here.
 *
 * A rule a line; blank lines and lines that begin with # are left out.  Taken are -a and -A with -S, -F, -C, -k and -p; a blank in
 * a value is written `\ `, a backslash `\\`.  What is refused is refused whole, with line and column. */

#include <linux/audit.h>

#include "base/buffer.h"
#include "source/rule_folders.h"

#define USER_RULES_MAX 1000
#define USER_RULES_MAX_BYTES ((size_t)256 << 10)
#define USER_RULES_WHY_MAX 512

struct user_rule {
	unsigned line;
	bool hides;			/* takes records away, from us as from everybody */
	struct audit_rule_data *data;	/* as the kernel shows it... */
	struct audit_rule_data *again;	/* ...and in other words, which it takes beside the first */
	struct rule_folders folders;	/* as of when it was checked or, later, loaded */
};

/* In the order in which the kernel is to ask them: those of -A go in front. */
struct user_rules {
	struct user_rule *rules;
	size_t n;
};

struct user_rules_error {
	unsigned line, column;		/* from 1; 0: of the text as a whole */
	char message[USER_RULES_WHY_MAX - 64];
};

typedef void (*user_rules_error_fn)(void *user, const struct user_rules_error *error);
/* All that is wrong with it, line by line, also with what path= and dir= name.  0: nothing; -EINVAL; -ENOMEM. */
int user_rules_check(struct user_rules **ret, struct span text, user_rules_error_fn tell, void *user);
/* 0; -EINVAL with *error set to the first that is wrong; -ENOMEM. */
int user_rules_parse(struct user_rules **ret, struct span text, struct user_rules_error *error);
struct user_rules *user_rules_free(struct user_rules *rules);
DEFINE_CLEANUP(struct user_rules, user_rules_free)
/* A rule as a line of a file that auditctl reads, with our mark; text: what it was parsed from. */
void user_rule_line(struct buffer *ret, const struct user_rule *rule, struct span text);
/* Is it that rule, in either of its words? */
bool user_rule_is(const struct user_rule *rule, const struct audit_rule_data *data);
/* What path= and dir= name must exist on this host.  0; -EINVAL with *error set. */
int user_rules_check_paths(struct user_rules *rules, struct user_rules_error *error);
/* line 3, column 12 */
#define USER_RULES_PLACE_MAX 48
void user_rules_error_place(const struct user_rules_error *error, char ret[static USER_RULES_PLACE_MAX]);
/* line 3, column 12: unknown field 'pth' (did you mean 'path'?) */
void user_rules_error_text(const struct user_rules_error *error, char ret[static USER_RULES_WHY_MAX]);
