/* See canary.h: when one is sent, what has arrived, when it is given up.  The child is in canary_child.c. */

#include "daemon/canary.h"

#include <stdio.h>

#define FIRST_NS (30 * NS_PER_SEC)	/* after the start, when what runs already has been read */
#define GIVE_UP_NS (15 * NS_PER_SEC)	/* a core behind a storm is seconds late */

const char *const canary_act_names[N_CANARY_ACTS] = { "exec", "file", "connect" };

struct tag_text {
	char text[16];
};

static struct tag_text tag_text(uint32_t tag)
{
	struct tag_text ret;

	snprintf(ret.text, sizeof(ret.text), "%08x", tag);
	return ret;
}

static bool is_exec(const struct event *event, struct span tag)
{
	struct span rest = values_text(&event->context->values, FIELD_args), item;

	while (list_next(&rest, &item))
		if (span_eq(item, tag))
			return true;
	return false;
}

static bool is_file(const struct event *event, struct span tag)
{
	return span_ends(values_text(&event->values, FIELD_path), tag);
}

static bool is_connect(const struct event *event, struct span tag)
{
	return true;	/* a child of ours: nobody else connects */
}

static const struct {
	enum kind_id kind;
	enum canary_act act;
	bool (*is)(const struct event *event, struct span tag);
} signs[] = {
	{ KIND_ID(process, exec), CANARY_EXEC, is_exec },
	{ KIND_ID(file, create), CANARY_FILE, is_file },
	{ KIND_ID(file, write), CANARY_FILE, is_file },
	{ KIND_ID(file, delete), CANARY_FILE, is_file },
	{ KIND_ID(network, connect), CANARY_CONNECT, is_connect },
};

void canary_seen(struct canary_watch *watch, const struct event *event, uint64_t now_ns)
{
	uint32_t tag = atomic_load(&watch->tag);
	struct tag_text text = tag_text(tag);
	uint64_t took_ms = now_ns > event->time_ns ? MIN((now_ns - event->time_ns) / NS_PER_MS, UINT32_MAX - 1) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		_Atomic uint64_t *arrived = &watch->arrived[signs[i].act];

		if (signs[i].kind != event->kind || atomic_load(arrived) >> 32 == tag || !signs[i].is(event, span_of(text.text)))
			continue;
		atomic_store(arrived, (uint64_t)tag << 32 | (took_ms + 1));
	}
}

void canary_init(struct canary *canary, const struct canary_ops *ops, void *user, struct canary_watch *watch, uint32_t seed)
{
	*canary = (struct canary){ .ops = ops, .user = user, .watch = watch, .tag = seed };
}

static bool demands_any(const bool demanded[static N_CANARY_ACTS])
{
	for (unsigned i = 0; i < N_CANARY_ACTS; i++)
		if (demanded[i])
			return true;
	return false;
}

static void come_back(struct canary *canary, enum canary_outcome outcome, int error)
{
	struct canary_report *report = &canary->report;

	canary->is_out = false;
	atomic_store(&canary->watch->tag, 0);
	report->outcome = outcome;
	report->error = error;
	report->n_failed += outcome != CANARY_ARRIVED;
	report->latency_ms = 0;
	for (unsigned i = 0; i < N_CANARY_ACTS; i++) {
		uint64_t arrived = atomic_load(&canary->watch->arrived[i]);

		report->demanded[i] = canary->demanded[i];
		report->arrived[i] = arrived >> 32 == canary->tag;
		if (report->arrived[i])
			report->latency_ms = MAX(report->latency_ms, (uint32_t)arrived - 1);
	}
}

static void send(struct canary *canary, uint64_t steady_ns, uint64_t now_ns)
{
	int r;

	canary->ops->demand(canary->user, canary->demanded);
	if (!demands_any(canary->demanded)) {
		canary->report.outcome = CANARY_IDLE;
		return;
	}
	if (++canary->tag == 0)
		canary->tag = 1;
	canary->is_out = true;
	canary->child_failed = false;
	canary->sent_ns = steady_ns;
	canary->report.time_ns = now_ns;
	canary->report.n_sent++;
	atomic_store(&canary->watch->tag, canary->tag);
	r = canary->ops->start(canary->user, canary->tag);
	if (r < 0)
		come_back(canary, CANARY_UNABLE, r);
}

static bool all_arrived(const struct canary *canary)
{
	for (unsigned i = 0; i < N_CANARY_ACTS; i++)
		if (canary->demanded[i] && atomic_load(&canary->watch->arrived[i]) >> 32 != canary->tag)
			return false;
	return true;
}

static void look_out(struct canary *canary, uint64_t steady_ns)
{
	if (all_arrived(canary))
		come_back(canary, CANARY_ARRIVED, 0);
	else if (canary->child_failed || steady_ns - canary->sent_ns >= GIVE_UP_NS)
		come_back(canary, canary->child_failed ? CANARY_UNABLE : CANARY_MISSING, 0);
	else
		return;
	canary->ops->end(canary->user, canary->tag);
}

void canary_tick(struct canary *canary, uint64_t steady_ns, uint64_t now_ns, uint64_t interval_ns)
{
	if (canary->is_out)
		look_out(canary, steady_ns);
	if (canary->is_out)
		return;
	if (interval_ns == 0) {
		canary->report.outcome = CANARY_OFF;
		canary->due_ns = 0;
		return;
	}
	if (canary->report.outcome == CANARY_OFF)
		canary->report.outcome = CANARY_NONE;
	if (canary->due_ns == 0)
		canary->due_ns = steady_ns + MIN(FIRST_NS, interval_ns);
	canary->due_ns = MIN(canary->due_ns, steady_ns + interval_ns);	/* the interval may be shorter now */
	if (steady_ns < canary->due_ns)
		return;
	canary->due_ns = steady_ns + interval_ns;
	send(canary, steady_ns, now_ns);
}

void canary_withdraw(struct canary *canary)
{
	if (!canary->is_out)
		return;
	canary->is_out = false;
	atomic_store(&canary->watch->tag, 0);
	canary->report.n_sent--;
	canary->due_ns = 0;
	canary->ops->end(canary->user, canary->tag);
}

void canary_child_ended(struct canary *canary, bool undone)
{
	if (canary->is_out)
		canary->child_failed |= undone;
}
