/* Records that tell of a login: what they mean for the session, and for the process that has it. */

#include "track/tracker.h"

#include <errno.h>

static bool is_in_session(const struct process *process, uint32_t ses)
{
	return process && values_has(&process->context->values, FIELD_ses) && process->context->ses == ses;
}

/* The session that a record speaks of, for all its processes.  leader: what the process was then. */
static int set_session(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor,
		     const struct context *leader)
{
	const struct context *of = values_has(&actor->values, FIELD_ses) ? actor : process->context;
	bool is_given = values_has(&event->values, FIELD_session_old_ses); /* by the kernel; else PAM says so */
	uint32_t ses = values_has(&of->values, FIELD_ses) ? of->ses : UINT32_MAX;

	/* su and sudo open sessions of PAM within the one of the login. */
	if (ses == UINT32_MAX || (!is_given && is_in_session(process->parent, ses)))
		return 0;
	if (event->kind == KIND_ID(security, session_start))
		sessions_open(tracker->sessions, tracker->node_hash, ses, leader, event->time_ns, is_given || process->parent);
	sessions_come_from(tracker->sessions, tracker->node_hash, ses, values_text(&event->values, FIELD_source_ip));
	return tracker_follow(tracker, process);
}

void login_begin(struct tracker *tracker, const struct event *event, const struct context *actor)
{
	if (event->kind == KIND_ID(security, session_start) && values_has(&event->values, FIELD_session_old_ses) &&
	    values_has(&actor->values, FIELD_ses) && event->session_old_ses != actor->ses)
		sessions_begin(tracker->sessions, tracker->node_hash, actor->ses);
}

static bool failed(const struct event *event)
{
	return span_eq(values_text(&event->values, FIELD_outcome), SPAN("failure"));
}

int login_tell(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor,
		    const struct context *leader)
{
	int r;

	if (failed(event))
		return 0;
	r = set_session(tracker, process, event, actor, leader);
	if (r < 0)
		return r;
	/* pam_systemd has moved it into the scope of its session. */
	return tracker->options.lookup && !process->ended
		       ? tracker_refresh_unit(tracker, process, event->time_ns)
		       : 0;
}

int login_take(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor)
{
	const struct values *values = &event->values;
	const struct context *now = process->context;
	_cleanup_(context_unrefp) struct context *login = NULL;

	if (event->kind != KIND_ID(security, session_start) || !values_has(values, FIELD_session_old_auid) ||
	    !values_has(values, FIELD_session_old_ses))
		return 0;
	if ((values_has(&now->values, FIELD_auid) && now->auid != event->session_old_auid) ||
	    (values_has(&now->values, FIELD_ses) && now->ses != event->session_old_ses))
		return 0;
	login = context_new();
	if (!login)
		return -ENOMEM;
	values_copy(&login->values, &actor->values, FIELD_auid);
	values_copy(&login->values, &actor->values, FIELD_auid_name);
	values_copy(&login->values, &actor->values, FIELD_ses);
	return login->values.failed ? -ENOMEM : tracker_apply(tracker, process, event, login);
}
