/* See trial.h.  The terms are asked event by event, as they would be live, so what is found is what would have been recorded, of
 * what was.  Kept are counts and a few examples. */

#include <errno.h>
#include <jansson.h>

#include "cli/screen.h"
#include "cli/trial.h"

#define N_MEASURED 1000			/* events of a journal of which the length is looked at */

/* Making ready */

static int take_exclusion(struct trial *trial, const struct term *term, const json_t *document)
{
	const json_t *written = json_array_get(json_object_get(document, "terms"), term_position(term));
	struct exclusion *exclusion = &trial->exclusions[trial->n_exclusions++];

	exclusion->term = term;
	exclusion->text = json_is_string(written) ? strdup(json_string_value(written)) :
						    json_dumps(written, JSON_COMPACT | JSON_ENCODE_ANY);
	return exclusion->text ? 0 : -ENOMEM;
}

static int trial_init(struct trial *trial, const struct terms *terms, const struct stream *stream, const json_t *document)
{
	const char *description = json_string_value(json_object_get(document, "description"));
	int r = 0;

	trial->terms = terms;
	trial->exclusions = calloc(MAX(terms->n_items, 1u), sizeof(struct exclusion));
	trial->description = description ? strdup(description) : NULL;
	if (!trial->exclusions || (description && !trial->description))
		return -ENOMEM;
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (stream->categories >> kinds[kind].category & 1)
			kind_set_add(&trial->kinds, kind);
	for (size_t i = 0; r >= 0 && i < terms->n_items; i++)
		if (term_is_negated(terms->items[i]))
			r = take_exclusion(trial, terms->items[i], document);
		else
			kind_set_intersect(&trial->kinds, term_kinds(terms->items[i]));
	return r;
}

static int stream_init(struct trials *trials, size_t n, const json_t *document)
{
	const struct stream_filters *filters = subscription_filters(trials->subscription, n);
	const json_t *list = json_object_get(document, "event_filters");
	struct trial_stream *stream = &trials->streams[n];
	int r = 0;

	stream->trials = calloc(MAX(filters->n, 1u), sizeof(struct trial));
	if (!stream->trials)
		return -ENOMEM;
	stream->n_trials = filters->n;
	for (size_t i = 0; r >= 0 && i < filters->n; i++) {
		r = trial_init(&stream->trials[i], filters->items[i], stream->stream, json_array_get(list, i));
		for (unsigned kind = 0; kind < N_KINDS; kind++)
			trials->kinds[kind] |= kind_set_has(&stream->trials[i].kinds, kind);
	}
	return r;
}

int trials_init(struct trials *trials, struct subscription *subscription, struct span text)
{
	json_t *document = json_loadb(text.data, text.size, 0, NULL);
	const json_t *list = json_object_get(document, "streams");
	const struct stream *streams;
	int r = document ? 0 : -ENOMEM;

	trials->subscription = subscription;
	trials->n_streams = subscription_streams(trials->subscription, &streams);
	trials->streams = calloc(MAX(trials->n_streams, 1u), sizeof(struct trial_stream));
	if (!trials->streams) {
		trials->n_streams = 0;
		r = -ENOMEM;
	}
	for (size_t i = 0; r >= 0 && i < trials->n_streams; i++) {
		trials->streams[i].stream = &streams[i];
		r = stream_init(trials, i, json_array_get(list, i));
	}
	json_decref(document);
	return r;
}

static void examples_release(struct examples *examples)
{
	for (unsigned i = 0; i < examples->n; i++)
		event_free(examples->events[i]);
}

static void trial_release(struct trial *trial)
{
	for (size_t i = 0; i < trial->n_exclusions; i++)
		free(trial->exclusions[i].text);
	free(trial->exclusions);
	free(trial->description);
	examples_release(&trial->matched);
	examples_release(&trial->left_out);
}

void trials_release(struct trials *trials)
{
	for (size_t i = 0; i < trials->n_streams; i++) {
		for (size_t k = 0; k < trials->streams[i].n_trials; k++)
			trial_release(&trials->streams[i].trials[k]);
		free(trials->streams[i].trials);
	}
	free(trials->streams);
	buffer_release(&trials->scratch);
	subscription_free(trials->subscription);
}

/* Looking */

static int keep_example(struct examples *examples, const struct event *event)
{
	struct event *copy;

	if (examples->n == N_EXAMPLES)
		return 0;
	copy = event_copy(event);
	if (!copy)
		return -ENOMEM;
	examples->events[examples->n++] = copy;
	return 0;
}

/* All terms that are not negated hold. */
static bool is_meant(const struct trial *trial, const struct event *event)
{
	if (!kind_set_has(&trial->kinds, event->kind))
		return false;
	for (size_t i = 0; i < trial->terms->n_tests; i++)
		if (!term_is_negated(trial->terms->items[i]) && !term_match(trial->terms->items[i], event))
			return false;
	return true;
}

static bool excludes(const struct term *term, const struct event *event)
{
	return term_is_kind_only(term) ? !kind_set_has(term_kinds(term), event->kind) : term_holds(term, event);
}

/* 1: it matches; 0: not; -ENOMEM. */
static int try_filter(struct trial *trial, const struct event *event)
{
	bool left_out = false;
	int r;

	if (!is_meant(trial, event))
		return 0;
	for (size_t i = 0; i < trial->n_exclusions; i++)
		if (excludes(trial->exclusions[i].term, event)) {
			trial->exclusions[i].n++;
			left_out = true;
		}
	trial->n_left_out += left_out;
	trial->n_matched += !left_out;
	r = keep_example(left_out ? &trial->left_out : &trial->matched, event);
	return r < 0 ? r : !left_out;
}

static void measure(struct trials *trials, struct trial_stream *stream, const struct event *event)
{
	if (stream->stream->type == STREAM_DATABASE || stream->n_measured == N_MEASURED)
		return;
	buffer_clear(&trials->scratch);
	event_json(&trials->scratch, event, &trials->json);
	stream->measured_bytes += trials->scratch.size + 1;
	stream->n_measured++;
}

static void show_progress(struct trials *trials, const struct event *event)
{
	_cleanup_(buffer_release) struct buffer tail = { 0 };

	if (!progress_is_due(&trials->progress))
		return;
	append_count(&tail, trials->n_events);
	buffer_append_text(&tail, " events looked at, ");
	append_count(&tail, trials->n_matched);
	buffer_append_text(&tail, " matched");
	progress_show(&trials->progress, SPAN(""), trials->end_ns - MIN(event->time_ns, trials->end_ns),
		      MAX(trials->end_ns - trials->begin_ns, 1u), buffer_span(&tail));
}

static int on_event(void *user, const struct event *event)
{
	struct trials *trials = user;
	bool any = false;

	trials->n_events++;
	for (size_t i = 0; i < trials->n_streams; i++) {
		struct trial_stream *stream = &trials->streams[i];
		bool wanted = false;

		for (size_t k = 0; k < stream->n_trials; k++) {
			int r = try_filter(&stream->trials[k], event);

			if (r < 0)
				return r;
			wanted |= r > 0;
		}
		if (wanted) {
			stream->n_matched++;
			measure(trials, stream, event);
		}
		any |= wanted;
	}
	trials->n_matched += any;
	show_progress(trials, event);
	return 0;
}

int trials_look(struct trials *trials, struct history *history, uint64_t since_ns, uint64_t until_ns)
{
	const struct history_query query = {
		.since_ns = since_ns, .until_ns = until_ns, .kinds = trials->kinds, .newest_first = true
	};
	int r = history_stats(history, &trials->stats);

	if (r < 0)
		return r;
	trials->begin_ns = MAX(since_ns, trials->stats.oldest_ns);
	trials->end_ns = MAX(until_ns ? MIN(until_ns, trials->stats.newest_ns) : trials->stats.newest_ns, trials->begin_ns);
	trials->json = (struct event_json_options){ .host_id = span_of(trials->stats.host_id),
						    .host_name = span_of(trials->stats.host_name),
						    .boot_id = span_of(trials->stats.boot_id) };
	r = history_events(history, &query, on_event, trials);
	progress_end(&trials->progress);
	return r;
}
