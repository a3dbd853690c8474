/* See prometheus.h.  Names follow prometheus.io/docs/practices/naming: a prefix, base units, `_total` for what only grows. */

#include "cli/prometheus.h"

#include "base/clock.h"
#include "cli/time_spec.h"

enum metric_type {
	COUNTER,
	GAUGE,
	LEVEL,				/* gauge: ok, warn, fail as 0, 1, 2 */
	TIME,				/* gauge: seconds since 1970 */
	MILLISECONDS,			/* gauge, in seconds */
	INFO,				/* gauge of 1 with a text as its label */
};

/* Lines of one metric stand together. */
static const struct metric {
	const char *item;		/* of the status; a `*` at its end is the value of the label */
	const char *name;		/* NULL: left out */
	enum metric_type type;
	const char *label;		/* NULL: none */
	const char *text_label;		/* INFO: of the text */
	const char *help;
} metrics[] = {
	{ "version", "recorder_build_info", INFO, NULL, "version", "Version that runs" },
	{ "state", "recorder_state_info", INFO, NULL, "state", "What it does: idle, recording, degraded, suspended" },
	{ "state.reasons" },
	{ "health", "recorder_health", LEVEL, NULL, NULL, "Worst level of all health checks: 0 ok, 1 warn, 2 fail" },
	{ "health.*", "recorder_health_check", LEVEL, "check", NULL, "Level of a health check: 0 ok, 1 warn, 2 fail" },
	{ "canary.last", "recorder_canary_sent_timestamp_seconds", TIME, NULL, NULL, "When the last canary was sent" },
	{ "canary.latency_ms", "recorder_canary_latency_seconds", MILLISECONDS, NULL, NULL,
	  "From the act of the last canary to the end of the pipeline" },
	{ "canary.sent", "recorder_canaries_sent_total", COUNTER, NULL, NULL, "Canaries sent" },
	{ "canary.failed", "recorder_canaries_failed_total", COUNTER, NULL, NULL, "Canaries that did not arrive whole" },
	{ "canary.missing.*", "recorder_canary_missing", GAUGE, "act", NULL, "Whether an act of the last canary never arrived" },
	{ "event_source", "recorder_event_source_info", INFO, NULL, "source", "Where events come from" },
	{ "event_source.ebpf" },
	{ "event_source.*", "recorder_event_source_class_info", INFO, "class", "source", "Where events of a class come from" },
	{ "capability.*", "recorder_capability_info", INFO, "class", "source", "What could show events of a class" },
	{ "subscriptions", "recorder_subscriptions", GAUGE, NULL, NULL, "Subscriptions in force" },
	{ "subscriptions_refused", "recorder_subscriptions_refused", GAUGE, NULL, NULL, "Subscriptions that cannot be used" },
	{ "subscriptions_unprotected", "recorder_subscriptions_unprotected", GAUGE, NULL, NULL,
	  "Saved subscriptions that are not stored as the settings want it" },
	{ "restart_needed", "recorder_restart_needed", GAUGE, NULL, NULL, "A locked kernel needs the rules that the next start brings" },
	{ "has_user_defined_audit_rules", "recorder_has_user_defined_audit_rules", GAUGE, NULL, NULL,
	  "Whether audit rules of the user are registered" },
	{ "uptime", "recorder_uptime_seconds", GAUGE, NULL, NULL, "Time since the start" },
	{ "started", "recorder_start_timestamp_seconds", TIME, NULL, NULL, "When it was started" },
	{ "database.path" },
	{ "database.size_bytes", "recorder_database_size_bytes", GAUGE, NULL, NULL, "Size of the database with wal and shm" },
	{ "database.events.*", "recorder_database_category_events", GAUGE, "category", NULL, "Events in the database by category" },
	{ "database.bytes.*", "recorder_database_category_bytes", GAUGE, "category", NULL, "What they take, roughly" },
	{ "database.oldest.*", "recorder_database_category_oldest_timestamp_seconds", TIME, "category", NULL, "Time of the oldest of them" },
	{ "database.cleaned.*", "recorder_database_cleaned_events_total", COUNTER, "category", NULL, "Events that made room for newer ones" },
	{ "database.cleaned_until.*", "recorder_database_cleaned_until_timestamp_seconds", TIME, "category", NULL,
	  "Until then events of the category were cleaned away" },
	{ "database.events", "recorder_database_events", GAUGE, NULL, NULL, "Events in the database" },
	{ "database.oldest", "recorder_database_oldest_timestamp_seconds", TIME, NULL, NULL, "Time of the oldest event" },
	{ "database.newest", "recorder_database_newest_timestamp_seconds", TIME, NULL, NULL, "Time of the newest event" },
	{ "database.bytes_per_event", "recorder_database_event_bytes", GAUGE, NULL, NULL, "Size of an event in the database" },
	{ "received", "recorder_records_received_total", COUNTER, NULL, NULL, "Records that came from the sources" },
	{ "malformed", "recorder_records_malformed_total", COUNTER, NULL, NULL, "Records without a readable head" },
	{ "unknown_types", "recorder_records_unknown_total", COUNTER, NULL, NULL, "Records of types that nobody knows" },
	{ "assembled", "recorder_drafts_assembled_total", COUNTER, NULL, NULL, "Groups of records that belong together" },
	{ "no_event", "recorder_drafts_without_event_total", COUNTER, NULL, NULL, "Groups of records that are no event" },
	{ "decoded", "recorder_events_decoded_total", COUNTER, NULL, NULL, "Events decoded" },
	{ "partial", "recorder_events_partial_total", COUNTER, NULL, NULL, "Events of which records are missing" },
	{ "own", "recorder_events_own_total", COUNTER, NULL, NULL, "Events of the recorder itself, dropped" },
	{ "merged", "recorder_events_merged_total", COUNTER, NULL, NULL, "Events that said nothing new" },
	{ "filtered_out", "recorder_events_filtered_out_total", COUNTER, NULL, NULL, "Events that no subscription wants" },
	{ "patterns_given_up", "recorder_patterns_given_up_total", COUNTER, NULL, NULL, "Patterns that met their limit" },
	{ "redacted", "recorder_secrets_redacted_total", COUNTER, NULL, NULL, "Secrets that were replaced by their digests" },
	{ "held", "recorder_events_held", GAUGE, NULL, NULL, "Forks and exits that wait for audit" },
	{ "signals", "recorder_events_signals_total", COUNTER, NULL, NULL, "Signals that were set off" },
	{ "emitted", "recorder_events_emitted_total", COUNTER, NULL, NULL, "Events handed to the writer" },
	{ "stored", "recorder_events_stored_total", COUNTER, NULL, NULL, "Events in the database since the start" },
	{ "journaled", "recorder_events_journaled_total", COUNTER, NULL, NULL, "Events in journals since the start" },
	{ "lost.*", "recorder_lost_total", COUNTER, "cause", NULL, "What was lost: messages, records or events, by cause" },
	{ "lost.shed.*", "recorder_shed_events_total", COUNTER, "class", NULL, "Events and records let go of so that the rest be whole" },
	{ "shedding.step", "recorder_shedding_step_info", INFO, NULL, "step", "Step of shedding that is in force" },
	{ "shedding.source" },
	{ "shedding.pressure", "recorder_shedding_pressure", GAUGE, NULL, NULL, "How full that is what waits, in thousandths" },
	{ "shedding.unread", "recorder_shedding_unread_total", COUNTER, NULL, NULL, "Records let go of before anything was made of them" },
	{ "shedding.merged", "recorder_shedding_merged_total", COUNTER, NULL, NULL, "Events told together with others" },
	{ "lost.thinned.*", "recorder_thinned_events_total", COUNTER, "class", NULL, "Events let go of to take less of the CPU" },
	{ "throttle.unread", "recorder_unread_records_total", COUNTER, NULL, NULL, "Of these, records that were not decoded" },
	{ "throttle.step", "recorder_throttle_info", INFO, NULL, "step", "What is done to take less of the CPU: calm, defer, batch, shed" },
	{ "throttle.cpu_percent", "recorder_throttle_cpu_percent", GAUGE, NULL, NULL, "What the recorder takes of the CPU now, in the unit of the target" },
	{ "throttle.target_percent", "recorder_throttle_target_percent", GAUGE, NULL, NULL, "What it is to take at most, on average" },
	{ "throttle.deferred_percent", "recorder_throttle_deferred_percent", GAUGE, NULL, NULL, "Of a processor, what that which can wait may take" },
	{ "throttle.stretch_percent", "recorder_throttle_stretch_percent", GAUGE, NULL, NULL, "How far batches and commits are apart; 100: as usual" },
	{ "suspended.since", "recorder_suspended_since_timestamp_seconds", TIME, NULL, NULL, "Since when recording is suspended" },
	{ "suspended.until", "recorder_suspended_until_timestamp_seconds", TIME, NULL, NULL, "When the suspension ends by itself" },
	{ "lost.ebpf.*", "recorder_ebpf_lost_total", COUNTER, "class", NULL,
	  "Records that the rings of the kernel's programs had no room for" },
	{ "ebpf.made.*", "recorder_ebpf_made_total", COUNTER, "class", NULL, "Records that the kernel's programs made" },
	{ "ebpf.dropped.*", "recorder_ebpf_dropped_total", COUNTER, "class", NULL,
	  "Records that the kernel's programs left out, since nobody wants them" },
	{ "counters.reconcile", "recorder_counters_reconcile", GAUGE, NULL, NULL,
	  "Whether it is known of all that was received what became of it" },
	{ "records.received.*", "recorder_origin_records_received_total", COUNTER, "origin", NULL,
	  "Records by where they come from; each is one of those below" },
	{ "records.decoded.*", "recorder_origin_records_decoded_total", COUNTER, "origin", NULL, "Records that events were read from, or none" },
	{ "records.used.*", "recorder_origin_records_used_total", COUNTER, "origin", NULL, "Records that tell of the host or the run" },
	{ "records.malformed.*", "recorder_origin_records_malformed_total", COUNTER, "origin", NULL, "Records without a readable head" },
	{ "records.lost.ring.*", "recorder_origin_records_lost_ring_total", COUNTER, "origin", NULL, "Records that the ring had no room for" },
	{ "records.lost.assembler.*", "recorder_origin_records_lost_assembler_total", COUNTER, "origin", NULL,
	  "Records above the bound of one event" },
	{ "records.lost.shed.*", "recorder_origin_records_lost_shed_total", COUNTER, "origin", NULL, "Records let go of unread" },
	{ "records.lost.memory.*", "recorder_origin_records_lost_memory_total", COUNTER, "origin", NULL, "Records that there was no memory for" },
	{ "records.lost.stop.*", "recorder_origin_records_lost_stop_total", COUNTER, "origin", NULL,
	  "Records that there was no time for at the stop" },
	{ "records.waiting.*", "recorder_origin_records_waiting", GAUGE, "origin", NULL, "Records that wait" },
	{ "events.made.*", "recorder_class_events_made_total", COUNTER, "class", NULL, "Events by class; each is one of those below" },
	{ "events.own.*", "recorder_class_events_own_total", COUNTER, "class", NULL, "Events of the recorder itself, dropped" },
	{ "events.merged.*", "recorder_class_events_merged_total", COUNTER, "class", NULL, "Events that said nothing new" },
	{ "events.filtered_out.*", "recorder_class_events_filtered_out_total", COUNTER, "class", NULL, "Events that no subscription wants" },
	{ "events.stored.*", "recorder_class_events_stored_total", COUNTER, "class", NULL, "Events in the database since the start" },
	{ "events.journals_only.*", "recorder_class_events_journals_only_total", COUNTER, "class", NULL, "Events for journals alone" },
	{ "events.unstored.*", "recorder_class_events_unstored_total", COUNTER, "class", NULL, "Marks between the threads" },
	{ "events.lost.memory.*", "recorder_class_events_lost_memory_total", COUNTER, "class", NULL, "Events that there was no memory for" },
	{ "events.lost.shed.*", "recorder_class_events_lost_shed_total", COUNTER, "class", NULL, "Events let go of so that the rest be whole" },
	{ "events.lost.thinned.*", "recorder_class_events_lost_thinned_total", COUNTER, "class", NULL, "Events let go of to take less of the CPU" },
	{ "events.lost.database.*", "recorder_class_events_lost_database_total", COUNTER, "class", NULL,
	  "Events that the database could not take" },
	{ "events.lost.held.*", "recorder_class_events_lost_held_total", COUNTER, "class", NULL,
	  "Events that a reader of the database left no room for" },
	{ "events.waiting.*", "recorder_class_events_waiting", GAUGE, "class", NULL, "Events that wait" },
	{ "foreign_messages", "recorder_foreign_messages_total", COUNTER, NULL, NULL, "Messages that were not from the kernel" },
	{ "hashes.waiting", "recorder_hashes_waiting", GAUGE, NULL, NULL, "Files that wait to be hashed" },
	{ "hashes.bytes", "recorder_hashes_bytes_total", COUNTER, NULL, NULL, "Bytes of files that were hashed" },
	{ "hashes.*", "recorder_hashes_total", COUNTER, "outcome", NULL, "Files of which hashes were wanted, by what became of them" },
	{ "processes", "recorder_processes", GAUGE, NULL, NULL, "Processes that are remembered" },
	{ "processes.inferred", "recorder_processes_inferred_total", COUNTER, NULL, NULL, "Processes that were not seen to begin" },
	{ "queue.ring_bytes", "recorder_ring_bytes", GAUGE, NULL, NULL, "Records that wait for the core" },
	{ "queue.ring_capacity_bytes", "recorder_ring_capacity_bytes", GAUGE, NULL, NULL, "Room for them" },
	{ "queue.events", "recorder_queue_events", GAUGE, NULL, NULL, "Events that wait for the writer" },
	{ "refused_calls", "recorder_refused_calls_total", COUNTER, NULL, NULL, "System calls that its threads were refused" },
	{ "kernel.audit.enabled", "recorder_kernel_audit_enabled", GAUGE, NULL, NULL, "0 off, 1 on, 2 locked" },
	{ "kernel.audit.pid", "recorder_kernel_audit_pid", GAUGE, NULL, NULL, "Who holds the audit stream" },
	{ "kernel.audit.backlog", "recorder_kernel_audit_backlog", GAUGE, NULL, NULL, "Records that wait in the kernel" },
	{ "kernel.audit.backlog_limit", "recorder_kernel_audit_backlog_limit", GAUGE, NULL, NULL, "Room for them" },
	{ "kernel.audit.lost", "recorder_kernel_audit_lost_total", COUNTER, NULL, NULL, "Records the kernel lost since boot" },
	{ "kernel.audit.files" },
	{ "kernel.audit.rules_missing", "recorder_kernel_audit_rules_missing", GAUGE, NULL, NULL, "Rules that are missing" },
	{ "kernel.audit.user_rules", "recorder_kernel_audit_user_rules", GAUGE, NULL, NULL, "Audit rules of the user that are in the kernel" },
	{ "cpu_percent", "recorder_cpu_percent", GAUGE, NULL, NULL, "Processor time of the recorder since its start, of one processor" },
	{ "cpu_seconds", "recorder_cpu_seconds_total", COUNTER, NULL, NULL, "Processor time of the recorder" },
	{ "rss_bytes", "recorder_resident_memory_bytes", GAUGE, NULL, NULL, "Memory of the recorder" },
	{ "memory.budget_bytes", "recorder_memory_budget_bytes", GAUGE, NULL, NULL, "Memory that it may have" },
	{ "memory.peak_bytes", "recorder_memory_peak_bytes", GAUGE, NULL, NULL, "Most that it had since its start" },
	{ "memory.used.*", "recorder_memory_used_bytes", GAUGE, "part", NULL, "What a part of it uses" },
	{ "memory.room.*", "recorder_memory_room_bytes", GAUGE, "part", NULL, "What the part may use" },
};

/* The rest of an item behind the line's `*`; NULL: the line is not of it. */
static const char *rest_of(const struct metric *metric, const char *item)
{
	size_t n = strlen(metric->item);

	if (metric->item[n - 1] != '*')
		return strcmp(metric->item, item) == 0 ? item + n : NULL;
	return strncmp(metric->item, item, n - 1) == 0 ? item + n - 1 : NULL;
}

/* The line that says most of it. */
static const struct metric *metric_of(const char *item)
{
	const struct metric *best = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
		if (rest_of(&metrics[i], item) && (!best || strlen(metrics[i].item) > strlen(best->item)))
			best = &metrics[i];
	return best;
}

bool prometheus_knows(const char *item)
{
	return metric_of(item) != NULL;
}

static void put_label(struct buffer *out, const char *name, const char *value)
{
	buffer_printf(out, "%s%s=\"", out->size > 0 ? "," : "{", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			buffer_append_byte(out, '\\');
		buffer_append_byte(out, *value == '\n' ? 'n' : *value);
	}
	buffer_append_byte(out, '"');
}

/* What stands behind the labels; nothing of a value that is not known (null). */
static bool value_of(const struct metric *metric, const json_t *value, struct buffer *out)
{
	static const char *const levels[] = { "ok", "warn", "fail" };
	const char *text = json_string_value(value);
	uint64_t time_ns;

	if (metric->type == INFO && text) {
		buffer_append_byte(out, '1');
		return true;
	}
	if (metric->type == TIME && text && time_spec_parse(text, 0, &time_ns) >= 0) {
		buffer_printf(out, "%.3f", (double)time_ns / (double)NS_PER_SEC);
		return true;
	}
	for (size_t i = 0; metric->type == LEVEL && text && i < ARRAY_SIZE(levels); i++)
		if (strcmp(levels[i], text) == 0) {
			buffer_append_u64(out, i);
			return true;
		}
	if (metric->type == MILLISECONDS && json_is_number(value))
		buffer_printf(out, "%.3f", json_number_value(value) / 1000);
	else if (json_is_integer(value))
		buffer_append_i64(out, json_integer_value(value));
	else if (json_is_real(value))
		buffer_printf(out, "%.3f", json_real_value(value));
	else if (json_is_boolean(value))
		buffer_append_byte(out, json_is_true(value) ? '1' : '0');
	else
		return false;
	return true;
}

static void put_sample(struct buffer *out, const struct metric *metric, const char *rest, const json_t *value)
{
	_cleanup_(buffer_release) struct buffer number = { 0 }, labels = { 0 };

	if (!value_of(metric, value, &number))
		return;
	if (metric->label)
		put_label(&labels, metric->label, rest);
	if (metric->text_label)
		put_label(&labels, metric->text_label, json_string_value(value));
	if (labels.size > 0)
		buffer_append_byte(&labels, '}');
	buffer_printf(out, "%s%s %s\n", metric->name, buffer_text(&labels), buffer_text(&number));
}

int prometheus_write(struct buffer *out, const json_t *items)
{
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *metric = &metrics[i];
		const json_t *item;
		size_t k;

		if (!metric->name)
			continue;
		buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
			      metric->type == COUNTER ? "counter" : "gauge");
		json_array_foreach(items, k, item) {
			const char *name = json_string_value(json_object_get(item, "name"));

			if (name && metric_of(name) == metric)
				put_sample(out, metric, rest_of(metric, name), json_object_get(item, "value"));
		}
	}
	return buffer_error(out);
}
