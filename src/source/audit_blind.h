#pragma once
/* Rules `-a task,never` in the kernel: what is born while one holds is never audited. */

#include "source/audit_rules.h"

/* How many there are; < 0: -errno. */
int audit_blind_count(struct audit_control *control);
/* Removes them.  How many; < 0: -errno, some may be gone. */
int audit_blind_remove(struct audit_control *control);
