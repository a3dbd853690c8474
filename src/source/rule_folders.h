#pragma once
/* The folders that a rule of audit looks into: that of dir=, and those which what path= and exe= name is in.  When one goes, with its file
 * system or, but for dir=, to another place, the kernel removes the rule itself (kernel/audit_tree.c, kill_rules; kernel/audit_watch.c,
 * audit_remove_parent_watches; kernel/audit_fsnotify.c, audit_autoremove_mark_rule). */

#include <linux/audit.h>
#include <stdbool.h>
#include <stdint.h>

struct rule_folders {
	uint64_t devices;		/* that they were on, in one number... */
	uint64_t looked_ns;		/* ...at that time (1970); 0: nobody has looked */
};

/* As they are now, when the rule is loaded. */
void rule_folders_look(struct rule_folders *ret, const struct audit_rule_data *data);
/* Is one of them not there, on another device, or made later than since_ns and than they were looked at?  One that was moved away and back
 * is not told from one that has stayed. */
bool rule_folders_are_other(const struct rule_folders *folders, const struct audit_rule_data *data, uint64_t since_ns);
