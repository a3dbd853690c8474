/* The recorder's rules in the kernel: brought there by difference, removed, looked after.
 *
 * Rules of others are left alone, and first: ours are appended, the first that matches wins, so an
 * administrator's keys and exceptions (`never`) hold. Ours carry the key AUDIT_OWN_KEY; those of the exclude
 * list, which can have none, a mark (audit_plan.h). What carries it is ours, also that of a run that died. */

#include "source/audit_rules.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "source/audit_control.h"
#include "source/audit_plan.h"

/* What is in the kernel now and is ours. */
struct loaded {
	struct audit_rule_data **rules;
	size_t n_rules;
	bool failed;			/* no memory */
	bool never_task;		/* somebody's `-a task,never` */
};

static void loaded_release(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->n_rules; i++)
		free(loaded->rules[i]);
	free(loaded->rules);
}

static void take_rule(void *user, uint16_t type, const void *payload, size_t size)
{
	struct loaded *loaded = user;
	const struct audit_rule_data *data = payload;
	struct audit_rule_data **rules, *copy;

	if (type != AUDIT_LIST_RULES || size < sizeof(*data))
		return;
	if ((data->flags & ~(uint32_t)AUDIT_FILTER_PREPEND) == AUDIT_FILTER_TASK &&
	    data->action == AUDIT_NEVER)
		loaded->never_task = true;
	if (!audit_rule_data_is_own(data, size))
		return;
	copy = malloc(size);
	rules = reallocarray(loaded->rules, loaded->n_rules + 1, sizeof(struct audit_rule_data *));
	if (rules)
		loaded->rules = rules;
	if (!rules || !copy) {
		free(copy);
		loaded->failed = true;
		return;
	}
	memcpy(copy, data, size);
	loaded->rules[loaded->n_rules++] = copy;
}

static int list_rules(struct audit_control *control, struct loaded *ret)
{
	int r;

	r = audit_control_query(control, AUDIT_LIST_RULES, take_rule, ret);
	return r < 0 ? r : ret->failed ? -ENOMEM : 0;
}

static bool is_loaded(const struct loaded *loaded, const struct audit_rule_data *data)
{
	for (size_t i = 0; i < loaded->n_rules; i++) {
		if (audit_rule_data_equal(loaded->rules[i], data))
			return true;
	}
	return false;
}

union rule_space {
	struct audit_rule_data data;
	char bytes[AUDIT_RULE_DATA_MAX];
};

static int delete_rule(struct audit_control *control, const struct audit_rule_data *data)
{
	int r;

	r = audit_control_request(control, AUDIT_DEL_RULE, data, sizeof(*data) + data->buflen, NULL, NULL);
	return r == -ENOENT ? 0 : r;
}

/* The last first: the rule of exec was made first (audit_rules.def), and each takes milliseconds. Without it a process
 * that is told of would be another program than is known. What keeps our own doing quiet goes at the very end. */
static int delete_rules(struct audit_control *control)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	int first = 0, r;

	r = list_rules(control, &loaded);
	if (r < 0)
		return r;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = loaded.n_rules; i > 0; i--) {
			const struct audit_rule_data *data = loaded.rules[i - 1];

			if ((data->flags == AUDIT_FILTER_EXCLUDE) != (pass == 1))
				continue;
			r = delete_rule(control, data);
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

/* Adds what is missing, then removes what is not wanted any more: no moment without the rules common to
 * both. */
static int bring_rules(struct audit_control *control, struct audit_plan *plan)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	_cleanup_(freep) bool *added = calloc(plan->n_rules + 1, sizeof(*added));
	union rule_space rule;
	size_t size;
	int r;

	if (!added)
		return -ENOMEM;
	r = list_rules(control, &loaded);
	if (r < 0)
		return refuse(control, r, "the rules cannot be listed", audit_control_why(r));
	for (size_t i = 0; i < plan->n_rules; i++) {
		size = audit_rule_data_make(&rule.data, &plan->rules[i]);
		if (is_loaded(&loaded, &rule.data))
			continue;
		r = audit_control_request(control, AUDIT_ADD_RULE, &rule, size, NULL, NULL);
		if (r == -EINVAL && plan->rules[i].optional) {
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
	for (size_t i = 0; i < loaded.n_rules; i++) {
		bool wanted = false;

		for (size_t j = 0; j < plan->n_rules && !wanted; j++) {
			audit_rule_data_make(&rule.data, &plan->rules[j]);
			wanted = audit_rule_data_equal(loaded.rules[i], &rule.data);
		}
		if (wanted)
			continue;
		r = delete_rule(control, loaded.rules[i]);
		if (r < 0)
			return refuse(control, r, "an old rule of the recorder cannot be removed",
				      audit_control_why(r));
	}
	return 0;

undo:
	for (size_t i = 0; i < plan->n_rules; i++) {
		if (added[i]) {
			audit_rule_data_make(&rule.data, &plan->rules[i]);
			delete_rule(control, &rule.data);
		}
	}
	return r;
}

static int check_state(struct audit_control *control, const struct audit_rules_options *options)
{
	struct audit_state state;
	int r;

	r = audit_control_state(control, &state);
	if (r < 0)
		return refuse(control, r, "the state of the kernel's audit cannot be read",
			      audit_control_why(r));
	if (state.enabled == 2)
		return refuse(control, -EPERM, "the audit configuration is locked",
			      "`-e 2` is in force, rules can be changed only by a restart of the machine "
			      "with the recorder's rules in front of it in /etc/audit/rules.d");
	if (state.failure == 2 && !options->allow_panic)
		return refuse(control, -EPERM, "the kernel is set to panic when it loses an audit record",
			      "`-f 2` is in force, and more rules make a loss more likely; set "
			      "`auditctl -f 1`, or allow it");
	return 0;
}

int audit_rules_load(struct audit_control *control, const struct audit_rules_options *options,
		     const char *state_path, const char **ret_why)
{
	_cleanup_(freep) struct audit_plan *plan = malloc(sizeof(*plan));
	int r;

	*ret_why = control->why;
	if (!plan)
		return refuse(control, -ENOMEM, "the rules cannot be made", strerror(ENOMEM));
	if (!audit_plan_any(options)) {
		r = audit_rules_unload(control, state_path);
		return r < 0 ? refuse(control, r, "the rules cannot be removed", audit_control_why(r)) : 0;
	}
	r = audit_plan_make(plan, options);
	if (r < 0)
		return refuse(control, r, "the rules cannot be made", strerror(-r));
	r = check_state(control, options);
	if (r < 0)
		return r;
	/* Rules before switching on, so that the first record is one that was asked for; the state file
	 * before either. */
	/* The kernel never waits for us. But beside another audit daemon it is that one it waits for, and
	 * with a wait time of 0 that one would lose records it would have had. */
	r = audit_state_prepare(control, options->backlog_limit, !options->alone, state_path);
	if (r < 0)
		return refuse(control, r, "the state to restore cannot be saved", strerror(-r));
	r = bring_rules(control, plan);
	if (r < 0)
		return r;
	free(control->plan);
	control->plan = TAKE(plan);
	r = audit_state_enable(control);
	return r < 0 ? refuse(control, r, "audit cannot be switched on", audit_control_why(r)) : 0;
}

int audit_rules_missing(struct audit_control *control)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	int n = 0, r;

	r = list_rules(control, &loaded);
	if (r < 0)
		return r;
	for (size_t i = 0; control->plan && i < control->plan->n_rules; i++) {
		union rule_space rule;

		if (control->plan->rules[i].refused)
			continue;
		audit_rule_data_make(&rule.data, &control->plan->rules[i]);
		n += !is_loaded(&loaded, &rule.data);
	}
	return n;
}

int audit_rules_unload(struct audit_control *control, const char *state_path)
{
	int deleted, r;

	free(control->plan);
	control->plan = NULL;
	deleted = delete_rules(control);
	r = audit_state_restore(control, state_path);
	return deleted < 0 ? deleted : r;
}

int audit_rules_clean(struct audit_control *control, const char *state_path)
{
	int deleted, r;

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

int audit_rules_blind(struct audit_control *control)
{
	_cleanup_(loaded_release) struct loaded loaded = { 0 };
	int r;

	r = list_rules(control, &loaded);
	return r < 0 ? r : loaded.never_task;
}
