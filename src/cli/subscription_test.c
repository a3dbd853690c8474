/* `recorder subscription test`: tells what trial.c has found. */

#include <errno.h>

#include "cli/event_line.h"
#include "cli/gap_text.h"
#include "cli/place.h"
#include "cli/subscription.h"
#include "cli/text.h"
#include "cli/trial.h"
#include "event/json_text.h"

#define NS_PER_DAY (86400 * NS_PER_SEC)

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

int subscription_try(const struct subscription_options *options, const char *path)
{
	_cleanup_(history_freep) struct history *history = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct gap_range range = { options->since_ns, options->until_ns };
	struct screen screen = screen_open(&options->print);
	_cleanup_(trials_release) struct trials trials = { .progress = progress_open(options->print.json) };
	struct subscription *subscription = NULL;
	int r;

	if (options->since_ns && options->until_ns && options->since_ns >= options->until_ns)
		return cli_fail(CLI_USAGE, "subscription test: --since is not before --until");
	r = subscription_read(&subscription, &text, path);
	if (r != CLI_DONE)
		return r;
	r = trials_init(&trials, subscription, buffer_span(&text));
	if (r >= 0) {
		int code = place_open_history(&history, &options->places);

		if (code != CLI_DONE)
			return code;
		r = trials_look(&trials, history, options->since_ns, options->until_ns);
	}
	if (r >= 0)
		r = options->print.json ? print_json(&trials, &screen) : print_text(&trials, &screen);
	if (r >= 0)
		r = gaps_print(history, &range, &screen, options->print.json ? GAPS_JSON : GAPS_TABLE);
	return r < 0 ? cli_fail(CLI_FAILED, "subscription test: %s", strerror(-r)) : CLI_DONE;
}
