/* What the socket answers. */

#include <errno.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/status.h"
#include "source/bpf.h"
#include "sink/history.h"

/* Why there are no programs in the kernel; NULL: there are, or nobody asked. */
static const char *bpf_reason(const struct daemon *d)
{
	int r = d->source ? source_live_bpf(d->source) : -ENODATA;

	if (r >= 0)
		return NULL;
	return d->source && d->bpf_wanted ? bpf_why(r) : "not asked for";
}

/* Counting them looks at each block, so it is done now and then only. */
static const struct history_category *categories_of(struct daemon *d, struct history *history)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (d->counted_ns == 0 || now_ns >= d->counted_ns + daemon_stats_ns(d)) {
		if (history_categories(history, d->counted) < 0)
			return NULL;
		d->counted_ns = now_ns;
	}
	return d->counted;
}

static void on_status(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	struct source_stats source;
	char look_at[1024];
	struct status status = {
		.source_mode = d->source ? d->source_ops->mode(d->source) : "none",
		.have_connector = d->source && source_live_connector(d->source) >= 0,
		.by_bpf = d->by_bpf,
		.bpf_why = bpf_reason(d),
		.audit_works = d->source && source_live_has_audit(d->source) && d->audit_state.enabled != 0,
		.withheld = d->withheld.kinds,
		.n_subscriptions = (unsigned)d->subscriptions.n,
		.n_refused = folder_refused(&d->folder),
		.n_unprotected = d->n_unprotected,
		.started_ns = d->started_ns,
		.now_ns = clock_now_ns(),
		.wanted = d->wanted,
		.source = &source,
		.lost_kernel = d->ledger.entries[LOSS_KERNEL].total,
		.closed_unseen = d->closed_unseen,
		.lost_ring = daemon_ring_dropped(d),
		.queue_events = event_queue_length(d->queue),
		.ring_used = ring_used_bytes(d->ring),
		.ring_capacity = ring_capacity_bytes(d->ring),
		.database_path = d->places.database,
		.rules_missing = d->rules_missing,
		.refused_calls = d->trust.refused_calls,
		.rules_look_at = d->rules_loaded && source_live_bpf(d->source) < 0 ? narrowing_text(&d->narrowing, look_at, sizeof(look_at)) : NULL,
		.has_user_rules = daemon_has_user_rules(d),
		.user_rules_loaded = daemon_count_user_rules(d),
		.restart_needed = daemon_restart_needed(d),
		.health = &d->health,
		.throttle = &d->throttling.throttle,
		.suspended_since_ns = resource_monitor_since_ns(&d->resource_monitor),
		.suspended_until_ns = resource_monitor_until_ns(&d->resource_monitor),
		.canary = &d->canary.report,
		.memory = &d->memory,
	};
	_cleanup_(history_freep) struct history *history = NULL;
	struct history_stats stats = { 0 };
	struct history_error error;
	struct rusage usage;

	daemon_see_health(d);
	daemon_count_memory(d);
	status.state = d->subscriptions.n == 0 ? "idle" : daemon_is_suspended(d) ? "suspended" :
		       health_worst(&d->health) == HEALTH_FAIL ? "degraded" : "recording";
	core_stats(d->core, &status.core);
	writer_stats(d->writer, &status.writer);
	hasher_stats(d->hasher, &status.hashes);
	status.shed_unread = daemon_count_shed(d, &status.core, status.shed);
	thinning_let_go(&d->thinning, status.thinned);
	if (d->audit)
		audit_control_state(d->audit, &status.audit);
	daemon_count_source(d, &source, &status.probes);
	if (history_open(&history, d->places.database, &error) >= 0 && history_stats(history, &stats) >= 0) {
		status.database_bytes = stats.size_bytes;
		status.database_events = stats.events;
		status.database_oldest_ns = stats.oldest_ns;
		status.database_newest_ns = stats.newest_ns;
		status.categories = categories_of(d, history);
	}
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		status.cpu_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_SEC +
				(uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
	status_json(&reply->result, &status);
}

static void on_health(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	daemon_ask_health(d);
	health_json(&d->health, &reply->result);
}

/* Settings. */

static void on_set_setting(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	conf_answer_set(&d->conf, request, reply);
}

static void on_reset_setting(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	conf_answer_reset(&d->conf, request, reply);
}

static void on_get_setting(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	conf_answer_get(&d->conf, request, reply);
}

static void on_list_settings(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	conf_answer_list(&d->conf, reply);
}

/* The answer is sent when this returns, before the loop ends; the end of the connection says that all is stored. */
static void on_uninstall(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	log_info("The recorder is being uninstalled");
	notes_say(&d->notes, "config", "uninstalled");
	uv_stop(&d->loop);
}

/* Tail. */

bool request_terms(struct terms **ret, const json_t *request, struct reply *reply)
{
	const json_t *filters = json_object_get(request, "filters");
	size_t n = json_array_size(filters);
	const char *texts[64];
	struct filter_error error = { 0 };
	int r;

	if (filters && !json_is_array(filters)) {
		reply_error(reply, "bad_request", "filters", "must be an array of texts");
		return false;
	}
	if (n > ARRAY_SIZE(texts)) {
		reply_error(reply, "bad_request", "filters", "more than %zu terms", ARRAY_SIZE(texts));
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		texts[i] = json_string_value(json_array_get(filters, i));
		if (!texts[i]) {
			reply_error(reply, "bad_request", "filters", "must be an array of texts");
			return false;
		}
	}
	r = terms_parse(ret, texts, n, &error);
	if (r < 0)
		reply_error(reply, "bad_filter", "filters", "%s", r == -ENOMEM ? "no memory" : error.message);
	return r >= 0;
}

static void on_tail(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	struct terms *terms = NULL;
	int r;

	if (!request_terms(&terms, request, reply))
		return;
	tap_close(d->taps, client);	/* a second tail of one client replaces the first */
	r = tap_open(d->taps, terms, client);
	if (r < 0) {
		terms_free(terms);
		reply_error(reply, "busy", "", "too many are watching already");
		return;
	}
	reply->streaming = true;
}

static bool send_tapped(void *owner, struct span lines, uint64_t dropped)
{
	_cleanup_(buffer_release) struct buffer all = { 0 };

	if (dropped > 0)
		buffer_printf(&all, "{\"dropped\":%llu}\n", (unsigned long long)dropped);
	buffer_append_span(&all, lines);
	return client_send(owner, buffer_span(&all));
}

void daemon_drain_taps(struct daemon *d)
{
	taps_drain(d->taps, send_tapped);
}

void daemon_on_tapped(uv_async_t *async)
{
	struct daemon *d = async->data;

	daemon_drain_taps(d);
}

/* From the writer thread. */
void daemon_notify_tapped(void *user)
{
	uv_async_send(user);
}

void daemon_client_gone(void *user, struct client *client)
{
	struct daemon *d = user;

	tap_close(d->taps, client);
	jobs_client_gone(&d->jobs, client);
}

void daemon_client_drained(void *user, struct client *client)
{
	struct daemon *d = user;

	jobs_client_drained(&d->jobs, client);
}

/* What takes time. */

void daemon_start_job(struct daemon *d, struct client *client, const struct job_work *work, struct reply *reply)
{
	int r = job_start(&d->jobs, client, work);

	if (r == -EBUSY)
		reply_error(reply, "busy", "", "%d requests that take time are being answered (try again later)", JOBS_MAX);
	else if (r < 0)
		reply_error(reply, "out_of_memory", "", "no memory for the request");
	else
		reply->streaming = true;
}

static void on_query(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	daemon_answer_query(user, client, request, reply);
}

static void on_snapshot(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	daemon_answer_snapshot(user, client, request, reply);
}

const struct command daemon_commands[] = {
	{ "recorder.status", NULL, on_status },
	{ "recorder.health", NULL, on_health },
	{ "recorder.coverage", NULL, daemon_on_coverage },
	{ "recorder.tail", "filters", on_tail },
	{ "recorder.register-subscription", "document|subscription", daemon_on_register },
	{ "recorder.get-subscription", "name", daemon_on_get },
	{ "recorder.list-subscriptions", NULL, daemon_on_list },
	{ "recorder.unregister-subscription", "name", daemon_on_unregister },
	{ "recorder.clear-subscriptions", NULL, daemon_on_clear },
	{ "recorder.query", "filters|since|until|limit", on_query },
	{ "recorder.snapshot", "dest|force", on_snapshot },
	{ "recorder.set-setting", "name|value", on_set_setting },
	{ "recorder.get-setting", "name", on_get_setting },
	{ "recorder.list-settings", NULL, on_list_settings },
	{ "recorder.reset-setting", "name", on_reset_setting },
	{ "recorder.resume", NULL, daemon_on_resume },
	{ "recorder.uninstall", NULL, on_uninstall },
	{ "recorder.register-user-defined-audit-rules", "text", daemon_register_user_rules },
	{ "recorder.get-user-defined-audit-rules", NULL, daemon_get_user_rules },
	{ "recorder.remove-user-defined-audit-rules", NULL, daemon_remove_user_rules },
};
const size_t n_daemon_commands = ARRAY_SIZE(daemon_commands);

const char *daemon_command_name(size_t i)
{
	return i < n_daemon_commands ? daemon_commands[i].name : NULL;
}
