/* See pipeline.h.  What every stage left to itself cannot do: call the next one. */

#include "pipeline/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "decode/remembered.h"
#include "event/probe_check.h"
#include "pipeline/answers.h"
#include "pipeline/delivery.h"
#include "pipeline/guard.h"
#include "pipeline/hold.h"
#include "pipeline/lookups.h"
#include "pipeline/redactor.h"
#include "pipeline/setup.h"

#define PRUNE_EVERY_NS NS_PER_SEC
#define AUDIT_TICK_NS (10 * NS_PER_MS)	/* its clock is coarse: at worst this much (HZ=100) */

struct pipeline {
	struct pipeline_options options;
	struct balance balance;
	enum balance_origin origin;	/* of the record that is being pushed */
	uint64_t given_up_before;	/* by filters that were replaced */
	struct redactor *redactor;
	struct decoder *decoder;
	struct assembler *assembler;
	struct hold *hold;
	struct lookups *lookups;
	struct tracker *tracker;
	struct delivery *delivery;
	struct guard *guard;
	struct buffer guarded;		/* of the run that is replayed */
	struct context *remembered;	/* scratch */
	struct buffer probe_bytes;	/* of a record that stands in a capture in hex */
	uint64_t now_ns;		/* goes back by pipeline_follow_back() alone */
	uint64_t said_ns;		/* what it would be if the records alone had moved it */
	uint64_t audit_ns;		/* time of the latest audit record, by its own stamp */
	uint64_t looked_ns;		/* when it was last looked whether more comes, while something is held... */
	uint64_t quiet_ns;		/* ...and how much of the time since the latest nothing came (hold.h) */
	uint64_t pruned_ns;
	bool from_connector;		/* the draft being decoded is a fork or exit of the connector */
	bool from_audit;		/* ... is of audit */
	bool has_probes;		/* records of the kernel's programs have come */
	bool not_from_audit[N_KINDS];	/* of the run that is replayed */
};

int pipeline_new(struct pipeline **ret, const struct pipeline_options *options, pipeline_fn emit, void *user)
{
	_cleanup_(pipeline_freep) struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
	struct tracker_options tracker = options->tracker;
	struct decoder_options decoder = options->decoder;
	int r;

	if (!pipeline)
		return -ENOMEM;
	pipeline->options = *options;
	decoder.shown = options->not_from_audit;
	if (options->prune_ns == 0)
		pipeline->options.prune_ns = PRUNE_EVERY_NS;
	pipeline->remembered = context_new();
	if (!pipeline->remembered)
		return -ENOMEM;
	r = redactor_new(&pipeline->redactor, options);
	if (r >= 0)
		r = decoder_new(&pipeline->decoder, &decoder);
	if (r >= 0)
		r = assembler_new(&pipeline->assembler, &options->assembler);
	if (r >= 0)
		r = hold_new(&pipeline->hold, options->held_bytes > 0 ? options->held_bytes : PIPELINE_HELD_BYTES);
	if (r >= 0)
		r = lookups_new(&pipeline->lookups, &pipeline->options, pipeline->redactor);
	if (r < 0)
		return r;
	lookups_serve(pipeline->lookups, &tracker);
	r = tracker_new(&pipeline->tracker, &tracker);
	if (r >= 0)
		r = delivery_new(&pipeline->delivery, &pipeline->options, &pipeline->balance, pipeline->tracker, emit, user);
	if (r >= 0)
		r = guard_new(&pipeline->guard);
	if (r < 0)
		return r;
	*ret = TAKE(pipeline);
	return 0;
}

struct pipeline *pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return NULL;
	hold_free(pipeline->hold);
	context_unref(pipeline->remembered);
	delivery_free(pipeline->delivery);
	guard_free(pipeline->guard);
	buffer_release(&pipeline->guarded);
	tracker_free(pipeline->tracker);
	lookups_free(pipeline->lookups);
	assembler_free(pipeline->assembler);
	decoder_free(pipeline->decoder);
	redactor_free(pipeline->redactor);
	buffer_release(&pipeline->probe_bytes);
	free(pipeline);
	return NULL;
}

void pipeline_stats(const struct pipeline *pipeline, struct pipeline_stats *ret)
{
	const struct redaction_stats redaction = redactor_stats(pipeline->redactor);
	struct balance *balance = &ret->balance;

	*balance = pipeline->balance;
	balance->records_waiting = assembler_stats(pipeline->assembler)->waiting;
	balance->events_waiting = hold_count(pipeline->hold) + delivery_waiting(pipeline->delivery);
	ret->received = balance_records_sum(balance, RECORDS_RECEIVED);
	ret->malformed = balance_records_sum(balance, RECORDS_MALFORMED);
	ret->events = balance_events_sum(balance, EVENTS_MADE);
	ret->own = balance_events_sum(balance, EVENTS_OWN);
	ret->merged = balance_events_sum(balance, EVENTS_MERGED);
	ret->filtered_out = balance_events_sum(balance, EVENTS_FILTERED_OUT);
	ret->emitted = balance_events_sum(balance, EVENTS_EMITTED);
	ret->signals = balance->events[CATEGORY_signal][EVENTS_EMITTED];
	ret->no_memory = balance_records_sum(balance, RECORDS_NO_MEMORY) + balance_events_sum(balance, EVENTS_NO_MEMORY);
	ret->patterns_given_up = pipeline->given_up_before + redaction.given_up + (pipeline->options.filter ? filter_given_up(pipeline->options.filter) : 0);
	ret->redacted = redaction.secrets;
	ret->held = hold_count(pipeline->hold);
	ret->held_bytes = hold_bytes(pipeline->hold);
	ret->waiting_bytes = delivery_bytes(pipeline->delivery);
	ret->untold_ns = delivery_untold_ns(pipeline->delivery);
	ret->shed = *delivery_shed_stats(pipeline->delivery);
	ret->decoder = decoder_stats(pipeline->decoder);
	ret->assembler = assembler_stats(pipeline->assembler);
	ret->tracker = tracker_stats(pipeline->tracker);
}

void pipeline_set_times(struct pipeline *pipeline, const struct pipeline_times *times)
{
	if (times->timeout_ns > 0) {
		pipeline->options.assembler.timeout_ns = times->timeout_ns;
		assembler_set_timeout(pipeline->assembler, times->timeout_ns);
	}
	if (times->prune_ns > 0)
		pipeline->options.prune_ns = times->prune_ns;
	if (times->grace_ns > 0)
		tracker_set_grace(pipeline->tracker, times->grace_ns);
	if (times->path_ns > 0)
		tracker_set_path_time(pipeline->tracker, times->path_ns);
	delivery_set_times(pipeline->delivery, times);
}

void pipeline_set_filter(struct pipeline *pipeline, struct filter *filter)
{
	/* Patterns that both have count on. */
	pipeline->given_up_before += pipeline->options.filter ? filter_given_up(pipeline->options.filter) : 0;
	pipeline->given_up_before -= filter ? filter_given_up(filter) : 0;
	pipeline->options.filter = filter;
	delivery_follow_filter(pipeline->delivery);
}

static void watch(const struct pipeline_options *options, const struct event *event)
{
	const struct context *context = event->context;

	if (atomic_load_explicit(options->watch, memory_order_relaxed) == 0 || !context)
		return;
	if (values_has(&context->values, FIELD_ppid) && context->ppid == options->own_pid)
		options->watched(options->watch_user, event);
}

static void count(struct pipeline *pipeline, const struct event *event, enum event_term term)
{
	pipeline->balance.events[event_category(event)][term]++;
}

/* It ends here; r is passed on. */
static int end(struct pipeline *pipeline, struct event *event, enum event_term term, int r)
{
	count(pipeline, event, term);
	event_free(event);
	return r;
}

/* What somebody does to the recorder comes behind the event that tells it, if anybody wants that. */
static int guard(struct pipeline *pipeline, struct event *event, struct event **ret)
{
	const struct pipeline_options *o = &pipeline->options;
	const struct guard_options options = { .own_pid = o->own_pid, .manager_pid = o->manager_pid, .places = o->guarded,
					       .own_key = o->decoder.own_key ? span_of(o->decoder.own_key) : (struct span){ NULL, 0 } };

	return guard_event(pipeline->guard, &options, event, ret);
}

static int deliver(struct pipeline *pipeline, struct event *event)
{
	_cleanup_(event_freep) struct event *tampering = NULL;
	int r = 0;

	if (event->kind == KIND_ID(security, tamper) && !guard_note(pipeline->guard, event))
		return end(pipeline, event, EVENTS_MERGED, 0);
	if (pipeline->options.own_pid)
		r = guard(pipeline, event, &tampering);
	if (r < 0)
		return end(pipeline, event, EVENTS_NO_MEMORY, r);
	r = delivery_event(pipeline->delivery, event, pipeline->now_ns);
	if (r < 0 || !tampering)
		return r;
	count(pipeline, tampering, EVENTS_MADE);
	return delivery_event(pipeline->delivery, TAKE(tampering), pipeline->now_ns);
}

static int track_and_emit(struct pipeline *pipeline, struct event *event, const struct context *actor)
{
	bool own = pipeline->options.own_pid && values_has(&actor->values, FIELD_pid) &&
		   actor->pid == pipeline->options.own_pid && event_category(event) != CATEGORY_recorder;
	int r;

	if (own && event_category(event) != CATEGORY_process)
		return end(pipeline, event, EVENTS_OWN, 0);
	r = tracker_event(pipeline->tracker, event, actor);
	if (r < 0)
		return end(pipeline, event, EVENTS_NO_MEMORY, r);
	if (own)
		return end(pipeline, event, EVENTS_OWN, 0);
	if (r > 0)
		return end(pipeline, event, EVENTS_MERGED, 0);
	if (pipeline->options.watch)
		watch(&pipeline->options, event);
	return deliver(pipeline, event);
}

static int track_held(struct pipeline *pipeline, struct held *held)
{
	int r = track_and_emit(pipeline, TAKE(held->event), held->actor);

	held_free(held);
	return r;
}

/* What waits of a process goes before an event that is of it, or that acts upon it. */
static int release_for(struct pipeline *pipeline, uint32_t pid)
{
	struct held *held;

	while ((held = hold_take_for(pipeline->hold, pid))) {
		int r = track_held(pipeline, held);

		if (r < 0)
			return r;
	}
	return 0;
}

static int relieve_hold(struct pipeline *pipeline)
{
	int r = 0;

	while (r >= 0 && unlikely(hold_is_over(pipeline->hold)))
		r = track_held(pipeline, hold_take_until(pipeline->hold, UINT64_MAX));
	return r;
}

/* From now on it is looked whether audit is silent. */
static void begin_silence(struct pipeline *pipeline)
{
	pipeline->looked_ns = pipeline->now_ns;
	pipeline->quiet_ns = 0;
}

/* true: the time that passed was looked at. */
static bool look_for_silence(struct pipeline *pipeline)
{
	uint64_t since_ns = pipeline->now_ns - pipeline->looked_ns;

	if (hold_count(pipeline->hold) == 0 || pipeline->quiet_ns >= HOLD_IDLE_NS || since_ns < HOLD_LOOK_NS)
		return false;
	pipeline->looked_ns = pipeline->now_ns;
	pipeline->quiet_ns += MIN(since_ns, HOLD_LOOK_MAX_NS);
	return true;
}

/* What the connector tells of a process is of one category, and so is what it takes the place of. */
static int hold(struct pipeline *pipeline, struct event *event, const struct context *actor)
{
	uint64_t *terms = pipeline->balance.events[event_category(event)];
	int r;

	if (hold_count(pipeline->hold) == 0)
		begin_silence(pipeline);
	r = hold_put(pipeline->hold, event, actor);
	if (r < 0) {
		terms[EVENTS_NO_MEMORY]++;	/* it is gone */
		return r;
	}
	terms[EVENTS_MERGED] += r > 0;
	return relieve_hold(pipeline);
}

/* What comes out of decode, without its secrets: a fork or exit of the connector waits for audit, all else goes on. */
static int on_event(void *user, struct event *event, const struct context *actor)
{
	struct pipeline *pipeline = user;
	bool has_pid = values_has(&actor->values, FIELD_pid);
	int r = 0;

	count(pipeline, event, EVENTS_MADE);
	if (pipeline->options.decode_only)
		return end(pipeline, event, EVENTS_FILTERED_OUT, 0);
	if (pipeline->from_audit && !event->asked && pipeline->options.not_from_audit &&
	    pipeline->options.not_from_audit[event->kind])
		return end(pipeline, event, EVENTS_MERGED, 0);
	if (redactor_event(pipeline->redactor, event, &actor) < 0)
		return end(pipeline, event, EVENTS_NO_MEMORY, -ENOMEM);
	if (has_pid && pipeline->from_connector)
		return hold(pipeline, event, actor);
	if (has_pid)
		r = release_for(pipeline, actor->pid);
	if (r >= 0 && values_has(&event->values, FIELD_target_pid))
		r = release_for(pipeline, event->target_pid);
	if (r < 0)
		return end(pipeline, event, EVENTS_NO_MEMORY, r);
	return track_and_emit(pipeline, event, actor);
}

/* Up to when audit has told everything. */
static uint64_t audit_is_past(const struct pipeline *pipeline)
{
	uint64_t stream_ns = pipeline->audit_ns > HOLD_SLACK_NS ? pipeline->audit_ns - HOLD_SLACK_NS : 0;

	return pipeline->quiet_ns >= HOLD_IDLE_NS ? MAX(stream_ns, pipeline->now_ns - HOLD_IDLE_NS) : stream_ns;
}

static int release_held(struct pipeline *pipeline, uint64_t until_ns)
{
	struct held *held;
	int n = 0;

	for (; (held = hold_take_until(pipeline->hold, until_ns)); n = 1) {
		int r = track_held(pipeline, held);

		if (r < 0)
			return r;
	}
	return n;
}

/* true: something is other than it was for it. */
static bool advance_clock(struct pipeline *pipeline, uint64_t now_ns)
{
	bool has_looked;

	if (now_ns <= pipeline->now_ns)
		return false;
	pipeline->now_ns = now_ns;
	has_looked = look_for_silence(pipeline);
	if (now_ns - pipeline->pruned_ns < pipeline->options.prune_ns)
		return has_looked;
	pipeline->pruned_ns = now_ns;
	tracker_prune(pipeline->tracker, now_ns);
	return true;
}

static int decode(struct pipeline *pipeline, const struct draft *draft)
{
	uint32_t type = draft->n_records > 0 ? draft->records[0].type : 0;
	int r;

	pipeline->from_audit = type < RECORD_OWN_FIRST;
	pipeline->from_connector = type == RECORD_FORK || type == RECORD_EXIT;
	r = decode_draft(pipeline->decoder, draft, on_event, pipeline);
	for (uint32_t i = 0; i < draft->n_records; i++)
		pipeline->balance.records[balance_origin(draft->records[i].type)][r < 0 ? RECORDS_NO_MEMORY : RECORDS_DECODED]++;
	return r;
}

/* What became of the record that is being pushed; of one that waits it will be said later. */
static void settle(struct pipeline *pipeline, enum record_term term)
{
	pipeline->balance.records[pipeline->origin][term]++;
}

/* 1: there was something. */
static int release_ripe(struct pipeline *pipeline)
{
	struct draft *draft;
	int n = 0, r;

	for (; (r = assembler_pop(pipeline->assembler, pipeline->now_ns, &draft)) > 0; n = 1) {
		r = decode(pipeline, draft);
		if (r < 0)
			return r;
	}
	if (r >= 0 && (r = release_held(pipeline, audit_is_past(pipeline))) >= 0) {
		n = MAX(n, r);
		r = delivery_release(pipeline->delivery, pipeline->now_ns, false);
	}
	return r < 0 ? r : MAX(n, r);
}

/* More comes than can be dealt with: a record of which nothing is learnt but its own event is not even read.  What we, and the children by
 * which it is seen whether all is well, do is read; so is what has a part in what else is told, such as all that changes files, and the answers that say what connections lead to. */
static bool is_let_go(struct pipeline *pipeline, uint64_t time_ns, struct span bytes)
{
	const struct probe_head *head = (const struct probe_head *)(const void *)bytes.data;
	uint16_t kind = decode_probe_kind(bytes);

	switch (kind < N_KINDS ? kinds[kind].category : N_CATEGORIES) {
	case CATEGORY_file:
		if (kind != KIND_ID(file, read))
			return false;
		break;
	case CATEGORY_image:
	case CATEGORY_network:
	case CATEGORY_http:
		break;
	default:
		return false;
	}
	return (pipeline->options.own_pid == 0 || head->ppid != pipeline->options.own_pid) &&
	       delivery_lets_go(pipeline->delivery, kind, tracker_context(pipeline->tracker, head->pid), time_ns);
}

/* A record of the kernel's programs is an event by itself and comes in order: neither assembly nor hold has anything to do. */
static int push_probe(struct pipeline *pipeline, uint64_t time_ns, struct span bytes)
{
	int r;

	if (!pipeline->has_probes) {	/* live, or a capture of such a run */
		pipeline->has_probes = true;
		tracker_set_audit_lag(pipeline->tracker, AUDIT_TICK_NS);
	}
	advance_clock(pipeline, time_ns);
	pipeline->said_ns = MAX(pipeline->said_ns, time_ns);
	if (unlikely(delivery_is_shedding(pipeline->delivery)) && is_let_go(pipeline, time_ns, bytes)) {
		settle(pipeline, RECORDS_SHED);
		return 1;
	}
	pipeline->from_connector = pipeline->from_audit = false;
	r = decode_probe(pipeline->decoder, time_ns, bytes, on_event, pipeline);
	if (r < 0)
		return r;
	settle(pipeline, RECORDS_DECODED);
	return 1;
}

/* The same from a capture. */
static int push_probe_text(struct pipeline *pipeline, const struct record_head *head)
{
	struct buffer *bytes = &pipeline->probe_bytes;

	buffer_clear(bytes);
	if (answers_unhex(bytes, head->body) == -EINVAL) {
		settle(pipeline, RECORDS_MALFORMED);
		return 0;
	}
	return buffer_error(bytes) < 0 ? -ENOMEM : push_probe(pipeline, head->time_ns, buffer_span(bytes));
}

static int begin_run(struct pipeline *pipeline, struct span boot_id, uint64_t boot_time_ns)
{
	/* Another run may have been before: it ended. */
	int r = pipeline_drain(pipeline);

	if (r >= 0)
		r = delivery_end_steps(pipeline->delivery, pipeline->now_ns);
	if (r >= 0)
		r = tracker_begin_run(pipeline->tracker, boot_id, boot_time_ns);
	if (r < 0)
		return r;
	answers_clear(lookups_answers(pipeline->lookups));
	pipeline->now_ns = pipeline->said_ns = pipeline->pruned_ns = pipeline->audit_ns = 0;
	begin_silence(pipeline);
	pipeline->has_probes = false;
	tracker_set_audit_lag(pipeline->tracker, 0);
	return 0;
}

int pipeline_begin_run(struct pipeline *pipeline)
{
	return begin_run(pipeline, pipeline->options.tracker.boot_id, pipeline->options.tracker.boot_time_ns);
}

int pipeline_begin_file(struct pipeline *pipeline)
{
	return redactor_use_own(pipeline->redactor);
}

/* The run that is replayed replaced what it did.  That it replaced nothing is no reason to do the same: anybody can write so into a file. */
static int follow_redaction(struct pipeline *pipeline, const struct setup *setup)
{
	if (!setup->says_redaction)
		return 0;
	return setup->redacts ? redactor_use(pipeline->redactor, setup->redaction_patterns) : redactor_use_own(pipeline->redactor);
}

static int use_setup(struct pipeline *pipeline, struct span body)
{
	struct setup setup;
	int r = setup_read(&setup, body);

	if (r < 0)
		return r;
	if (setup.only_times) {
		pipeline_set_times(pipeline, &setup.times);
		return 1;
	}
	r = begin_run(pipeline, setup.boot_id, setup.boot_time_ns);
	if (r >= 0)
		r = follow_redaction(pipeline, &setup);
	if (r < 0)
		return r;
	pipeline_set_times(pipeline, &setup.times);
	pipeline->options.own_pid = setup.own_pid;
	pipeline->options.manager_pid = setup.manager_pid;
	buffer_clear(&pipeline->guarded);
	r = answers_unhex(&pipeline->guarded, setup.guarded);
	if (r < 0)
		return r;
	pipeline->options.guarded = buffer_span(&pipeline->guarded);
	memcpy(pipeline->not_from_audit, setup.not_from_audit, sizeof(pipeline->not_from_audit));
	pipeline->options.not_from_audit = pipeline->not_from_audit;
	decoder_set_shown(pipeline->decoder, pipeline->not_from_audit);
	return 1;
}

/* A process that ran when recording ended last. */
static int remember(struct pipeline *pipeline, const struct record_head *head)
{
	struct remembered about;
	int r;

	context_reset(pipeline->remembered);
	if (decode_remembered(head->body, &about, pipeline->remembered) < 0) {
		settle(pipeline, RECORDS_MALFORMED);
		return 0;
	}
	/* It may have been kept before anything was replaced. */
	if (!pipeline->options.decode_only && redactor_context(pipeline->redactor, pipeline->remembered) < 0)
		return -ENOMEM;
	r = pipeline->options.decode_only ? 0 : tracker_remember(pipeline->tracker, pipeline->remembered, &about, head->time_ns);
	if (r >= 0)
		settle(pipeline, RECORDS_USED);
	return r;
}

/* All that runs has been told. */
static int tell_gone(struct pipeline *pipeline, uint64_t time_ns)
{
	struct event *event;
	int r = release_held(pipeline, time_ns);	/* true ends among them */

	if (r < 0)
		return r;
	while ((r = tracker_next_gone(pipeline->tracker, time_ns, &event)) > 0) {
		count(pipeline, event, EVENTS_MADE);
		r = delivery_event(pipeline->delivery, event, pipeline->now_ns);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	settle(pipeline, RECORDS_USED);
	return 1;
}

/* A step begins or ends. */
static int throttle(struct pipeline *pipeline, const struct record_head *head)
{
	struct shed_change change;
	int r = 0;

	if (shed_change_read(&change, head->body) < 0) {
		settle(pipeline, RECORDS_MALFORMED);
		return 0;
	}
	if (!pipeline->options.decode_only) {
		advance_clock(pipeline, head->time_ns);
		pipeline->said_ns = MAX(pipeline->said_ns, head->time_ns);
		r = delivery_shed(pipeline->delivery, &change, pipeline->now_ns);
	}
	if (r < 0)
		return r;
	settle(pipeline, RECORDS_USED);
	return 1;
}

/* What stands in a capture for the sake of its replay alone.  0: it is none of that; 1: it was. */
static int push_of_capture(struct pipeline *pipeline, const struct record *record, const struct record_head *head)
{
	int r = head->type == RECORD_SETUP ? use_setup(pipeline, head->body) :
					     answers_read(lookups_answers(pipeline->lookups), head->type, head->body, record->text);

	if (r == -EINVAL) {
		settle(pipeline, RECORDS_MALFORMED);
		return 1;
	}
	if (r > 0)
		settle(pipeline, RECORDS_USED);
	return r;
}

static int set_back(struct pipeline *pipeline, uint64_t time_ns)
{
	int r = pipeline_follow_back(pipeline, time_ns);

	if (r < 0)
		return r;
	settle(pipeline, RECORDS_USED);
	return 1;
}

static int set_forward(struct pipeline *pipeline, const struct record_head *head)
{
	advance_clock(pipeline, head->time_ns);
	pipeline->said_ns = MAX(pipeline->said_ns, head->time_ns);
	settle(pipeline, RECORDS_USED);
	return span_eq(head->body, SPAN("ripe=1"));
}

/* One that is kept until the others of its draft are there. */
static int assemble(struct pipeline *pipeline, const struct record *record, const struct record_head *head)
{
	uint64_t dropped = assembler_stats(pipeline->assembler)->dropped;
	int r = assembler_push(pipeline->assembler,
			       &(struct assembler_key){ .node = record->node, .time_ns = head->time_ns,
							.serial = head->serial, .ends_event = head->ends_event,
							.may_end_event = head->may_end_event,
							.is_single = head->is_single },
			       head->type, head->body, record->stable, pipeline->now_ns);

	if (r < 0)
		return r;
	if (assembler_stats(pipeline->assembler)->dropped > dropped)
		settle(pipeline, RECORDS_TOO_MANY);
	return 1;
}

/* 1: what is ripe now may go; 0: nothing has happened. */
static int push_text(struct pipeline *pipeline, const struct record *record)
{
	struct record line;
	struct record_head head;
	int r;

	if (record->type == 0) {
		r = audit_line(record->text, &line);
		if (r < 0) {
			settle(pipeline, RECORDS_MALFORMED);
			return 0;
		}
		pipeline->origin = balance_origin(line.type);
		line.time_ns = record->time_ns;
		line.stable = record->stable;
		record = &line;
	}
	r = audit_head(record, &head);
	if (r < 0) {
		settle(pipeline, RECORDS_MALFORMED);
		return 0;
	}
	if (head.type == RECORD_PROBE)
		return push_probe_text(pipeline, &head);
	if (head.type == RECORD_CLOCK)
		return span_eq(head.body, SPAN("back=1")) ? set_back(pipeline, head.time_ns) : set_forward(pipeline, &head);
	if (head.type == RECORD_REMEMBERED)
		return remember(pipeline, &head);
	if (head.type == RECORD_THROTTLE)
		return throttle(pipeline, &head);
	if (head.type >= RECORD_OWN_FIRST) {
		r = push_of_capture(pipeline, record, &head);
		if (r != 0)
			return MIN(r, 0);
	}
	advance_clock(pipeline, record->time_ns ? record->time_ns : head.time_ns);
	pipeline->said_ns = MAX(pipeline->said_ns, head.time_ns);
	if (head.type == RECORD_ALL_TOLD)
		return tell_gone(pipeline, head.time_ns);
	if (head.type < RECORD_OWN_FIRST) {
		pipeline->audit_ns = MAX(pipeline->audit_ns, head.time_ns);
		begin_silence(pipeline);
	}
	return assemble(pipeline, record, &head);
}

int pipeline_push(struct pipeline *pipeline, const struct record *record)
{
	int r;

	pipeline->origin = balance_origin(record->type);
	r = record->type == RECORD_PROBE ? push_probe(pipeline, record->time_ns, record->text) : push_text(pipeline, record);
	settle(pipeline, RECORDS_RECEIVED);
	if (r < 0)
		settle(pipeline, RECORDS_NO_MEMORY);
	if (r <= 0)
		return r;
	r = release_ripe(pipeline);
	answers_clear(lookups_answers(pipeline->lookups));
	return MIN(r, 0);
}

int pipeline_advance(struct pipeline *pipeline, uint64_t now_ns)
{
	bool has_changed = advance_clock(pipeline, now_ns);
	int r = release_ripe(pipeline);

	return r < 0 ? r : r > 0 || has_changed;
}

uint64_t pipeline_unsaid_clock(struct pipeline *pipeline)
{
	if (pipeline->now_ns <= pipeline->said_ns)
		return 0;
	pipeline->said_ns = pipeline->now_ns;
	return pipeline->now_ns;
}

int pipeline_drain(struct pipeline *pipeline)
{
	struct draft *draft;
	int r;

	while ((r = assembler_drain(pipeline->assembler, &draft)) > 0) {
		r = decode(pipeline, draft);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = release_held(pipeline, UINT64_MAX);
	if (r >= 0)
		r = delivery_release(pipeline->delivery, pipeline->now_ns, true);
	return MIN(r, 0);
}

int pipeline_put_processes(const struct pipeline *pipeline, uint64_t now_ns, struct buffer *text)
{
	return tracker_put_processes(pipeline->tracker, now_ns, text);
}

uint64_t pipeline_now_ns(const struct pipeline *pipeline)
{
	return pipeline->now_ns;
}

int pipeline_follow_back(struct pipeline *pipeline, uint64_t now_ns)
{
	int r = pipeline_drain(pipeline);

	answers_clear(lookups_answers(pipeline->lookups));
	tracker_follow_back(pipeline->tracker, now_ns);
	delivery_follow_back(pipeline->delivery, now_ns);
	pipeline->now_ns = pipeline->said_ns = pipeline->pruned_ns = now_ns;
	pipeline->audit_ns = 0;
	begin_silence(pipeline);
	return r;
}

uint64_t pipeline_next_ns(const struct pipeline *pipeline)
{
	uint64_t held_ns = hold_oldest_ns(pipeline->hold);

	if (held_ns != UINT64_MAX && pipeline->quiet_ns < HOLD_IDLE_NS)
		held_ns = pipeline->looked_ns + HOLD_LOOK_MAX_NS;
	else if (held_ns != UINT64_MAX)
		held_ns += HOLD_IDLE_NS;
	return MIN(MIN(held_ns, delivery_next_ns(pipeline->delivery)), assembler_next_ns(pipeline->assembler));
}
