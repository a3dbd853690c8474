/* See status.h.  Values are strings, numbers or true/false; names are stable. */

#include "daemon/status.h"

#include <stdio.h>

#include "config.h"
#include "event/event_json.h"

static void name_of(struct buffer *b, const char *name)
{
	buffer_append_text(b, b->data[b->size - 1] == '[' ? "\n" : ",\n");
	buffer_append_text(b, "{\"domain\":\"recorder\",\"name\":");
	json_append_string(b, span_of(name));
	buffer_append_text(b, ",\"value\":");
}

static void text(struct buffer *b, const char *name, const char *value)
{
	name_of(b, name);
	json_append_string(b, span_of(value));
	buffer_append_byte(b, '}');
}

static void number(struct buffer *b, const char *name, uint64_t value)
{
	name_of(b, name);
	buffer_append_u64(b, value);
	buffer_append_byte(b, '}');
}

static void flag(struct buffer *b, const char *name, bool value)
{
	name_of(b, name);
	buffer_append_text(b, value ? "true}" : "false}");
}

static void moment(struct buffer *b, const char *name, uint64_t time_ns)
{
	name_of(b, name);
	if (time_ns) {
		buffer_append_byte(b, '"');
		buffer_append_time(b, time_ns);
		buffer_append_text(b, "\"}");
	} else {
		buffer_append_text(b, "null}");
	}
}

static bool category_by_bpf(const struct status *status, enum category category)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].category == category && status->by_bpf && status->by_bpf[i])
			return true;
	return false;
}

/* Nothing of what is wanted of it is asked of the kernel's audit. */
static bool category_withheld(const struct status *status, enum category category)
{
	unsigned n_wanted = 0, n_withheld = 0;

	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].category == category && status->wanted[i]) {
			n_wanted++;
			n_withheld += status->withheld && status->withheld[i];
		}
	return n_wanted > 0 && n_wanted == n_withheld;
}

/* What shows events of a category on this run. */
static const char *source_of(const struct status *status, enum category category)
{
	if (category != CATEGORY_security && category_by_bpf(status, category))
		return "ebpf";
	switch (category) {
	case CATEGORY_process:
		if (!status->audit_works || category_withheld(status, category))
			return status->have_connector ? "proc" : "none";
		return status->have_connector ? "audit+proc" : "audit";
	case CATEGORY_file:
	case CATEGORY_network:
	case CATEGORY_driver:
	case CATEGORY_security:
	case CATEGORY_system:
		return status->audit_works && !category_withheld(status, category) ? "audit" : "none";
	case CATEGORY_recorder:
		return "recorder";
	default:
		return "none";	/* the kernel's audit does not show it */
	}
}

static bool category_wanted(const struct status *status, enum category category)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].category == category && status->wanted[i])
			return true;
	return false;
}

/* The recorder makes the others itself. */
static bool is_observed(enum category category)
{
	return category != CATEGORY_recorder && category != CATEGORY_signal;
}

static void classes_json(struct buffer *b, const struct status *status)
{
	char name[64];

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		if (!is_observed(i))
			continue;
		snprintf(name, sizeof(name), "event_source.%s", categories[i].name);
		text(b, name, category_wanted(status, i) ? source_of(status, i) : "not subscribed");
		snprintf(name, sizeof(name), "capability.%s", categories[i].name);
		text(b, name, source_of(status, i));
	}
}

static bool is_withheld_in_part(const struct status *status, enum category category)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].category == category && status->wanted[i] && status->withheld && status->withheld[i])
			return true;
	return false;
}

/* Why a class is not covered, or not whole; NULL: it is. */
static const char *lack_of(const struct status *status, enum category category, const char *source, const char **ret_covered)
{
	bool is_none = strcmp(source, "none") == 0;

	*ret_covered = "no";
	if (category == CATEGORY_registry)
		return "there is none on Linux";
	if (!category_wanted(status, category))
		return "nobody subscribed to it";
	if (is_withheld_in_part(status, category)) {
		*ret_covered = is_none || category_withheld(status, category) ? "no" : "partly";
		return status->withheld_why;
	}
	if (is_none)
		return status->audit_works ? "the kernel's audit does not show it, and there is no eBPF" :
					     "neither the kernel's audit nor eBPF can be used";
	*ret_covered = "partly";
	if (category == CATEGORY_process && strcmp(source, "audit") == 0)
		return "there is no process connector: ends of killed processes are not seen";
	*ret_covered = "yes";
	return NULL;
}

void status_classes_json(struct buffer *b, const struct status *status)
{
	const char *separator = "[";

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		const char *source = source_of(status, i), *covered, *why;

		if (!is_observed(i))
			continue;
		why = lack_of(status, i, source, &covered);
		buffer_printf(b, "%s\n{\"class\":\"%s\",\"source\":\"%s\",\"covered\":\"%s\",\"why\":", separator, categories[i].name, source, covered);
		if (why)
			json_append_string(b, span_of(why));
		else
			buffer_append_text(b, "null");
		buffer_append_byte(b, '}');
		separator = ",";
	}
	buffer_append_byte(b, ']');
}

static uint64_t highest(const uint16_t of[static N_SHED_CAUSES])
{
	uint64_t found = 0;

	for (unsigned i = 0; i < N_SHED_CAUSES; i++)
		found = MAX(found, of[i]);
	return found;
}

static void counters_json(struct buffer *b, const struct status *status)
{
	const struct pipeline_stats *p = &status->core.pipeline;
	char name[64];
	uint64_t shed = 0, thinned = 0, lost_bpf = 0;

	number(b, "received", p->received);
	number(b, "malformed", p->malformed);
	number(b, "assembled", status->core.assembler.drafts);
	number(b, "decoded", p->events);
	number(b, "partial", status->core.decoder.partial);
	number(b, "no_event", status->core.decoder.failed_calls + status->core.decoder.no_event);
	number(b, "unknown_types", status->core.decoder.unknown_types);
	number(b, "own", p->own);
	number(b, "merged", p->merged);
	number(b, "filtered_out", p->filtered_out);
	number(b, "patterns_given_up", p->patterns_given_up);
	number(b, "redacted", p->redacted);
	number(b, "held", p->held);
	number(b, "emitted", p->emitted);
	number(b, "signals", p->signals);	/* besides: stored counts both */
	number(b, "stored", status->writer.stored);
	number(b, "journaled", status->writer.journaled);
	number(b, "lost.kernel", status->lost_kernel);
	number(b, "lost.enobufs", status->source->overruns);
	number(b, "lost.serial_gaps", status->source->serial_gaps);
	number(b, "lost.ring", status->lost_ring);
	number(b, "lost.assembler", status->core.assembler.dropped);
	number(b, "lost.memory", p->no_memory);
	number(b, "lost.database", status->writer.lost);
	number(b, "lost.journal", status->writer.journal_lost);
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		shed += status->shed[i];
		if (!is_observed(i))
			continue;
		snprintf(name, sizeof(name), "lost.shed.%s", categories[i].name);
		number(b, name, status->shed[i]);
	}
	number(b, "lost.shed", shed);
	number(b, "lost.stop", status->core.let_go);
	text(b, "shedding.step", shed_steps[p->shed.step].name);
	text(b, "shedding.source", p->shed.source);
	number(b, "shedding.pressure", highest(status->core.pressure.of));
	number(b, "shedding.merged", p->shed.merged);
	number(b, "shedding.unread", status->shed_unread);
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		thinned += status->thinned[i];
		if (!is_observed(i))
			continue;
		snprintf(name, sizeof(name), "lost.thinned.%s", categories[i].name);
		number(b, name, status->thinned[i]);
	}
	number(b, "lost.thinned", thinned);
	number(b, "throttle.unread", status->core.unread);
	for (unsigned i = 0; i < N_PROBE_CLASSES; i++) {
		lost_bpf += status->probes.lost[i];
		snprintf(name, sizeof(name), "ebpf.made.%s", probe_class_names[i]);
		number(b, name, status->probes.made[i]);
		snprintf(name, sizeof(name), "ebpf.dropped.%s", probe_class_names[i]);
		number(b, name, status->probes.dropped[i]);
		snprintf(name, sizeof(name), "lost.ebpf.%s", probe_class_names[i]);
		number(b, name, status->probes.lost[i]);
	}
	number(b, "lost.ebpf", lost_bpf);
	number(b, "lost.closed_unseen", status->closed_unseen);
	number(b, "foreign_messages", status->source->foreign);
}

/* What became of the records of an origin. */
static void records_json(struct buffer *b, const struct balance *balance, enum balance_origin origin)
{
	char name[64];

	for (unsigned i = 0; i < N_RECORD_TERMS; i++) {
		snprintf(name, sizeof(name), "records.%s.%s", balance_record_names[i], balance_origin_names[origin]);
		number(b, name, balance->records[origin][i]);
	}
	snprintf(name, sizeof(name), "records.waiting.%s", balance_origin_names[origin]);
	number(b, name, (uint64_t)MAX(balance_records_left(balance, origin), 0));
}

/* Of the events of a category. */
static void events_json(struct buffer *b, const struct balance *balance, enum category category)
{
	char name[64];

	for (unsigned i = 0; i < N_EVENT_TERMS; i++) {
		if (i == EVENTS_EMITTED)	/* a sum of those behind it */
			continue;
		snprintf(name, sizeof(name), "events.%s.%s", balance_event_names[i], categories[category].name);
		number(b, name, balance->events[category][i]);
	}
	snprintf(name, sizeof(name), "events.waiting.%s", categories[category].name);
	number(b, name, (uint64_t)MAX(balance_events_left(balance, category), 0) +
				(uint64_t)MAX(balance_emitted_left(balance, category), 0));
}

/* Of those that there were any of. */
static void balance_json(struct buffer *b, const struct core_stats *core)
{
	const struct balance *balance = &core->balance;

	flag(b, "counters.reconcile", !*core->flaw);
	for (unsigned i = 0; i < N_ORIGINS; i++)
		if (balance->records[i][RECORDS_RECEIVED] > 0)
			records_json(b, balance, i);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		if (balance->events[i][EVENTS_MADE] > 0)
			events_json(b, balance, i);
}

static void throttle(struct buffer *b, const struct status *status)
{
	const struct throttle *t = status->throttle;

	text(b, "throttle.step", throttle_step_names[t->orders.step]);
	name_of(b, "throttle.cpu_percent");
	buffer_printf(b, "%.2f}", t->use_percent);
	number(b, "throttle.target_percent", t->wish.target_percent);
	number(b, "throttle.deferred_percent", t->orders.leisure_percent);
	number(b, "throttle.stretch_percent", t->orders.stretch_percent);
	moment(b, "suspended.since", status->suspended_since_ns);
	moment(b, "suspended.until", status->suspended_until_ns);
}

static void hashes(struct buffer *b, const struct hasher_stats *stats)
{
	number(b, "hashes.asked", stats->asked);
	number(b, "hashes.made", stats->hashed);
	number(b, "hashes.from_cache", stats->from_cache);
	number(b, "hashes.failed", stats->failed);
	number(b, "hashes.forgotten", stats->forgotten);
	number(b, "hashes.waiting", stats->waiting);
	number(b, "hashes.bytes", stats->bytes);
}

static void reason(struct buffer *b, const char *text)
{
	if (b->data[b->size - 1] != '[')
		buffer_append_byte(b, ',');
	json_append_string(b, span_of(text));
}

/* Why the state is not what one would wish. */
static void reasons(struct buffer *b, const struct status *status)
{
	name_of(b, "state.reasons");
	buffer_append_byte(b, '[');
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++)
		if (status->health->states[i].level == HEALTH_FAIL)
			reason(b, status->health->states[i].why);
	buffer_append_text(b, "]}");
}

static void health(struct buffer *b, const struct status *status)
{
	const struct canary_report *canary = status->canary;
	char name[64];

	text(b, "health", health_level_names[health_worst(status->health)]);
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++) {
		snprintf(name, sizeof(name), "health.%s", health_checks[i].id);
		text(b, name, health_level_names[status->health->states[i].level]);
	}
	moment(b, "canary.last", canary->time_ns);
	number(b, "canary.latency_ms", canary->latency_ms);
	number(b, "canary.sent", canary->n_sent);
	number(b, "canary.failed", canary->n_failed);
	for (unsigned i = 0; i < N_CANARY_ACTS; i++) {
		snprintf(name, sizeof(name), "canary.missing.%s", canary_act_names[i]);
		flag(b, name, canary->outcome == CANARY_MISSING && canary->demanded[i] && !canary->arrived[i]);
	}
}

/* By category, of those that there are or were any of. */
static void categories_json(struct buffer *b, const struct status *status)
{
	static const struct {
		const char *name;
		size_t member;		/* of struct history_category, uint64_t */
		bool is_time;
	} items[] = {
		{ "events", offsetof(struct history_category, events) },
		{ "bytes", offsetof(struct history_category, bytes) },
		{ "oldest", offsetof(struct history_category, oldest_ns), true },
		{ "cleaned", offsetof(struct history_category, cleaned) },
		{ "cleaned_until", offsetof(struct history_category, cleaned_until_ns), true },
	};

	for (size_t k = 0; status->categories && k < ARRAY_SIZE(items); k++)
		for (unsigned i = 0; i < N_CATEGORIES; i++) {
			const struct history_category *of = &status->categories[i];
			uint64_t value;
			char name[64];

			if (of->events == 0 && of->cleaned == 0)
				continue;
			memcpy(&value, (const char *)of + items[k].member, sizeof(value));
			snprintf(name, sizeof(name), "database.%s.%s", items[k].name, categories[i].name);
			(items[k].is_time ? moment : number)(b, name, value);
		}
}

static void memory_json(struct buffer *b, const struct memory *memory)
{
	char name[64];

	number(b, "rss_bytes", memory->rss);
	number(b, "memory.budget_bytes", memory->budget);
	number(b, "memory.peak_bytes", memory->peak_rss);
	for (unsigned i = 0; i < N_MEMORY_PARTS; i++) {
		snprintf(name, sizeof(name), "memory.used.%s", memory_part_names[i]);
		number(b, name, memory->used[i]);
		snprintf(name, sizeof(name), "memory.room.%s", memory_part_names[i]);
		number(b, name, memory->room[i]);
	}
}

void status_json(struct buffer *b, const struct status *status)
{
	uint64_t uptime_ns = status->now_ns > status->started_ns ? status->now_ns - status->started_ns : 0;

	buffer_append_byte(b, '[');
	text(b, "version", RECORDER_VERSION);
	text(b, "state", status->state);
	reasons(b, status);
	health(b, status);
	text(b, "event_source", status->source_mode);
	text(b, "event_source.ebpf", status->bpf_why ? status->bpf_why : "running");
	classes_json(b, status);
	number(b, "subscriptions", status->n_subscriptions);
	number(b, "subscriptions_refused", status->n_refused);
	number(b, "subscriptions_unprotected", status->n_unprotected);
	flag(b, "has_user_defined_audit_rules", status->has_user_rules);
	flag(b, "restart_needed", status->restart_needed);
	number(b, "uptime", uptime_ns / NS_PER_SEC);
	moment(b, "started", status->started_ns);
	text(b, "database.path", status->database_path);
	number(b, "database.size_bytes", status->database_bytes);
	number(b, "database.events", status->database_events);
	moment(b, "database.oldest", status->database_oldest_ns);
	moment(b, "database.newest", status->database_newest_ns);
	number(b, "database.bytes_per_event",
	       status->database_events ? status->database_bytes / status->database_events : 0);
	categories_json(b, status);
	counters_json(b, status);
	balance_json(b, &status->core);
	throttle(b, status);
	hashes(b, &status->hashes);
	number(b, "processes", status->core.tracker.processes);
	number(b, "processes.inferred", status->core.tracker.inferred);
	number(b, "queue.ring_bytes", status->ring_used);
	number(b, "queue.ring_capacity_bytes", status->ring_capacity);
	number(b, "queue.events", status->queue_events);
	number(b, "refused_calls", status->refused_calls);
	number(b, "kernel.audit.enabled", status->audit.enabled);
	number(b, "kernel.audit.pid", status->audit.pid);
	number(b, "kernel.audit.backlog", status->audit.backlog);
	number(b, "kernel.audit.backlog_limit", status->audit.backlog_limit);
	number(b, "kernel.audit.lost", status->audit.lost);
	number(b, "kernel.audit.rules_missing", status->rules_missing);
	number(b, "kernel.audit.user_rules", status->user_rules_loaded);
	text(b, "kernel.audit.files", status->rules_look_at);
	name_of(b, "cpu_percent");
	buffer_printf(b, "%.2f}", uptime_ns ? 100.0 * (double)status->cpu_ns / (double)uptime_ns : 0.0);
	name_of(b, "cpu_seconds");
	buffer_printf(b, "%.3f}", (double)status->cpu_ns / (double)NS_PER_SEC);
	memory_json(b, status->memory);
	buffer_append_text(b, "\n]");
}
