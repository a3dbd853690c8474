/* See sinks.h. */

#include "daemon/sinks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "pipeline/hold.h"

#define UNTOLD_NS (3 * NS_PER_SEC)	/* so long after a loss it is told, and that is stored, unless it goes on */

static void fail(struct filter_error *error, const char *what, const char *path, const char *why)
{
	snprintf(error->message, sizeof(error->message), "Failed to open the %s %s: %s", what, path, why);
}

static int add_database(struct sinks *sinks, const struct sinks *before, const struct sinks_host *host,
			struct filter_error *error)
{
	struct sink_error why = { "" };
	const struct sink_options options = { .path = host->places->database, .host_id = host->host_id,
					      .host_name = host->host_name, .boot_id = host->boot_id, .error = &why,
					      .database = host->database, .chain_key = host->chain_key };
	struct writer_sink *sink = &sinks->routes.sinks[0];
	int r = 0;

	*sink = (struct writer_sink){ .ops = &sink_database, .streams = FILTER_SIGNALED };
	if (before)
		sink->sink = before->routes.sinks[0].sink;
	else
		r = sink->ops->open(&sink->sink, &options);
	if (r < 0)
		fail(error, "database", options.path, why.message);
	else
		sinks->routes.n_sinks = 1;
	sinks->routes.limits[0].database = host->database;
	return r;
}

static struct sink *find_journal(const struct sinks *sinks, const char *name)
{
	for (size_t i = 1; sinks && i < sinks->routes.n_sinks; i++)
		if (strcmp(sinks->names[i], name) == 0)
			return sinks->routes.sinks[i].sink;
	return NULL;
}

static int add_journal(struct sinks *sinks, const struct sinks *before, const struct stream *stream, uint64_t streams,
		       const struct sinks_host *host, struct filter_error *error)
{
	_cleanup_(freep) char *path = NULL, *name = strdup(stream->name);
	size_t n = sinks->routes.n_sinks;
	struct sink_error why = { "" };
	struct sink_options *options = &sinks->routes.limits[n];
	struct writer_sink *sink = &sinks->routes.sinks[n];
	int r = 0;

	assert(n < MAX_SINKS);	/* more streams do not compile */
	if (!name || asprintf(&path, "%s/%s.jsonl", host->places->journals_dir, stream->name) < 0)
		return -ENOMEM;
	*options = (struct sink_options){ .path = path, .host_id = host->host_id, .host_name = host->host_name,
					  .boot_id = host->boot_id, .max_size_bytes = stream->max_size_bytes,
					  .keep = stream->keep, .compress = stream->compress, .error = &why };
	*sink = (struct writer_sink){ .ops = &sink_journal, .streams = streams, .is_journal = true };
	sink->sink = find_journal(before, stream->name);
	if (!sink->sink)
		r = sink->ops->open(&sink->sink, options);
	if (r < 0) {
		fail(error, "journal", path, why.message);
		return r;
	}
	options->path = NULL;
	options->error = NULL;
	sinks->names[n] = TAKE(name);
	sinks->routes.n_sinks++;
	return 0;
}

/* The streams of one subscription. */
static int add_streams(struct sinks *sinks, const struct sinks *before, const struct subscription *subscription,
		       unsigned *stream_number, const struct sinks_host *host, struct filter_error *error)
{
	const struct stream *streams;
	size_t n = subscription_streams(subscription, &streams);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		uint64_t bit;

		if (streams[i].type == STREAM_SIGNAL)
			continue;
		bit = UINT64_C(1) << (*stream_number)++;
		if (streams[i].type == STREAM_DATABASE)
			sinks->routes.sinks[0].streams |= bit;
		else
			r = add_journal(sinks, before, &streams[i], bit, host, error);
	}
	return r;
}

static int add_signals(struct sinks *sinks, const struct sinks *before, const struct subscriptions *subscriptions,
		       const struct sinks_host *host, struct filter_error *error)
{
	static char name[] = SIGNALS_JOURNAL;
	const struct stream journal = { .type = STREAM_JOURNAL, .name = name, .max_size_bytes = UINT64_C(64) << 20, .keep = 4 };

	for (size_t i = 0; i < subscriptions->n; i++)
		if (subscription_has_signals(subscriptions->list[i]->subscription))
			return add_journal(sinks, before, &journal, FILTER_SIGNALED, host, error);
	return 0;
}

int sinks_for(struct sinks **ret, const struct sinks *before, const struct subscriptions *subscriptions,
	      const struct sinks_host *host, struct filter_error *error)
{
	struct sinks *sinks = calloc(1, sizeof(*sinks));
	unsigned stream_number = 0;
	int r;

	if (!sinks)
		return -ENOMEM;
	r = add_database(sinks, before, host, error);
	for (size_t i = 0; r >= 0 && i < subscriptions->n; i++)
		r = add_streams(sinks, before, subscriptions->list[i]->subscription, &stream_number, host, error);
	if (r >= 0)
		r = add_signals(sinks, before, subscriptions, host, error);
	if (r < 0) {
		sinks_abandon(sinks, before);
		return r;
	}
	*ret = sinks;
	return 0;
}

struct sinks *sinks_free(struct sinks *sinks)
{
	if (!sinks)
		return NULL;
	for (size_t i = 0; i < MAX_SINKS; i++)
		free(sinks->names[i]);
	free(sinks);
	return NULL;
}

static bool has(const struct sinks *sinks, const struct sink *sink)
{
	for (size_t i = 0; sinks && i < sinks->routes.n_sinks; i++)
		if (sinks->routes.sinks[i].sink == sink)
			return true;
	return false;
}

void sinks_abandon(struct sinks *sinks, const struct sinks *before)
{
	for (size_t i = 0; sinks && i < sinks->routes.n_sinks; i++)
		if (!has(before, sinks->routes.sinks[i].sink))
			sinks->routes.sinks[i].ops->free(sinks->routes.sinks[i].sink);
	sinks_free(sinks);
}

/* What a crash left of a journal's last line was cut off when it was opened. */
static void tell_torn(struct daemon *d, const struct writer_sink *journal)
{
	struct sink_report report;

	journal->ops->report(journal->sink, &report);
	if (report.torn_lines == 0)
		return;
	log_warning("The last line of the journal %s was torn by a crash and is cut off", report.path);
	notes_say(&d->notes, "health", "the last line of the journal %s was torn by a crash and is cut off", report.path);
}

void daemon_tell_opened(struct daemon *d, const struct sinks *sinks, const struct sinks *before)
{
	for (size_t i = 1; i < sinks->routes.n_sinks; i++)
		if (!has(before, sinks->routes.sinks[i].sink))
			tell_torn(d, &sinks->routes.sinks[i]);
}

/* A recorder that was stopped looked no more when it closed the file.  What one that died had seen and not stored happened behind the
 * last event that is there, or, where nothing had happened for long, within the time that an event is on its way; but for forks and
 * exits that waited for audit to come as far.  What it had lost and not told yet happened behind the last look whose losses are stored. */
static uint64_t end_of_history(const struct daemon *d, const struct sink_report *report)
{
	uint64_t last_ns = report->last_alive_ns, way_ns = daemon_way_ns(d), whole_ns;

	if (report->clean_stop)
		return report->stopped_ns > 0 ? MIN(last_ns, report->stopped_ns) : last_ns;
	whole_ns = report->whole_ns > 0 && report->whole_ns <= last_ns ? report->whole_ns : last_ns - MIN(last_ns, UNTOLD_NS);
	last_ns = MIN(MAX(report->last_event_ns, last_ns - MIN(last_ns, way_ns)), whole_ns);
	return last_ns - MIN(last_ns, HOLD_SLACK_NS);
}

/* Its programs in the kernel went with it, and what they kept of writes: for as long as ours would, which is what is known of it. */
static void tell_kept_by_the_dead(struct daemon *d, uint64_t died_ns)
{
	uint64_t interval_ns = daemon_write_interval_ms(d) * NS_PER_MS;

	if (d->by_bpf[KIND_ID(file, write)] && d->wanted[KIND_ID(file, write)])
		notes_gap(&d->notes, &(struct gap){ .begin_ns = died_ns - MIN(died_ns, interval_ns), .end_ns = died_ns,
						    .class_name = "file", .cause = "kept_untold" });
}

/* Hits that were counted, to be told when their window was over. */
static void tell_hits_of_the_dead(struct daemon *d, uint64_t died_ns)
{
	uint64_t window_ns = (uint64_t)daemon_setting(d, SETTING_SignalWindowSecs) * NS_PER_SEC;

	if (d->subscriptions.filter && filter_has_signals(d->subscriptions.filter))
		notes_gap(&d->notes, &(struct gap){ .begin_ns = died_ns - MIN(died_ns, window_ns), .end_ns = died_ns,
						    .class_name = "signal", .cause = "recorder_died" });
}

/* While the writer does not have the sinks. */
void daemon_look_at_the_past(struct daemon *d)
{
	const struct writer_sink *database = &d->sinks->routes.sinks[0];

	database->ops->report(database->sink, &d->past);
	daemon_tell_opened(d, d->sinks, NULL);
}

/* What came before this run: the time in which nobody recorded.  Told when the kernel has been asked for all. */
void daemon_tell_the_past(struct daemon *d)
{
	struct sink_report report = d->past;
	uint64_t now_ns = d->idle_since_ns > 0 ? d->idle_since_ns : clock_now_ns();
	bool is_same_boot, died;
	struct last_words words;

	d->database_created_ns = report.created_ns;
	if (d->database_reset)
		notes_gap(&d->notes, &(struct gap){ .end_ns = now_ns, .class_name = "all", .cause = "database_reset" });
	d->databases_damaged = report.n_damaged;
	if (report.n_damaged > 0) {
		snprintf(d->damaged_path, sizeof(d->damaged_path), "%s", report.damaged_path);
		log_warning("The database was damaged and is set aside as %s; a new one is begun", report.damaged_path);
		notes_gap(&d->notes, &(struct gap){ .end_ns = now_ns, .class_name = "all", .cause = "database_damaged" });
	}
	if (report.last_alive_ns == 0)
		return;
	daemon_tell_suspended_before(d, report.clean_stop ? 0 : report.last_alive_ns);
	if (last_words_read(d->words_before, &words) && words.stopped_ns >= report.last_alive_ns && words.stopped_ns <= d->started_ns) {
		notes_gap(&d->notes, &(struct gap){ .begin_ns = words.begin_ns, .end_ns = words.end_ns, .class_name = "all",
						    .cause = words.held ? "database_held" : "database_error", .unit = "events",
						    .count = words.count, .exact = true });
		report.last_alive_ns = words.stopped_ns;
		report.clean_stop = true;
	} else {
		report.last_alive_ns = end_of_history(d, &report);
	}
	is_same_boot = strcmp(report.boot_id, d->boot_id) == 0;
	died = is_same_boot && !report.clean_stop;
	if (died) {
		tell_kept_by_the_dead(d, report.last_alive_ns);
		tell_hits_of_the_dead(d, report.last_alive_ns);
	}
	notes_gap(&d->notes, &(struct gap){ .begin_ns = report.last_alive_ns, .end_ns = now_ns, .class_name = "all",
					    .cause = died ? "recorder_died" : is_same_boot ? "recorder_stopped" : "host_restarted" });
}
