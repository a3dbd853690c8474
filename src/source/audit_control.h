#pragma once
/* The control side of the kernel's audit: requests that wait for their answer, the state, the state file.
 * What others see of it is in audit_rules.h. */

#include "source/audit_netlink.h"
#include "source/audit_plan.h"

struct audit_control {
	int fd;
	uint32_t seq;
	/* The kernel's state before we changed it, and what we made of it: only what still is as we left it
	 * is put back. */
	bool changed;
	struct audit_state before, after;
	bool locked;			/* -e 2: nothing can be changed */
	bool is_whole;			/* the rules have no scope, though one was given */
	bool lingers;			/* rules that are wanted no more are there still */
	uint32_t own_backlog_limit;	/* that we set; 0: it is as it was */
	struct audit_plan *plan;	/* what audit_rules_load() brought the kernel to, or NULL */
	const struct user_rules *user;	/* what audit_rules_follow() did, borrowed, or NULL */
	char why[512];			/* the reason of the last refusal */
};

DEFINE_CLEANUP(struct audit_control, audit_control_free)

/* Borrowed until it returns. */
typedef void (*audit_reply_fn)(void *user, uint16_t type, const void *payload, size_t size);
/* 0 when the kernel has done it; its -errno. Replies, if any, go to fn. */
int audit_control_request(struct audit_control *control, uint16_t type, const void *payload, size_t size,
			  audit_reply_fn fn, void *user);
/* As audit_control_request for a request with replies: waits for the end of them. */
int audit_control_query(struct audit_control *control, uint16_t type, audit_reply_fn fn, void *user);

/* Saves the state, here and in the file, then sets the backlog limit, if it is lower, and wait time 0.
 * may_wait: not the wait time. */
int audit_state_prepare(struct audit_control *control, uint32_t backlog_limit, bool may_wait,
			const char *state_path);
/* Switches audit on. */
int audit_state_enable(struct audit_control *control);
/* Puts back what these two changed; removes the file. */
int audit_state_restore(struct audit_control *control, const char *state_path);
/* Reads what a run that died left in the file, if it is of this boot.  1: it is in `control` now; 0: there
 * is none. */
int audit_state_load(struct audit_control *control, const char *state_path);
