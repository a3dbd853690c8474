/* Where the events go: the database, which is always there (gaps and notes of the recorder need a place), and the journals
 * that subscriptions ask for. */

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"

static const struct {
	enum stream_type type;
	const struct sink_ops *ops;
	bool is_journal;
} sinks[] = {
	{ STREAM_DATABASE, &sink_database, false },
	{ STREAM_JOURNAL, &sink_journal, true },
};

int daemon_open_sinks(struct daemon *d)
{
	struct writer_options *w = &d->writer_options;
	struct sink_error error = { 0 };
	struct sink_options options = { .path = d->places.database, .host_id = d->host_id,
					.host_name = d->host_name, .boot_id = d->boot_id, .error = &error };
	unsigned stream_number = 0;
	int r;

	w->sinks[0] = (struct writer_sink){ .ops = sinks[0].ops };
	r = w->sinks[0].ops->open(&w->sinks[0].sink, &options);
	if (r < 0) {
		log_error("Failed to open the database %s: %s", d->places.database, error.message);
		return r;
	}
	w->n_sinks = 1;
	for (size_t i = 0; i < d->subscriptions.n; i++) {
		const struct stream *streams;
		size_t n = subscription_streams(d->subscriptions.list[i], &streams);

		for (size_t k = 0; k < n; k++) {
			_cleanup_(freep) char *path = NULL;
			struct writer_sink sink = { .is_journal = true };

			if (streams[k].type == STREAM_SIGNAL)
				continue;
			sink.streams = UINT64_C(1) << stream_number++;
			if (streams[k].type == STREAM_DATABASE) {
				w->sinks[0].streams |= sink.streams;
				continue;
			}
			sink.ops = sinks[streams[k].type].ops;
			if (asprintf(&path, "%s/%s.jsonl", d->places.journals_dir, streams[k].name) < 0)
				return -ENOMEM;
			options.path = path;
			options.max_size_bytes = streams[k].max_size_bytes;
			options.keep = streams[k].keep;
			if (streams[k].compress)
				log_warning("The journal %s: old files are not compressed in this release", path);
			r = sink.ops->open(&sink.sink, &options);
			if (r < 0) {
				log_error("Failed to open the journal %s: %s", path, error.message);
				return r;
			}
			w->sinks[w->n_sinks++] = sink;
		}
	}
	return 0;
}

/* Of a start that did not come as far as the writer, whose they are from then on. */
void daemon_close_sinks(struct daemon *d)
{
	struct writer_options *w = &d->writer_options;

	while (w->n_sinks > 0) {
		w->n_sinks--;
		w->sinks[w->n_sinks].ops->free(w->sinks[w->n_sinks].sink);
	}
}

/* What came before this run: the time in which nobody recorded. */
void daemon_tell_the_past(struct daemon *d)
{
	const struct writer_sink *database = &d->writer_options.sinks[0];
	struct sink_report report;

	database->ops->report(database->sink, &report);
	if (report.n_damaged > 0) {
		snprintf(d->damaged_path, sizeof(d->damaged_path), "%s", report.damaged_path);
		log_warning("The database was damaged and is set aside as %s; a new one is begun", report.damaged_path);
		notes_gap(&d->notes, &(struct gap){ .end_ns = d->started_ns, .class_name = "all",
						    .cause = "database_damaged" });
	}
	if (report.last_alive_ns == 0)
		return;
	notes_gap(&d->notes, &(struct gap){ .begin_ns = report.last_alive_ns, .end_ns = d->started_ns,
					    .class_name = "all",
					    .cause = strcmp(report.boot_id, d->boot_id) != 0 ? "host_restarted" :
						     report.clean_stop ? "recorder_stopped" : "recorder_died" });
}
