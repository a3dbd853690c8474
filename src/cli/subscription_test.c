/* `recorder subscription test`: the terms of a subscription against the history, event by event, so what is found is what
 * would have been recorded, of what was.  Kept are counts and a few examples. */

#include <errno.h>
#include <jansson.h>

#include "cli/event_copy.h"
#include "cli/event_line.h"
#include "cli/gap_text.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/subscription.h"
#include "cli/text.h"
#include "event/event_json.h"
#include "event/json_text.h"
#include "filter/subscription.h"

#define N_EXAMPLES 3
#define N_MEASURED 1000			/* events of a journal of which the length is looked at */
#define NS_PER_DAY (86400 * NS_PER_SEC)

struct examples {
	struct event *events[N_EXAMPLES];	/* the newest first */
	unsigned n;
};

struct exclusion {			/* a negated term */
	const struct term *term;
	char *text;			/* as written */
	uint64_t n;			/* events that all terms want that are not negated, and it does not */
};

struct trial {				/* a filter */
	const struct terms *terms;
	char *description;
	struct kind_set kinds;		/* that the terms want that are not negated */
	struct exclusion *exclusions;
	size_t n_exclusions;
	uint64_t n_matched, n_left_out;
	struct examples matched, left_out;
};

struct trial_stream {
	const struct stream *stream;
	struct trial *trials;
	size_t n_trials;
	uint64_t n_matched, n_measured, measured_bytes;
};

struct trials {
	const struct subscription_options *options;
	struct subscription *subscription;
	struct trial_stream *streams;
	size_t n_streams;
	bool kinds[N_KINDS];
	uint64_t begin_ns, end_ns;	/* of the history, as far as it was asked for */
	uint64_t n_events, n_matched;
	struct history_stats stats;
	struct event_json_options json;
	struct progress progress;
	struct buffer scratch;
};

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

static int trials_init(struct trials *trials, struct span text)
{
	json_t *document = json_loadb(text.data, text.size, 0, NULL);
	const json_t *list = json_object_get(document, "streams");
	const struct stream *streams;
	int r = document ? 0 : -ENOMEM;

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

static void trials_release(struct trials *trials)
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

/* Telling */

static double days(const struct trials *trials)
{
	return (double)(trials->end_ns - trials->begin_ns) / (double)NS_PER_DAY;
}

/* 0: the history is too short to tell. */
static double a_day(const struct trials *trials, double n)
{
	return trials->end_ns - trials->begin_ns >= 60 * NS_PER_SEC ? n / days(trials) : 0;
}

/* What an event takes: in the database what one took so far, in a journal its line. */
static double bytes_an_event(const struct trials *trials, const struct trial_stream *stream)
{
	if (stream->stream->type != STREAM_DATABASE)
		return stream->n_measured ? (double)stream->measured_bytes / (double)stream->n_measured : 0;
	return trials->stats.events ? (double)trials->stats.size_bytes / (double)trials->stats.events : 0;
}

static const char *type_name(const struct stream *stream)
{
	static const char *const names[] = { [STREAM_DATABASE] = "database", [STREAM_JOURNAL] = "journal", [STREAM_SIGNAL] = "signal" };

	return names[stream->type];
}

static const char *stream_label(const struct stream *stream)
{
	return stream->type == STREAM_SIGNAL ? stream->id : stream->type == STREAM_JOURNAL ? stream->name : NULL;
}

static void append_rate(struct buffer *out, const struct trials *trials, uint64_t n, double bytes)
{
	append_count(out, n);
	buffer_append_text(out, n == 1 ? " event" : " events");
	if (bytes > 0) {
		buffer_append_text(out, ", about ");
		append_bytes(out, (uint64_t)(bytes * (double)n));
	}
	if (n > 0 && a_day(trials, (double)n) > 0) {
		buffer_append_text(out, "; a day ");
		append_count(out, (uint64_t)(a_day(trials, (double)n) + 0.5));
		if (bytes > 0) {
			buffer_append_text(out, ", ");
			append_bytes(out, (uint64_t)a_day(trials, bytes * (double)n));
		}
	}
}

static void print_line(const struct screen *screen, enum colour colour, struct buffer *line)
{
	_cleanup_(buffer_release) struct buffer safe = { 0 };

	text_append_safe(&safe, buffer_span(line));
	fprintf(screen->out, "%s%s%s\n", screen_colour(screen, colour), buffer_text(&safe), screen_end(screen, colour));
	buffer_clear(line);
}

static int print_examples(const struct examples *examples, const struct screen *screen)
{
	struct event_lines lines;
	int r = 0;

	event_lines_init(&lines, screen);
	for (unsigned i = examples->n; i > 0; i--)
		event_line_measure(&lines, examples->events[i - 1]);
	for (unsigned i = examples->n; r >= 0 && i > 0; i--)
		r = event_line_print(&lines, examples->events[i - 1]);
	event_lines_release(&lines);
	return r;
}

static int print_trial(const struct trials *trials, const struct trial *trial, size_t n, const struct screen *screen)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	int r;

	buffer_printf(&line, "  event_filters[%zu]: ", n);
	append_rate(&line, trials, trial->n_matched, 0);
	if (trial->description)
		buffer_printf(&line, " (%s)", trial->description);
	print_line(screen, COLOUR_NONE, &line);
	r = print_examples(&trial->matched, screen);
	if (r < 0 || trial->n_left_out == 0)
		return r;
	buffer_append_text(&line, "    leaves out ");
	append_rate(&line, trials, trial->n_left_out, 0);
	print_line(screen, COLOUR_YELLOW, &line);
	for (size_t i = 0; i < trial->n_exclusions; i++) {
		if (trial->exclusions[i].n == 0)
			continue;
		buffer_append_text(&line, "      ");
		append_count(&line, trial->exclusions[i].n);
		buffer_append_text(&line, " by ");
		buffer_append_text(&line, trial->exclusions[i].text);
		print_line(screen, COLOUR_NONE, &line);
	}
	return print_examples(&trial->left_out, screen);
}

static int print_text(struct trials *trials, const struct screen *screen)
{
	struct buffer *line = &trials->scratch;
	int r = 0;

	buffer_clear(line);
	buffer_printf(line, "'%s' would have recorded ", subscription_name(trials->subscription));
	append_count(line, trials->n_matched);
	buffer_append_text(line, " of ");
	append_count(line, trials->n_events);
	buffer_append_text(line, " events of its types, in ");
	append_duration(line, trials->end_ns - trials->begin_ns);
	buffer_append_text(line, " of history");
	print_line(screen, COLOUR_BOLD, line);
	for (size_t i = 0; r >= 0 && i < trials->n_streams; i++) {
		const struct trial_stream *stream = &trials->streams[i];
		const char *label = stream_label(stream->stream);

		buffer_printf(line, "streams[%zu] %s%s%s: ", i, type_name(stream->stream), label ? " " : "", label ? label : "");
		append_rate(line, trials, stream->n_matched, bytes_an_event(trials, stream));
		print_line(screen, COLOUR_BOLD, line);
		for (size_t k = 0; r >= 0 && k < stream->n_trials; k++)
			r = print_trial(trials, &stream->trials[k], k, screen);
	}
	return r;
}

static void put_text(struct buffer *out, const char *key, const char *text)
{
	if (!text)
		return;
	buffer_printf(out, ",\"%s\":", key);
	json_append_string(out, span_of(text));
}

static void put_rate(struct buffer *out, const struct trials *trials, double n)
{
	if (a_day(trials, 1) > 0)
		buffer_printf(out, ",\"events_per_day\":%.1f", a_day(trials, n));
}

static void put_examples(struct buffer *out, const char *key, const struct trials *trials, const struct examples *examples)
{
	buffer_printf(out, ",\"%s\":[", key);
	for (unsigned i = examples->n; i > 0; i--) {
		buffer_append_text(out, i < examples->n ? "," : "");
		event_json(out, examples->events[i - 1], &trials->json);
	}
	buffer_append_byte(out, ']');
}

static void put_trial(struct buffer *out, const struct trials *trials, const struct trial *trial)
{
	buffer_printf(out, "{\"matched\":%llu", (unsigned long long)trial->n_matched);
	put_text(out, "description", trial->description);
	put_rate(out, trials, (double)trial->n_matched);
	put_examples(out, "examples", trials, &trial->matched);
	buffer_printf(out, ",\"left_out\":%llu,\"exclusions\":[", (unsigned long long)trial->n_left_out);
	for (size_t i = 0; i < trial->n_exclusions; i++) {
		buffer_printf(out, "%s{\"left_out\":%llu", i ? "," : "", (unsigned long long)trial->exclusions[i].n);
		put_text(out, "term", trial->exclusions[i].text);
		buffer_append_byte(out, '}');
	}
	buffer_append_byte(out, ']');
	put_examples(out, "left_out_examples", trials, &trial->left_out);
	buffer_append_byte(out, '}');
}

static int write_out(struct buffer *out, const struct screen *screen)
{
	int r = buffer_error(out);

	if (r >= 0)
		fwrite(out->data, 1, out->size, screen->out);
	buffer_clear(out);
	return r;
}

static int print_json(struct trials *trials, const struct screen *screen)
{
	struct buffer *out = &trials->scratch;
	int r = 0;

	buffer_clear(out);
	buffer_printf(out, "{\"looked_at\":%llu,\"matched\":%llu", (unsigned long long)trials->n_events,
		      (unsigned long long)trials->n_matched);
	put_text(out, "name", subscription_name(trials->subscription));
	buffer_append_text(out, ",\"since\":\"");
	buffer_append_time(out, trials->begin_ns);
	buffer_append_text(out, "\",\"until\":\"");
	buffer_append_time(out, trials->end_ns);
	buffer_append_text(out, "\",\"streams\":[");
	for (size_t i = 0; r >= 0 && i < trials->n_streams; i++) {
		const struct trial_stream *stream = &trials->streams[i];

		buffer_printf(out, "%s{\"matched\":%llu,\"bytes\":%.0f", i ? "," : "", (unsigned long long)stream->n_matched,
			      bytes_an_event(trials, stream) * (double)stream->n_matched);
		put_text(out, "type", type_name(stream->stream));
		put_text(out, "name", stream_label(stream->stream));
		put_rate(out, trials, (double)stream->n_matched);
		buffer_append_text(out, ",\"event_filters\":[");
		for (size_t k = 0; r >= 0 && k < stream->n_trials; k++) {
			buffer_append_text(out, k ? "," : "");
			put_trial(out, trials, &stream->trials[k]);
			r = write_out(out, screen);
		}
		buffer_append_text(out, "]}");
	}
	buffer_append_text(out, "]}\n");
	return r < 0 ? r : write_out(out, screen);
}

static int look(struct trials *trials, struct history *history)
{
	const struct subscription_options *o = trials->options;
	const struct history_query query = {
		.since_ns = o->since_ns, .until_ns = o->until_ns, .kinds = trials->kinds, .newest_first = true
	};
	int r = history_stats(history, &trials->stats);

	if (r < 0)
		return r;
	trials->begin_ns = MAX(o->since_ns, trials->stats.oldest_ns);
	trials->end_ns = MAX(o->until_ns ? MIN(o->until_ns, trials->stats.newest_ns) : trials->stats.newest_ns, trials->begin_ns);
	trials->json = (struct event_json_options){ .host_id = span_of(trials->stats.host_id),
						    .host_name = span_of(trials->stats.host_name),
						    .boot_id = span_of(trials->stats.boot_id) };
	r = history_events(history, &query, on_event, trials);
	progress_end(&trials->progress);
	return r;
}

int subscription_try(const struct subscription_options *options, const char *path)
{
	_cleanup_(history_freep) struct history *history = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct gap_range range = { options->since_ns, options->until_ns };
	struct screen screen = screen_open(&options->print);
	_cleanup_(trials_release) struct trials trials = { .options = options,
							   .progress = progress_open(options->print.json) };
	int r;

	if (options->since_ns && options->until_ns && options->since_ns >= options->until_ns)
		return cli_fail(CLI_USAGE, "subscription test: --since is not before --until");
	r = subscription_read(&trials.subscription, &text, path);
	if (r == CLI_DONE)
		r = place_open_history(&history, &options->places);
	if (r != CLI_DONE)
		return r;
	r = trials_init(&trials, buffer_span(&text));
	if (r >= 0)
		r = look(&trials, history);
	if (r >= 0)
		r = options->print.json ? print_json(&trials, &screen) : print_text(&trials, &screen);
	if (r >= 0)
		r = gaps_print(history, &range, &screen, options->print.json);
	return r < 0 ? cli_fail(CLI_FAILED, "subscription test: %s", strerror(-r)) : CLI_DONE;
}
