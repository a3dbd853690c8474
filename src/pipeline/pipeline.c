/* See pipeline.h.  What every stage left to itself cannot do: call the next one, and ask /proc on behalf of the
 * tracker through the same decoder that reads records. */

#include "pipeline/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/answers.h"
#include "pipeline/collate.h"
#include "pipeline/hash_wait.h"
#include "pipeline/hold.h"
#include "pipeline/setup.h"
#include "pipeline/signals.h"

#define PRUNE_EVERY_NS NS_PER_SEC
#define AUDIT_TICK_NS (10 * NS_PER_MS)	/* its clock is coarse: at worst this much (HZ=100) */

struct pipeline {
	struct pipeline_options options;
	struct pipeline_stats stats;
	uint64_t given_up_before;	/* by filters that were replaced */
	pipeline_fn emit;
	void *user;
	struct decoder *decoder;
	struct decoder *lookup_decoder;	/* a lookup comes while the other is in the middle of a draft */
	struct assembler *assembler;
	struct tracker *tracker;
	struct answers *answers;
	struct hold *hold;
	struct hash_wait *hash_wait;
	bool waits_for_hashes;		/* some subscription looks at them */
	struct collate *collate;
	struct signals *signals;
	struct buffer lookup_text;
	struct buffer probe_bytes;	/* of a record that stands in a capture in hex */
	uint64_t now_ns;		/* goes back by pipeline_follow_back() alone */
	uint64_t said_ns;		/* what it would be if the records alone had moved it */
	uint64_t audit_ns;		/* time of the latest audit record, by its own stamp */
	uint64_t audit_came_ns;		/* and when it came */
	uint64_t pruned_ns;
	bool from_connector;		/* the draft being decoded is a fork or exit of the connector */
	bool from_audit;		/* ... is of audit */
	bool has_probes;		/* records of the kernel's programs have come */
	bool not_from_audit[N_KINDS];	/* of the run that is replayed */
};

static void set_collation(struct pipeline *pipeline, uint64_t window_ns)
{
	collate_set_window(pipeline->collate, window_ns > 1 ? window_ns : 0);
}

static void use_filter(struct pipeline *pipeline, struct filter *filter)
{
	static const enum field hashes[] = { FIELD_hash_md5, FIELD_hash_sha1, FIELD_hash_sha256, FIELD_hash_state, FIELD_dll_md5,
					     FIELD_dll_sha1, FIELD_dll_sha256, FIELD_dll_hash_state };
	uint64_t set[FIELD_WORDS] = { 0 };

	pipeline->options.filter = filter;
	pipeline->waits_for_hashes = false;
	if (filter)
		filter_fields(filter, set);
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		pipeline->waits_for_hashes |= set[hashes[i] / 64] >> (hashes[i] % 64) & 1;
}

static int lookup(void *user, uint32_t pid, struct context *ret);
static int resolve_fd(void *user, uint32_t pid, int32_t fd, char *ret, size_t size);
static int resolve_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
			size_t size);
static int resolve_name(void *user, uint32_t id, bool is_group, uint64_t now_ns, struct span *ret);
static void hash(void *user, const struct hash_wish *wish);

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
	pipeline->emit = emit;
	pipeline->user = user;
	tracker.lookup = lookup;
	tracker.resolve_fd = resolve_fd;
	tracker.resolve_path = resolve_path;
	tracker.resolve_name = resolve_name;
	tracker.hash = options->hash ? hash : NULL;
	tracker.user = pipeline;
	r = decoder_new(&pipeline->decoder, &decoder);
	if (r >= 0)
		r = decoder_new(&pipeline->lookup_decoder, &options->decoder);
	if (r >= 0)
		r = assembler_new(&pipeline->assembler, &options->assembler);
	if (r >= 0)
		r = answers_new(&pipeline->answers);
	if (r >= 0)
		r = hold_new(&pipeline->hold);
	if (r >= 0)
		r = hash_wait_new(&pipeline->hash_wait);
	if (r >= 0)
		r = collate_new(&pipeline->collate);
	if (r >= 0)
		r = signals_new(&pipeline->signals);
	if (r >= 0)
		r = tracker_new(&pipeline->tracker, &tracker);
	if (r < 0)
		return r;
	if (options->signal_window_ns > 0)
		signals_set_window(pipeline->signals, options->signal_window_ns);
	set_collation(pipeline, options->collate_ns);
	use_filter(pipeline, options->filter);
	*ret = TAKE(pipeline);
	return 0;
}

struct pipeline *pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return NULL;
	hold_free(pipeline->hold);
	hash_wait_free(pipeline->hash_wait);
	collate_free(pipeline->collate);
	signals_free(pipeline->signals);
	tracker_free(pipeline->tracker);
	answers_free(pipeline->answers);
	assembler_free(pipeline->assembler);
	decoder_free(pipeline->lookup_decoder);
	decoder_free(pipeline->decoder);
	buffer_release(&pipeline->lookup_text);
	buffer_release(&pipeline->probe_bytes);
	free(pipeline);
	return NULL;
}

void pipeline_stats(const struct pipeline *pipeline, struct pipeline_stats *ret)
{
	*ret = pipeline->stats;
	ret->patterns_given_up = pipeline->given_up_before + (pipeline->options.filter ? filter_given_up(pipeline->options.filter) : 0);
	ret->held = hold_count(pipeline->hold);
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
	if (times->signal_window_ns > 0)
		signals_set_window(pipeline->signals, times->signal_window_ns);
	if (times->collate_ns > 0)
		set_collation(pipeline, times->collate_ns);
}

void pipeline_set_filter(struct pipeline *pipeline, struct filter *filter)
{
	/* Patterns that both have count on. */
	pipeline->given_up_before += pipeline->options.filter ? filter_given_up(pipeline->options.filter) : 0;
	pipeline->given_up_before -= filter ? filter_given_up(filter) : 0;
	use_filter(pipeline, filter);
}

/* The event that a lookup's record gives is only a vehicle for the context. */
static int keep_actor(void *user, struct event *event, const struct context *actor)
{
	struct context *ret = user;

	for (unsigned i = 0; i < N_CONTEXT_FIELDS; i++)
		values_copy(&ret->values, &actor->values, (enum field)i);
	event_free(event);
	return 0;
}

static int lookup(void *user, uint32_t pid, struct context *ret)
{
	struct pipeline *pipeline = user;
	struct buffer *text = &pipeline->lookup_text;
	struct record record = { .type = RECORD_PROCESS };
	struct draft_record draft_record;
	struct record_head head;
	struct draft draft;
	int r;

	buffer_clear(text);
	r = pipeline->options.lookup ? pipeline->options.lookup(pipeline->options.lookup_user, pid, text) :
				       answers_take(pipeline->answers, pid, ANSWERS_PROCESS, text);
	if (r < 0)
		return r;
	record.text = buffer_span(text);
	r = audit_head(&record, &head);
	if (r < 0)
		return r;
	draft_record = (struct draft_record){ RECORD_PROCESS, head.body.data, (uint32_t)head.body.size };
	draft = (struct draft){ .time_ns = head.time_ns, .records = &draft_record, .n_records = 1 };
	context_reset(ret);
	return decode_draft(pipeline->lookup_decoder, &draft, keep_actor, ret);
}

static int resolve_fd(void *user, uint32_t pid, int32_t fd, char *ret, size_t size)
{
	struct pipeline *pipeline = user;
	struct buffer *path = &pipeline->lookup_text;
	int r;

	if (pipeline->options.resolve_fd)
		return pipeline->options.resolve_fd(pipeline->options.lookup_user, pid, fd, ret, size);
	buffer_clear(path);
	r = answers_take(pipeline->answers, pid, fd, path);
	if (r < 0)
		return r;
	if (path->size >= size)
		return -ENAMETOOLONG;
	memcpy(ret, path->data, path->size);
	ret[path->size] = 0;
	return 0;
}

/* The answer of a capture: the id, then the path. */
static int resolve_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
			size_t size)
{
	struct pipeline *pipeline = user;
	struct buffer *answer = &pipeline->lookup_text;
	int r;

	if (pipeline->options.resolve_path)
		return pipeline->options.resolve_path(pipeline->options.lookup_user, from, path, ret_id, ret, size);
	buffer_clear(answer);
	r = answers_take(pipeline->answers, path_place_hash(from, span_of(path)), ANSWERS_PATH, answer);
	if (r < 0)
		return r;
	if (answer->size < sizeof(*ret_id) || answer->size - sizeof(*ret_id) >= size)
		return -ENODATA;
	memcpy(ret_id, answer->data, sizeof(*ret_id));
	memcpy(ret, answer->data + sizeof(*ret_id), answer->size - sizeof(*ret_id));
	ret[answer->size - sizeof(*ret_id)] = 0;
	return 0;
}

static int resolve_name(void *user, uint32_t id, bool is_group, uint64_t now_ns, struct span *ret)
{
	struct pipeline *pipeline = user;
	struct buffer *name = &pipeline->lookup_text;
	int r;

	if (pipeline->options.resolve_name)
		return pipeline->options.resolve_name(pipeline->options.lookup_user, id, is_group, now_ns, ret);
	buffer_clear(name);
	r = answers_take(pipeline->answers, id, is_group ? ANSWERS_GROUP : ANSWERS_USER, name);
	if (r >= 0)
		*ret = buffer_span(name);
	return r;
}

static void hash(void *user, const struct hash_wish *wish)
{
	struct pipeline *pipeline = user;

	pipeline->options.hash(pipeline->options.lookup_user, wish);
}

static uint64_t streams_of(struct pipeline *pipeline, const struct event *event)
{
	if (pipeline->options.wanted && !__atomic_load_n(&pipeline->options.wanted[event->kind], __ATOMIC_RELAXED) &&
	    event_category(event) != CATEGORY_recorder)
		return 0;
	return pipeline->options.filter ? filter_match(pipeline->options.filter, event) : 1;
}

/* Says of every signal that the event set off.  The event itself goes where its other streams want it. */
static int note_signals(struct pipeline *pipeline, struct event *event)
{
	const struct stream *const *hits;
	size_t n = filter_hits(pipeline->options.filter, &hits);

	for (size_t i = 0; i < n; i++) {
		int r = signals_hit(pipeline->signals, hits[i], event, pipeline->now_ns);

		if (r < 0)
			return r;
	}
	event->streams &= ~FILTER_SIGNALED;
	return 0;
}

/* 1: there was something. */
static int emit_signals(struct pipeline *pipeline, uint64_t now_ns)
{
	struct event *event;
	int n = 0;

	for (; (event = signals_take(pipeline->signals, now_ns)); n = 1) {
		int r;

		pipeline->stats.signals++;
		r = pipeline->emit(pipeline->user, event);
		if (r < 0)
			return r;
	}
	return n;
}

/* 1: there was something. */
static int emit_collated(struct pipeline *pipeline, uint64_t now_ns)
{
	struct event *event;
	int n = 0;

	for (; (event = collate_take(pipeline->collate, now_ns)); n = 1) {
		int r;

		pipeline->stats.emitted++;
		r = pipeline->emit(pipeline->user, event);
		if (r < 0)
			return r;
	}
	return n;
}

/* The event goes on, waits, or is counted with one that waits. */
static int emit(struct pipeline *pipeline, struct event *event)
{
	struct event *before;

	while ((before = collate_take_before(pipeline->collate, event))) {
		int r;

		pipeline->stats.emitted++;
		r = pipeline->emit(pipeline->user, before);
		if (r < 0) {
			event_free(event);
			return r;
		}
	}
	switch (collate_event(pipeline->collate, event, pipeline->now_ns)) {
	case 0:
		pipeline->stats.emitted++;
		return pipeline->emit(pipeline->user, event);
	case 1:
		return 0;
	default:
		pipeline->stats.merged++;
		return 0;
	}
}

static int filter_and_emit(struct pipeline *pipeline, struct event *event)
{
	_cleanup_(event_freep) struct event *owned = event;
	bool has_signals = false;
	int r = 0;

	event->streams = streams_of(pipeline, event);
	/* What a user's rule asked for is also for who wants to know of such rules, of whatever kind it is. */
	if (event->streams == 0 && event->asked) {
		uint16_t kind = event->kind;

		event->kind = KIND_ID(security, audit_rule);
		event->streams = streams_of(pipeline, event);
		event->kind = kind;
	}
	if (unlikely(event->streams & FILTER_SIGNALED)) {
		has_signals = true;
		r = note_signals(pipeline, event);
		if (r < 0)
			return r;
	}
	if (event->streams == 0) {
		pipeline->stats.filtered_out++;
	} else {
		r = emit(pipeline, TAKE(owned));
	}
	/* Behind the event that set them off. */
	if (r < 0 || !has_signals)
		return r;
	r = emit_signals(pipeline, pipeline->now_ns);
	return MIN(r, 0);
}

/* Those in front of which nothing waits any more.  all: the others too, with what is known by now.  1: there was something. */
static int release_waiting(struct pipeline *pipeline, bool all)
{
	uint64_t timeout_ns = pipeline->options.assembler.timeout_ns;
	struct event *event;
	int n = 0;

	for (; (event = hash_wait_first(pipeline->hash_wait)); n = 1) {
		int r = tracker_complete(pipeline->tracker, event);

		if (r < 0)
			return r;
		if (r > 0 && !all && !hash_wait_is_full(pipeline->hash_wait) &&
		    pipeline->now_ns - hash_wait_since_ns(pipeline->hash_wait) < timeout_ns)
			break;
		r = filter_and_emit(pipeline, hash_wait_take(pipeline->hash_wait));
		if (r < 0)
			return r;
	}
	return n;
}

/* Hashes that a subscription asks for are waited for, and what comes behind such an event waits too. */
static int wait_for_hashes(struct pipeline *pipeline, struct event *event)
{
	int r = 0;

	if (!hash_wait_first(pipeline->hash_wait)) {
		r = pipeline->waits_for_hashes ? tracker_complete(pipeline->tracker, event) : 0;
		if (r < 0)
			event_free(event);
		if (r <= 0)
			return r < 0 ? r : filter_and_emit(pipeline, event);
	}
	r = hash_wait_put(pipeline->hash_wait, event, pipeline->now_ns);
	if (r >= 0)
		r = release_waiting(pipeline, false);
	return MIN(r, 0);
}

static void watch(const struct pipeline_options *options, const struct event *event)
{
	const struct context *context = event->context;

	if (atomic_load_explicit(options->watch, memory_order_relaxed) == 0 || !context)
		return;
	if (values_has(&context->values, FIELD_ppid) && context->ppid == options->own_pid)
		options->watched(options->watch_user, event);
}

static int track_and_emit(struct pipeline *pipeline, struct event *event, const struct context *actor)
{
	_cleanup_(event_freep) struct event *owned = event;
	bool own = pipeline->options.own_pid && values_has(&actor->values, FIELD_pid) &&
		   actor->pid == pipeline->options.own_pid && event_category(event) != CATEGORY_recorder;
	int r;

	if (own && event_category(event) != CATEGORY_process) {
		pipeline->stats.own++;
		return 0;
	}
	r = tracker_event(pipeline->tracker, event, actor);
	if (r < 0)
		return r;
	if (own) {
		pipeline->stats.own++;
		return 0;
	}
	if (r > 0) {
		pipeline->stats.merged++;
		return 0;
	}
	if (pipeline->options.watch)
		watch(&pipeline->options, event);
	return wait_for_hashes(pipeline, TAKE(owned));
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

/* What comes out of decode: a fork or exit of the connector waits for audit, all else goes on. */
static int on_event(void *user, struct event *event, const struct context *actor)
{
	struct pipeline *pipeline = user;
	bool has_pid = values_has(&actor->values, FIELD_pid);
	int r = 0;

	pipeline->stats.events++;
	if (pipeline->options.decode_only) {
		event_free(event);
		return 0;
	}
	if (pipeline->from_audit && !event->asked && pipeline->options.not_from_audit &&
	    pipeline->options.not_from_audit[event->kind]) {
		pipeline->stats.merged++;
		event_free(event);
		return 0;
	}
	if (has_pid && pipeline->from_connector) {
		r = hold_put(pipeline->hold, event, actor);
		pipeline->stats.merged += r > 0;
		return r < 0 ? r : relieve_hold(pipeline);
	}
	if (has_pid)
		r = release_for(pipeline, actor->pid);
	if (r >= 0 && values_has(&event->values, FIELD_target_pid))
		r = release_for(pipeline, event->target_pid);
	if (r < 0) {
		event_free(event);
		return r;
	}
	return track_and_emit(pipeline, event, actor);
}

/* Up to when audit has told everything. */
static uint64_t audit_is_past(const struct pipeline *pipeline)
{
	uint64_t stream_ns = pipeline->audit_ns > HOLD_SLACK_NS ? pipeline->audit_ns - HOLD_SLACK_NS : 0;

	if (pipeline->now_ns > HOLD_IDLE_NS && pipeline->now_ns - HOLD_IDLE_NS >= pipeline->audit_came_ns)
		return MAX(stream_ns, pipeline->now_ns - HOLD_IDLE_NS);
	return stream_ns;
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

/* true: something was forgotten for it. */
static bool advance_clock(struct pipeline *pipeline, uint64_t now_ns)
{
	if (now_ns <= pipeline->now_ns)
		return false;
	pipeline->now_ns = now_ns;
	if (now_ns - pipeline->pruned_ns < pipeline->options.prune_ns)
		return false;
	pipeline->pruned_ns = now_ns;
	tracker_prune(pipeline->tracker, now_ns);
	return true;
}

static int decode(struct pipeline *pipeline, const struct draft *draft)
{
	uint32_t type = draft->n_records > 0 ? draft->records[0].type : 0;

	pipeline->from_audit = type < RECORD_OWN_FIRST;
	pipeline->from_connector = type == RECORD_FORK || type == RECORD_EXIT;
	return decode_draft(pipeline->decoder, draft, on_event, pipeline);
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
		r = release_waiting(pipeline, false);
	}
	if (r >= 0) {
		n = MAX(n, r);
		r = emit_collated(pipeline, pipeline->now_ns);
	}
	if (r >= 0) {
		n = MAX(n, r);
		r = emit_signals(pipeline, pipeline->now_ns);
	}
	return r < 0 ? r : MAX(n, r);
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
	pipeline->from_connector = pipeline->from_audit = false;
	r = decode_probe(pipeline->decoder, time_ns, bytes, on_event, pipeline);
	return r < 0 ? r : 1;
}

/* The same from a capture. */
static int push_probe_text(struct pipeline *pipeline, const struct record_head *head)
{
	struct buffer *bytes = &pipeline->probe_bytes;

	buffer_clear(bytes);
	if (answers_unhex(bytes, head->body) == -EINVAL) {
		pipeline->stats.malformed++;
		return 0;
	}
	return buffer_error(bytes) < 0 ? -ENOMEM : push_probe(pipeline, head->time_ns, buffer_span(bytes));
}

static int begin_run(struct pipeline *pipeline, struct span boot_id, uint64_t boot_time_ns)
{
	/* Another run may have been before: it ended. */
	int r = pipeline_drain(pipeline);

	if (r >= 0)
		r = tracker_begin_run(pipeline->tracker, boot_id, boot_time_ns);
	if (r < 0)
		return r;
	answers_clear(pipeline->answers);
	pipeline->now_ns = pipeline->said_ns = pipeline->pruned_ns = pipeline->audit_ns = pipeline->audit_came_ns = 0;
	pipeline->has_probes = false;
	tracker_set_audit_lag(pipeline->tracker, 0);
	return 0;
}

int pipeline_begin_run(struct pipeline *pipeline)
{
	return begin_run(pipeline, pipeline->options.tracker.boot_id, pipeline->options.tracker.boot_time_ns);
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
	if (r < 0)
		return r;
	pipeline_set_times(pipeline, &setup.times);
	pipeline->options.own_pid = setup.own_pid;
	memcpy(pipeline->not_from_audit, setup.not_from_audit, sizeof(pipeline->not_from_audit));
	pipeline->options.not_from_audit = pipeline->not_from_audit;
	decoder_set_shown(pipeline->decoder, pipeline->not_from_audit);
	return 1;
}

/* What stands in a capture for the sake of its replay alone.  0: it is none of that; 1: it was. */
static int push_of_capture(struct pipeline *pipeline, const struct record *record, const struct record_head *head)
{
	int r = head->type == RECORD_SETUP ? use_setup(pipeline, head->body) :
					     answers_read(pipeline->answers, head->type, head->body, record->text);

	if (r == -EINVAL) {
		pipeline->stats.malformed++;
		return 1;
	}
	return r;
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
			pipeline->stats.malformed++;
			return 0;
		}
		line.time_ns = record->time_ns;
		line.stable = record->stable;
		record = &line;
	}
	r = audit_head(record, &head);
	if (r < 0) {
		pipeline->stats.malformed++;
		return 0;
	}
	if (head.type == RECORD_PROBE)
		return push_probe_text(pipeline, &head);
	if (head.type == RECORD_CLOCK && span_eq(head.body, SPAN("back=1"))) {
		r = pipeline_follow_back(pipeline, head.time_ns);
		return r < 0 ? r : 1;
	}
	if (head.type == RECORD_CLOCK) {
		advance_clock(pipeline, head.time_ns);
		pipeline->said_ns = MAX(pipeline->said_ns, head.time_ns);
		return span_eq(head.body, SPAN("ripe=1"));
	}
	if (head.type >= RECORD_OWN_FIRST) {
		r = push_of_capture(pipeline, record, &head);
		if (r != 0)
			return MIN(r, 0);
	}
	advance_clock(pipeline, record->time_ns ? record->time_ns : head.time_ns);
	pipeline->said_ns = MAX(pipeline->said_ns, head.time_ns);
	if (head.type < RECORD_OWN_FIRST) {
		pipeline->audit_ns = MAX(pipeline->audit_ns, head.time_ns);
		pipeline->audit_came_ns = pipeline->now_ns;
	}
	r = assembler_push(pipeline->assembler,
			   &(struct assembler_key){ .node = record->node, .time_ns = head.time_ns,
						    .serial = head.serial, .ends_event = head.ends_event,
						    .may_end_event = head.may_end_event,
						    .is_single = head.is_single },
			   head.type, head.body, record->stable, pipeline->now_ns);
	return r < 0 ? r : 1;
}

int pipeline_push(struct pipeline *pipeline, const struct record *record)
{
	int r;

	pipeline->stats.received++;
	r = record->type == RECORD_PROBE ? push_probe(pipeline, record->time_ns, record->text) : push_text(pipeline, record);
	if (r <= 0)
		return r;
	r = release_ripe(pipeline);
	answers_clear(pipeline->answers);
	return MIN(r, 0);
}

int pipeline_advance(struct pipeline *pipeline, uint64_t now_ns)
{
	bool has_pruned = advance_clock(pipeline, now_ns);
	int r = release_ripe(pipeline);

	return r < 0 ? r : r > 0 || has_pruned;
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
		r = release_waiting(pipeline, true);
	if (r >= 0)
		r = emit_collated(pipeline, UINT64_MAX);
	if (r >= 0)
		r = emit_signals(pipeline, UINT64_MAX);
	return MIN(r, 0);
}

uint64_t pipeline_now_ns(const struct pipeline *pipeline)
{
	return pipeline->now_ns;
}

int pipeline_follow_back(struct pipeline *pipeline, uint64_t now_ns)
{
	int r = pipeline_drain(pipeline);

	answers_clear(pipeline->answers);
	tracker_follow_back(pipeline->tracker, now_ns);
	pipeline->now_ns = pipeline->said_ns = pipeline->pruned_ns = now_ns;
	pipeline->audit_ns = pipeline->audit_came_ns = 0;
	return r;
}

uint64_t pipeline_next_ns(const struct pipeline *pipeline)
{
	uint64_t held_ns = hold_oldest_ns(pipeline->hold);

	if (held_ns != UINT64_MAX)
		held_ns = MAX(held_ns, pipeline->audit_came_ns) + HOLD_IDLE_NS;
	if (hash_wait_first(pipeline->hash_wait))
		held_ns = MIN(held_ns, hash_wait_since_ns(pipeline->hash_wait) + pipeline->options.assembler.timeout_ns);
	held_ns = MIN(held_ns, collate_next_ns(pipeline->collate));
	return MIN(MIN(held_ns, signals_next_ns(pipeline->signals)), assembler_next_ns(pipeline->assembler));
}
