#pragma once
/* The rules of ours that are in the kernel now, in the order in which it asks them. */

#include "source/audit_control.h"
#include "source/user_rules.h"

struct loaded {
	struct audit_rule_data **rules;
	size_t n_rules;
	bool failed;			/* no memory */
};

int loaded_read(struct audit_control *control, struct loaded *ret);
void loaded_release(struct loaded *loaded);
/* Asked for one rule after the other in the order of `loaded`, with one *hint for all, each costs one comparison. */
bool loaded_has(const struct loaded *loaded, const struct audit_rule_data *data, size_t *hint);

/* Which of them are which of a user's, in whatever words. */
struct loaded_match {
	size_t *of;			/* of each that is loaded, the user's; LOADED_NONE: it is none of them */
	size_t *at;			/* of each of the user's, where it is loaded, the last time if twice; LOADED_NONE: nowhere */
};
#define LOADED_NONE SIZE_MAX
/* user NULL: there are none.  0 or -ENOMEM. */
int loaded_match(struct loaded_match *ret, const struct loaded *loaded, const struct user_rules *user);
void loaded_match_release(struct loaded_match *match);

/* -EEXIST: it is there already. */
int loaded_add(struct audit_control *control, const struct audit_rule_data *data);
/* One that is gone already is no error. */
int loaded_delete(struct audit_control *control, const struct audit_rule_data *data);
