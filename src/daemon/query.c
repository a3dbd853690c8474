/* recorder.query: events of the history as lines, the newest first, then the gaps that overlap the time asked for, then how
 * many there were.  Only read: by a connection of its own, in a thread of its own, a batch at a time. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon.h"
#include "event/event_json.h"
#include "filter/term_value.h"
#include "sink/gap_json.h"
#include "sink/history.h"

#define LIMIT_DEFAULT 1000
#define SAY_BYTES (32u << 10)

struct query {
	struct terms *terms;
	bool kinds[N_KINDS];
	uint64_t since_ns, until_ns, limit;
	uint64_t end_ns;		/* of the time that it has */
	char *database;

	struct job *job;
	struct event_json_options json;
	struct buffer lines;
	uint64_t n_found;
};

static void query_free(void *user)
{
	struct query *query = user;

	terms_free(query->terms);
	free(query->database);
	buffer_release(&query->lines);
	free(query);
}

/* In the thread. */

static bool is_over(void *user)
{
	struct query *query = user;

	return clock_ns(CLOCK_MONOTONIC) > query->end_ns || !job_is_wanted(query->job);
}

static int say(struct query *query, size_t at_least)
{
	int r = buffer_error(&query->lines);

	if (r < 0 || query->lines.size <= at_least)
		return r;
	r = job_say(query->job, buffer_span(&query->lines));
	buffer_clear(&query->lines);
	return r == 0 && is_over(query) ? -EINTR : r;
}

static int on_event(void *user, const struct event *event)
{
	struct query *query = user;
	int r;

	if (!terms_match(query->terms, event))
		return 0;
	event_json(&query->lines, event, &query->json);
	buffer_append_byte(&query->lines, '\n');
	query->n_found++;
	r = say(query, SAY_BYTES);
	return r < 0 ? r : query->n_found == query->limit;
}

static int on_gap(void *user, const struct history_gap *gap)
{
	struct query *query = user;

	gap_json(&query->lines, gap);
	buffer_append_byte(&query->lines, '\n');
	return say(query, SAY_BYTES);
}

static int read_history(struct query *query, struct history *history)
{
	const struct history_query ask = {
		.since_ns = query->since_ns,
		.until_ns = query->until_ns,
		.categories = terms_categories(query->terms),
		.kinds = query->kinds,
		.newest_first = true,
	};
	struct history_stats stats;
	int r = history_stats(history, &stats);

	if (r < 0)
		return r;
	query->json = (struct event_json_options){ .host_id = span_of(stats.host_id), .host_name = span_of(stats.host_name),
						   .boot_id = span_of(stats.boot_id) };
	history_ask(history, is_over, query);
	r = history_events(history, &ask, on_event, query);
	if (r >= 0)
		r = gaps_before(history, query->since_ns, query->until_ns, on_gap, query);
	if (r >= 0)
		r = history_gaps(history, query->since_ns, query->until_ns, on_gap, query);
	return r < 0 ? r : say(query, 0);
}

static void run(struct job *job, void *user)
{
	struct query *query = user;
	_cleanup_(history_freep) struct history *history = NULL;
	_cleanup_(buffer_release) struct buffer result = { 0 };
	struct history_error error = { "" };
	int r = history_open(&history, query->database, &error);

	query->job = job;
	if (r >= 0)
		r = read_history(query, history);
	if (r == -EINTR) {
		job_fail(job, "timeout", "", "not done within CX.recorder.MailboxQueryTimeoutMs (ask for less: since, limit, filters)");
	} else if (r < 0) {
		job_fail(job, "failed", "", error.message[0] ? error.message : strerror(-r));
	} else {
		buffer_printf(&result, "{\"events\":%llu}", (unsigned long long)query->n_found);
		job_result(job, buffer_span(&result));
	}
}

/* The request */

static bool take_time(const json_t *request, const char *key, uint64_t *ret, struct reply *reply)
{
	const json_t *json = json_object_get(request, key);
	const struct span text = { json_string_value(json), json_string_length(json) };

	if (json && (!text.data || value_parse_number(TYPE_TIME, text, ret) < 0)) {
		reply_error(reply, "bad_request", key, "must be a time as 2026-11-22T10:28:58Z");
		return false;
	}
	return true;
}

static bool take_limit(const json_t *request, uint64_t *ret, struct reply *reply)
{
	const json_t *json = json_object_get(request, "limit");

	if (json && json_integer_value(json) < 1) {
		reply_error(reply, "bad_request", "limit", "must be a whole number from 1 on");
		return false;
	}
	*ret = json ? (uint64_t)json_integer_value(json) : LIMIT_DEFAULT;
	return true;
}

void daemon_answer_query(struct daemon *d, struct client *client, const json_t *request, struct reply *reply)
{
	uint64_t patience_ms = daemon_request_ms(d);
	struct query *query = calloc(1, sizeof(*query));

	if (!query || !(query->database = strdup(d->places.database))) {
		free(query);
		reply_error(reply, "out_of_memory", "", "no memory for the query");
		return;
	}
	if (!request_terms(&query->terms, request, reply) || !take_time(request, "since", &query->since_ns, reply) ||
	    !take_time(request, "until", &query->until_ns, reply) || !take_limit(request, &query->limit, reply)) {
		query_free(query);
		return;
	}
	terms_kinds(query->terms, query->kinds);
	query->end_ns = clock_ns(CLOCK_MONOTONIC) + patience_ms * NS_PER_MS;
	daemon_start_job(d, client,
			 &(struct job_work){ .run = run, .free = query_free, .user = query, .patience_ms = patience_ms, .is_asked_for = true }, reply);
}
