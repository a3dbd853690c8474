/* The recorder's rules in the kernel: brought there by difference, removed, looked after.
 *
 * Rules of others are left alone, and first: ours are appended, the first that matches wins, so an
 * administrator's keys and exceptions (`never`) hold. Ours carry the key AUDIT_OWN_KEY; those of the exclude
 * list, which can have none, a mark (audit_plan.h). What carries it is ours, also that of a run that died, and also the rules of a
 * user, which have the key behind their own (user_rules.c).
 *
 * Those of a user stand behind ours. The kernel can only append, so when ours have become more the user's are moved: each is added
 * once more, in its other words, and when all are there those of before go. No call ends without a rule that asks for it. */

#include "source/audit_rules.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "source/audit_control.h"
#include "source/audit_loaded.h"
#include "source/audit_plan.h"
#include "source/user_rules.h"

union rule_space {
	struct audit_rule_data data;
	char bytes[AUDIT_RULE_DATA_MAX];
};

/* The last first: the rule of exec was made first (audit_rules.def), and each takes milliseconds. Without it a process
 * that is told of would be another program than is known. What keeps our own doing quiet goes at the very end. */
static int delete_rules(struct audit_control *control)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	int first = 0, r;

	r = loaded_read(control, &loaded);
	if (r < 0)
		return r;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = loaded.n_rules; i > 0; i--) {
			const struct audit_rule_data *data = loaded.rules[i - 1];

			if ((data->flags == AUDIT_FILTER_EXCLUDE) != (pass == 1))
				continue;
			r = loaded_delete(control, data);
			if (r < 0 && first == 0)
				first = r;
		}
	}
	return first < 0 ? first : (int)loaded.n_rules;
}

static int refuse(struct audit_control *control, int error, const char *what, const char *why)
{
	snprintf(control->why, sizeof(control->why), "%s: %s", what, why);
	return error;
}

static int refuse_rule(struct audit_control *control, int error, const struct audit_rule *rule)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	audit_rule_text(&text, rule);
	snprintf(control->why, sizeof(control->why), "the kernel refuses the rule `%.300s`: %s",
		 buffer_text(&text),
		 error == -EINVAL ? "it does not know a part of it" : audit_control_why(error));
	return error;
}

static bool plan_has(const struct audit_plan *plan, const struct audit_rule_data *data)
{
	union rule_space rule;

	for (size_t i = 0; plan && i < plan->n_rules; i++) {
		audit_rule_data_make(&rule.data, &plan->rules[i]);
		if (audit_rule_data_equal(&rule.data, data))
			return true;
	}
	return false;
}

static int read_matched(struct audit_control *control, const struct user_rules *user, struct loaded *ret, struct loaded_match *ret_match)
{
	int r = loaded_read(control, ret);

	return r < 0 ? r : loaded_match(ret_match, ret, user);
}

/* What is in the kernel and neither planned nor one of these: of a user, and ours too. */
static int delete_others(struct audit_control *control, const struct audit_plan *plan, const struct user_rules *user, bool ours)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(loaded_match_release) struct loaded_match match = { 0 };
	int r = read_matched(control, user, &loaded, &match);

	for (size_t i = 0; i < loaded.n_rules && r >= 0; i++)
		if ((ours || !audit_rule_data_is_planned(loaded.rules[i])) && match.of[i] == LOADED_NONE && !plan_has(plan, loaded.rules[i]))
			r = loaded_delete(control, loaded.rules[i]);
	return r;
}

/* Adds what is missing, then removes what is not wanted any more: no moment without the rules common to
 * both. */
static int bring_rules(struct audit_control *control, struct audit_plan *plan)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(freep) bool *added = calloc(plan->n_rules + 1, sizeof(*added));
	union rule_space rule;
	size_t hint = 0;
	int r;

	if (!added)
		return -ENOMEM;
	r = loaded_read(control, &loaded);
	if (r < 0)
		return refuse(control, r, "the rules cannot be listed", audit_control_why(r));
	for (size_t i = 0; i < plan->n_rules; i++) {
		audit_rule_data_make(&rule.data, &plan->rules[i]);
		if (loaded_has(&loaded, &rule.data, &hint))
			continue;
		r = loaded_add(control, &rule.data);
		/* Or the folder of its path is not there. */
		if ((r == -EINVAL || r == -ENOENT) && plan->rules[i].optional) {
			plan->rules[i].refused = true;
			continue;
		}
		if (r == -EEXIST)
			continue;
		if (r < 0) {
			refuse_rule(control, r, &plan->rules[i]);
			goto undo;
		}
		added[i] = true;
	}
	r = delete_others(control, plan, control->user, !control->lingers);	/* what leaves out goes at once */
	return r < 0 ? refuse(control, r, "an old rule of the recorder cannot be removed", audit_control_why(r)) : 0;

undo:
	for (size_t i = 0; i < plan->n_rules; i++) {
		if (added[i]) {
			audit_rule_data_make(&rule.data, &plan->rules[i]);
			loaded_delete(control, &rule.data);
		}
	}
	return r;
}

/* Nothing can be changed: what there is has to do.  1: some of it is not there. */
static int accept_rules(struct audit_control *control, struct audit_plan *plan)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	union rule_space rule;
	size_t hint = 0;
	bool absent = false;
	int r;

	r = loaded_read(control, &loaded);
	if (r < 0)
		return refuse(control, r, "the rules cannot be listed", audit_control_why(r));
	for (size_t i = 0; i < plan->n_rules; i++) {
		audit_rule_data_make(&rule.data, &plan->rules[i]);
		plan->rules[i].absent = !loaded_has(&loaded, &rule.data, &hint);
		absent |= plan->rules[i].absent && plan->rules[i].list != AUDIT_FILTER_EXCLUDE && !plan->rules[i].optional;
	}
	return absent;
}

/* Rules with a scope that cannot be had are no reason for having none: a folder may have gone just now, or the kernel be locked with
 * those that have none.  bring: brings the kernel to the plan; not 0: not to all of it. */
static int make_and_bring(struct audit_control *control, struct audit_plan *plan, const struct audit_rules_options *options,
			  int (*bring)(struct audit_control *control, struct audit_plan *plan))
{
	struct audit_rules_options whole = *options;
	int r = audit_plan_make(plan, options);

	if (r < 0)
		refuse(control, r, "the rules cannot be made", strerror(-r));
	else
		r = bring(control, plan);
	if (r == 0 || !options->scope)
		return r;
	whole.scope = NULL;
	control->is_whole = true;
	return make_and_bring(control, plan, &whole, bring);
}

static void keep_plan(struct audit_control *control, struct audit_plan *plan)
{
	free(control->plan);
	control->plan = plan;
}

int audit_rules_load(struct audit_control *control, const struct audit_rules_options *options,
		     const char *state_path, const char **ret_why)
{
	_cleanup_(freep) struct audit_plan *plan = malloc(sizeof(*plan));
	struct audit_state state;
	int r;

	*ret_why = control->why;
	if (!plan)
		return refuse(control, -ENOMEM, "the rules cannot be made", strerror(ENOMEM));
	if (!audit_plan_any(options)) {
		r = audit_rules_unload(control, state_path);
		return r < 0 ? refuse(control, r, "the rules cannot be removed", audit_control_why(r)) : 0;
	}
	r = audit_control_state(control, &state);
	if (r < 0)
		return refuse(control, r, "the state of the kernel's audit cannot be read", audit_control_why(r));
	control->is_whole = control->locked;
	if (control->locked) {
		/* Folders were marked when the rules were loaded: what is mounted there since then is not, and cannot be. */
		struct audit_rules_options whole = *options;

		whole.scope = NULL;
		r = make_and_bring(control, plan, &whole, accept_rules);
		if (r < 0)
			return r;
		keep_plan(control, TAKE(plan));
		return 1;
	}
	/* Rules before switching on, so that the first record is one that was asked for; the state file
	 * before either. */
	/* The kernel never waits for us. But beside another audit daemon it is that one it waits for, and
	 * with a wait time of 0 that one would lose records it would have had. */
	control->lingers |= options->linger;
	r = audit_state_prepare(control, options->backlog_limit, !options->alone, state_path);
	if (r < 0)
		return refuse(control, r, "the state to restore cannot be saved", strerror(-r));
	r = make_and_bring(control, plan, options, bring_rules);
	if (r < 0)
		return r;
	keep_plan(control, TAKE(plan));
	r = audit_state_enable(control);
	return r < 0 ? refuse(control, r, "audit cannot be switched on", audit_control_why(r)) : 1;
}

void audit_rules_lacking(const struct audit_control *control, const struct audit_rules_options *options, bool ret_kinds[N_KINDS])
{
	for (unsigned i = 0; i < N_KINDS; i++)	/* what cannot be found out is said to be lacking */
		ret_kinds[i] = options->wanted[i] && audit_plan_lacks(control->plan, options, i) != 0;
}

/* A user's rules */

static int refuse_user_rule(struct audit_control *control, int error)
{
	const char *why = error == -EINVAL ? "it does not know a part of it, or does not take the parts together" :
			  error == -ENOENT ? "the folder of a path in it does not exist" :
					     audit_control_why(error);

	snprintf(control->why, sizeof(control->why), "the kernel refuses the rule: %s", why);
	return error;
}

/* Are the last rules of the list the user's, in order? */
static bool in_order(const struct loaded *loaded, const struct loaded_match *match, const struct user_rules *user, uint32_t list)
{
	size_t at = loaded->n_rules;

	for (size_t i = user->n; i > 0; i--) {
		if (user->rules[i - 1].data->flags != list)
			continue;
		while (at > 0 && loaded->rules[at - 1]->flags != list)
			at--;
		if (at == 0 || match->of[--at] != i - 1)
			return false;
	}
	return true;
}

/* there: as it is loaded.  In the other words, so that it is there twice; where it is already (one could not be deleted the last time)
 * the one does while the other moves. */
static int add_behind(struct audit_control *control, const struct user_rule *rule, const struct audit_rule_data *there)
{
	int r = loaded_add(control, audit_rule_data_equal(rule->data, there) ? rule->again : rule->data);

	if (r == -EEXIST) {
		r = loaded_delete(control, there);
		if (r >= 0)
			r = loaded_add(control, there);
	}
	return r;
}

/* The last first: with what is left, and all of them behind it, each call meets first which it met before. */
static int delete_former(struct audit_control *control, const struct user_rules *user)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(loaded_match_release) struct loaded_match match = { 0 };
	int r = read_matched(control, user, &loaded, &match);

	for (size_t i = loaded.n_rules; i > 0 && r >= 0; i--) {
		size_t of = match.of[i - 1];

		if (of != LOADED_NONE && match.at[of] != i - 1)
			r = loaded_delete(control, loaded.rules[i - 1]);
	}
	return r;
}

/* Not of the lists exclude and filesystem: any rule of theirs that holds leaves out, wherever it stands (kernel/auditfilter.c, audit_filter;
 * kernel/auditsc.c, __audit_inode). */
static int put_in_order(struct audit_control *control, const struct user_rules *user, unsigned *ret_line)
{
	static const uint32_t lists[] = { AUDIT_FILTER_USER, AUDIT_FILTER_EXIT, AUDIT_FILTER_URING_EXIT };
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(loaded_match_release) struct loaded_match match = { 0 };
	int r = read_matched(control, user, &loaded, &match);

	for (size_t list = 0; list < ARRAY_SIZE(lists) && r >= 0; list++) {
		if (in_order(&loaded, &match, user, lists[list]))
			continue;
		for (size_t i = 0; i < user->n && r >= 0; i++) {
			if (user->rules[i].data->flags != lists[list])
				continue;
			*ret_line = user->rules[i].line;
			r = match.at[i] == LOADED_NONE ? loaded_add(control, user->rules[i].data) :
							 add_behind(control, &user->rules[i], loaded.rules[match.at[i]]);
		}
	}
	return r;
}

static int bring_user_rules(struct audit_control *control, struct user_rules *user, unsigned *ret_line)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(loaded_match_release) struct loaded_match match = { 0 };
	_cleanup_(freep) bool *added = calloc(user->n + 1, sizeof(*added));
	int r;

	if (!added)
		return -ENOMEM;
	r = read_matched(control, user, &loaded, &match);
	if (r < 0)
		return r;
	for (size_t i = 0; i < user->n && r >= 0; i++) {
		if (match.at[i] != LOADED_NONE)
			continue;
		*ret_line = user->rules[i].line;
		r = loaded_add(control, user->rules[i].data);
		added[i] = r >= 0;
		if (added[i])
			rule_folders_look(&user->rules[i].folders, user->rules[i].data);
		if (r == -EEXIST)
			r = 0;
	}
	for (size_t i = 0; i < user->n && r < 0; i++)
		if (added[i])
			loaded_delete(control, user->rules[i].data);
	return r;
}

bool audit_rules_are_whole(const struct audit_control *control)
{
	return control->is_whole;
}

int audit_rules_trim(struct audit_control *control)
{
	int r = control->lingers && !control->locked ? delete_others(control, control->plan, control->user, true) : 0;

	if (r >= 0)
		control->lingers = false;
	return r;
}

static int follow_locked(struct audit_control *control, const struct user_rules *user)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(loaded_match_release) struct loaded_match match = { 0 };
	int r = read_matched(control, user, &loaded, &match);

	for (size_t i = 0; user && i < user->n && r >= 0; i++)
		if (match.at[i] == LOADED_NONE)
			r = -EROFS;
	if (r < 0)
		return refuse(control, r, "the rules cannot be changed", "the kernel's audit is locked (-e 2)");
	control->user = user;
	return 0;
}

int audit_rules_follow(struct audit_control *control, struct user_rules *user, unsigned *ret_line, const char **ret_why)
{
	int r;

	*ret_why = control->why;
	*ret_line = 0;
	if (!user)
		control->user = NULL;
	if (control->locked) {
		control->user = NULL;	/* whoever they were: the caller lets go of them */
		return follow_locked(control, user);
	}
	r = user ? bring_user_rules(control, user, ret_line) : 0;
	if (r < 0)
		return refuse_user_rule(control, r);
	*ret_line = 0;
	r = delete_others(control, control->plan, user, !control->lingers);
	if (r < 0)
		return refuse(control, r, "an old rule of the user cannot be removed", audit_control_why(r));
	control->user = user;
	r = user ? put_in_order(control, user, ret_line) : 0;
	if (r < 0)
		return refuse_user_rule(control, r);
	*ret_line = 0;
	r = user ? delete_former(control, user) : 0;
	return r < 0 ? refuse(control, r, "a rule of the user that was moved is there twice", audit_control_why(r)) : 0;
}

static bool is_of_folder(const struct audit_rule *rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule->conditions); i++)
		if (rule->conditions[i].field == AUDIT_DIR)
			return true;
	return false;
}

int audit_rules_missing(struct audit_control *control, bool of_folders, uint64_t since_ns, struct audit_missing *ret)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(loaded_match_release) struct loaded_match match = { 0 };
	size_t hint = 0;
	int r;

	r = read_matched(control, control->user, &loaded, &match);
	if (r < 0)
		return r;
	*ret = (struct audit_missing){ 0 };
	for (size_t i = 0; control->plan && i < control->plan->n_rules; i++) {
		union rule_space rule;

		if (control->plan->rules[i].refused || control->plan->rules[i].absent || (!of_folders && is_of_folder(&control->plan->rules[i])))
			continue;
		audit_rule_data_make(&rule.data, &control->plan->rules[i]);
		ret->removed += !loaded_has(&loaded, &rule.data, &hint);
	}
	for (size_t i = 0; control->user && i < control->user->n; i++) {
		const struct user_rule *rule = &control->user->rules[i];

		if (match.at[i] != LOADED_NONE)
			continue;
		if (rule_folders_are_other(&rule->folders, rule->data, since_ns))
			ret->gone++;
		else
			ret->removed++;
	}
	return 0;
}

int audit_rules_unload(struct audit_control *control, const char *state_path)
{
	struct audit_state state;
	int deleted, r;

	keep_plan(control, NULL);
	control->user = NULL;
	control->lingers = false;
	r = audit_control_state(control, &state);
	if (r < 0 || control->locked)	/* what is there stays */
		return r;
	deleted = delete_rules(control);
	r = audit_state_restore(control, state_path);
	return deleted < 0 ? deleted : r;
}

int audit_rules_clean(struct audit_control *control, const char *state_path)
{
	struct audit_state state;
	int deleted, r;

	r = audit_control_state(control, &state);
	if (r < 0 || control->locked)
		return r;
	r = state_path ? audit_state_load(control, state_path) : 0;
	if (r < 0)
		return r;
	deleted = delete_rules(control);
	if (deleted < 0)
		return deleted;
	if (r > 0) {
		r = audit_state_restore(control, state_path);
		return r < 0 ? r : deleted + 1;
	}
	if (state_path)
		unlink(state_path);	/* of another boot, or damaged */
	return deleted;
}
