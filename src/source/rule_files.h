#pragma once
/* The files of audit rules of the host: those that augenrules(8) makes /etc/audit/audit.rules of, and that one. */

#include "source/rule_text.h"

#define RULES_FOLDER "/etc/audit/rules.d"
#define OWN_RULES_FILE RULES_FOLDER "/recorder.rules"
/* A line of ours in it says so. */
#define OWN_RULES_SIGN "# Written by the recorder"

/* A file; error: it could not be read, -errno.  Borrowed until the function returns; < 0 ends. */
typedef int (*rule_file_fn)(void *user, const char *path, struct span text, int error);
/* All, in the order in which augenrules takes them, audit.rules last.  root: what the paths lie below.  0, -ENOMEM, or what fn returned. */
int rule_files_each(const char *root, rule_file_fn fn, void *user);
/* What they say; of a file that cannot be read nothing.  0 or -ENOMEM. */
int rule_files_facts(const char *root, struct rule_facts *ret);
/* Is there augenrules, and the folder that it reads? */
bool rule_files_are_joined(const char *root);
