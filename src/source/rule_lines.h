#pragma once
/* The rules that are loaded as lines of a file that auditctl reads when the machine starts. */

#include "source/audit_rules.h"
#include "base/buffer.h"

/* Those of the last audit_rules_load(), and a user's (NULL: none) with the text they were made of.  A line that auditctl or the kernel
 * may not take then is left out: auditctl would stop at it, and what stands behind would be missing, the host's own rules too.
 * *ret_absent: how many of the lines are not in the kernel now, of a user's all or none.  0 or -ENOMEM. */
struct user_rules;
int rule_lines_make(struct buffer *ret, const struct audit_control *control, const struct user_rules *user, struct span user_text,
		    unsigned *ret_absent);
