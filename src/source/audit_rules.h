#pragma once
/* The recorder's rules in the kernel, and the state of the kernel's audit that goes with them. */

#include "event/schema.h"

#define AUDIT_OWN_KEY "recorder"

struct audit_state {
	uint32_t enabled, failure, pid, rate_limit, backlog_limit, lost, backlog, backlog_wait_time;
};

struct audit_control;
int audit_control_open(struct audit_control **ret);		/* -errno: why there is no audit here */
struct audit_control *audit_control_free(struct audit_control *control);
int audit_control_state(struct audit_control *control, struct audit_state *ret);
/* What an -errno of these functions, or of source_audit's open, means for a person who has to mend it. */
const char *audit_control_why(int error);

/* How much of the wanted kinds is asked for: of those that a line speaks of nobody wants what lies outside.  All zero: all of them. */
#define AUDIT_SCOPE_FOLDERS 16
#define AUDIT_SCOPE_USERS 16
#define AUDIT_FOLDER_MAX 200		/* bytes of a path, with its NUL */
enum audit_outcome { AUDIT_OUTCOME_ANY, AUDIT_OUTCOME_SUCCESS, AUDIT_OUTCOME_FAILURE };
struct audit_scope {
	bool by_folder[N_KINDS];	/* of these only what a call names, or finds, in one of the folders */
	const char *folders[AUDIT_SCOPE_FOLDERS];	/* as audit_folders.h makes them; borrowed */
	size_t n_folders;
	uint32_t root;			/* or in `/` itself, whose inode this is; 0: not there */
	bool by_user[N_KINDS];		/* of these only what one of the users does */
	uint32_t user_field;		/* who he is: AUDIT_LOGINUID, AUDIT_UID, AUDIT_EUID */
	uint32_t users[AUDIT_SCOPE_USERS];
	size_t n_users;
	enum audit_outcome outcome[N_KINDS];
};

struct audit_rules_options {
	const bool *wanted;		/* N_KINDS flags: kinds somebody subscribed to */
	const struct audit_scope *scope;	/* NULL: all of them */
	uint32_t own_pid;		/* left out in the kernel when alone (unicast) */
	bool alone;			/* no other consumer: what we do not need is not made at all */
	bool have_connector;		/* forks and exits come from the proc connector: no rules for them */
	uint32_t backlog_limit;		/* AuditdRulesBufferSize */
	bool linger;			/* what is wanted no more stays until audit_rules_trim() */
	bool for_user;			/* rules of a user come, so that audit is needed whatever is wanted */
};
/* Brings the kernel's rules with our key to what is wanted, by difference; sets the backlog limit and, if
 * alone, wait time 0 (the kernel never waits for us; beside another daemon it waits for that one as
 * before), enables. If the kernel refuses a rule
 * with a scope, rules without it are loaded. The state before is kept in `control` and, if state_path is given, in that file until
 * restored. *ret_why (static or owned by control): the reason in words when < 0.  1: they are loaded; 0: none are needed, and all is
 * as without us.  While the kernel is locked (-e 2) nothing is changed, and 1 means as far as they are there. */
int audit_rules_load(struct audit_control *control, const struct audit_rules_options *options,
		     const char *state_path, const char **ret_why);
/* The last load could not keep to its scope: all is asked for. */
bool audit_rules_are_whole(const struct audit_control *control);
/* Removes what lingers.  A call is matched by the rules there are when it ends, but by the folders that were watched when it looked for its
 * file (kernel/auditsc.c, handle_path), so a call that began before a folder was watched, and ends when only rules for folders are left,
 * is lost.  To be called when those calls have ended, a second later or so.  0 or -errno: to be called again. */
int audit_rules_trim(struct audit_control *control);
/* Which of the wanted kinds need a rule that is not in the kernel as of the last call: for what somebody keeps out, or a lock. */
void audit_rules_lacking(const struct audit_control *control, const struct audit_rules_options *options, bool ret_kinds[N_KINDS]);
/* Brings a user's rules into the kernel in place of those of the last call, all or none: behind ours, so that they can only add to
 * what ours ask for, and in their order; those that both have are never away meanwhile. NULL: none.  Borrowed until replaced or
 * unloaded.  < 0: the kernel refuses one, whose line *ret_line is (0: none in particular); those of before stay if they can; -EROFS: it is
 * locked, and does not have them all. *ret_why as of audit_rules_load. */
struct user_rules;
int audit_rules_follow(struct audit_control *control, struct user_rules *rules, unsigned *ret_line, const char **ret_why);
struct audit_missing {
	unsigned removed;		/* by somebody */
	unsigned gone;			/* of the user's, with the folder that they look into (rule_folders.h): by the kernel */
};
/* Our rules, and the user's, that are missing in the kernel now.  of_folders: those of ours too that name a folder.  since_ns (1970): they
 * were there then.  0 or -errno. */
int audit_rules_missing(struct audit_control *control, bool of_folders, uint64_t since_ns, struct audit_missing *ret);
/* Removes our rules and the user's and puts back what was changed, exactly; removes state_path. */
int audit_rules_unload(struct audit_control *control, const char *state_path);
/* What a run that died left behind (rules with our key, the state file): cleaned.  Returns how much was
 * there. */
int audit_rules_clean(struct audit_control *control, const char *state_path);
