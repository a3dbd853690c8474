/* Hits of signals: what is told at once, what is counted, and when that is told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/event_json.h"
#include "pipeline/pipeline.h"
#include "pipeline/signals.h"

#define SECOND NS_PER_SEC
#define START UINT64_C(1795343338000000000)

/* The store of windows by itself */

static struct stream stream_of(const char *id)
{
	return (struct stream){ .type = STREAM_SIGNAL, .id = (char *)(uintptr_t)id, .name = (char *)(uintptr_t)"Netcat",
				.severity = SEVERITY_HIGH, .subscription = "rules" };
}

static struct context *process(uint64_t entity, uint32_t image)
{
	struct context *context = context_new();

	values_set_number(&context->values, FIELD_entity_id, entity);
	values_set_number(&context->values, FIELD_exec_count, image);
	return context;
}

static struct event *write_of(struct context *context, uint64_t time_ns, uint64_t origin)
{
	struct event *event = event_new(KIND_ID(file, write), time_ns);

	event->origin = origin;
	event->context = context_ref(context);
	event->streams = 5;
	values_set_text(&event->values, FIELD_path, SPAN("/etc/shadow"));
	values_set_text(&event->values, FIELD_outcome, SPAN("success"));
	return event;
}

static void hit(struct signals *signals, const char *id, struct context *context, uint64_t time_ns)
{
	static uint64_t origin;
	const struct stream stream = stream_of(id);
	struct event *event = write_of(context, time_ns, ++origin << 8);

	assert_int_equal(signals_hit(signals, &stream, event, time_ns), 0);
	event_free(event);
}

/* How many are told now, and how many hits they stand for. */
static unsigned told(struct signals *signals, uint64_t now_ns, uint64_t *ret_hits)
{
	struct event *event;
	unsigned n = 0;

	*ret_hits = 0;
	for (; (event = signals_take(signals, now_ns)); n++) {
		*ret_hits += event->signal_count;
		event_free(event);
	}
	return n;
}

static void assert_told(struct signals *signals, uint64_t now_ns, unsigned n, uint64_t hits)
{
	uint64_t found;

	assert_int_equal(told(signals, now_ns, &found), n);
	assert_int_equal(found, hits);
}

static void test_event(void **state)
{
	struct context *nc = process(7, 2);
	struct event *event = write_of(nc, START, 9 << 8), *signal;
	struct stream stream = stream_of("nc");
	struct signals *signals;

	stream.description = (char *)(uintptr_t)"Nobody needs it here";
	assert_int_equal(signals_new(&signals, PIPELINE_WAITING_BYTES), 0);
	assert_int_equal(signals_hit(signals, &stream, event, START), 0);
	signal = signals_take(signals, START);
	assert_non_null(signal);
	assert_int_equal(signal->kind, KIND_ID(signal, match));
	assert_true(signal->streams == FILTER_SIGNALED && signal->time_ns == START && signal->context == nc);
	assert_true(signal->origin != event->origin);
	for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
		if (values_has(&event->values, field))
			assert_true(values_equal(&event->values, &signal->values, field));
	assert_true(span_eq(values_text(&signal->values, FIELD_rule_id), SPAN("nc")));
	assert_true(span_eq(values_text(&signal->values, FIELD_rule_name), SPAN("Netcat")));
	assert_true(span_eq(values_text(&signal->values, FIELD_rule_description), SPAN("Nobody needs it here")));
	assert_true(span_eq(values_text(&signal->values, FIELD_rule_ruleset), SPAN("rules")));
	assert_true(span_eq(values_text(&signal->values, FIELD_rule_severity), SPAN("high")));
	assert_int_equal(signal->severity, 4);
	assert_true(span_eq(values_text(&signal->values, FIELD_signal_event_id), SPAN("18ea5740f75aa400-900")));
	assert_true(span_eq(values_text(&signal->values, FIELD_signal_event_category), SPAN("file")));
	assert_true(span_eq(values_text(&signal->values, FIELD_signal_event_action), SPAN("write")));
	assert_int_equal(signal->signal_count, 1);
	assert_true(signal->signal_first == START && signal->signal_last == START);
	assert_null(signals_take(signals, START));
	event_free(signal);
	event_free(event);
	context_unref(nc);
	signals_free(signals);
}

static void test_window(void **state)
{
	struct context *nc = process(7, 2);
	struct signals *signals;
	struct event *event;
	uint64_t first_origin;

	assert_int_equal(signals_new(&signals, PIPELINE_WAITING_BYTES), 0);
	assert_true(signals_next_ns(signals) == UINT64_MAX);
	signals_set_window(signals, 10 * SECOND);
	hit(signals, "nc", nc, START);
	event = signals_take(signals, START);
	first_origin = event->origin;
	event_free(event);
	for (unsigned i = 1; i <= 5; i++)
		hit(signals, "nc", nc, START + i * SECOND);
	assert_true(signals_next_ns(signals) == START + 10 * SECOND);
	assert_told(signals, START + 10 * SECOND - 1, 0, 0);
	event = signals_take(signals, START + 10 * SECOND);
	assert_non_null(event);
	assert_int_equal(event->signal_count, 5);
	assert_true(event->signal_first == START + SECOND && event->signal_last == START + 5 * SECOND);
	assert_true(event->time_ns == START + 5 * SECOND && event->origin != first_origin);
	event_free(event);
	assert_true(signals_next_ns(signals) == UINT64_MAX);
	/* it begins anew; one without another ends in silence */
	hit(signals, "nc", nc, START + 11 * SECOND);
	assert_told(signals, START + 11 * SECOND, 1, 1);
	assert_told(signals, START + 30 * SECOND, 0, 0);
	assert_true(signals_next_ns(signals) == UINT64_MAX);
	/* a hit ends what is over by itself */
	hit(signals, "nc", nc, START + 31 * SECOND);
	hit(signals, "nc", nc, START + 32 * SECOND);
	hit(signals, "nc", nc, START + 50 * SECOND);
	assert_told(signals, START + 50 * SECOND, 3, 3);
	/* a shorter one holds for those that are open too, and the end of all is the end of each */
	hit(signals, "nc", nc, START + 51 * SECOND);
	signals_set_window(signals, SECOND);
	assert_true(signals_next_ns(signals) == START + 51 * SECOND);
	signals_set_window(signals, UINT64_MAX);
	assert_true(signals_next_ns(signals) == UINT64_MAX);
	assert_told(signals, START + 99 * SECOND, 0, 0);
	assert_told(signals, UINT64_MAX, 1, 1);
	context_unref(nc);
	signals_free(signals);
}

/* By process, by its program, by signal. */
static void test_apart(void **state)
{
	struct context *contexts[] = { process(7, 2), process(7, 3), process(8, 2), context_new(), context_new(), NULL };
	struct signals *signals;

	assert_int_equal(signals_new(&signals, PIPELINE_WAITING_BYTES), 0);
	for (unsigned again = 0; again < 3; again++) {
		for (size_t i = 0; i < ARRAY_SIZE(contexts); i++) {
			hit(signals, "a", contexts[i], START);
			hit(signals, "b", contexts[i], START);
		}
		assert_told(signals, START, again ? 0 : 2 * ARRAY_SIZE(contexts), again ? 0 : 2 * ARRAY_SIZE(contexts));
	}
	assert_told(signals, START + 60 * SECOND, 2 * ARRAY_SIZE(contexts), 4 * ARRAY_SIZE(contexts));
	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++)
		context_unref(contexts[i]);
	signals_free(signals);
}

/* More than are kept: the oldest end early, and no hit is forgotten. */
static void test_too_many(void **state)
{
	struct signals *signals;
	uint64_t hits = 0, total = 0;
	unsigned n = 0;

	assert_int_equal(signals_new(&signals, PIPELINE_WAITING_BYTES), 0);
	for (unsigned i = 0; i < SIGNALS_MAX + 100; i++) {
		struct context *context = process(i + 1, 0);

		for (unsigned k = 0; k < 3; k++)
			hit(signals, "a", context, START + i);
		context_unref(context);
		n += told(signals, START + i, &hits);
		total += hits;
	}
	assert_int_equal(n, SIGNALS_MAX + 100 + 100);
	assert_int_equal(total, SIGNALS_MAX + 100 + 2 * 100);
	assert_told(signals, UINT64_MAX, SIGNALS_MAX, 2 * SIGNALS_MAX);
	signals_free(signals);
}

/* Arguments may be megabytes. */
static void test_too_large(void **state)
{
	enum { N = 40, BYTES = 1 << 20 };
	struct signals *signals;
	char *large = calloc(1, BYTES);
	uint64_t hits, total = 0;

	assert_int_equal(signals_new(&signals, PIPELINE_WAITING_BYTES), 0);
	for (unsigned i = 0; i < N; i++) {
		struct context *context = process(i + 1, 0);

		values_set_text(&context->values, FIELD_args, (struct span){ large, BYTES });
		hit(signals, "a", context, START + i);
		hit(signals, "a", context, START + i);
		told(signals, START + i, &hits);
		total += hits;
		context_unref(context);
	}
	assert_true(total >= N + N - PIPELINE_WAITING_BYTES / BYTES);
	told(signals, UINT64_MAX, &hits);
	assert_true(hits > 0);
	assert_int_equal(total + hits, 2 * N);
	free(large);
	signals_free(signals);
}

/* In the pipeline */

struct fixture {
	struct pipeline *pipeline;
	struct subscription *subscription;
	struct filter *filter;
	struct buffer out;
	unsigned n_events, n_signals;
	uint64_t streams, hits;		/* of the last event that is no signal; of all signals */
};

static int collect(void *user, struct event *event)
{
	static const struct event_json_options options = { 0 };
	struct fixture *f = user;

	if (event_category(event) == CATEGORY_signal) {
		f->n_signals++;
		f->hits += event->signal_count;
	} else {
		f->streams = event->streams;
	}
	f->n_events++;
	event_json(&f->out, event, &options);
	buffer_append_byte(&f->out, '\n');
	event_free(event);
	return 0;
}

#define SIGNAL(id) "{\"type\":\"signal\",\"id\":\"" id "\",\"event_filters\":[{\"terms\":[\"file.mount\"]}]}"
#define DATABASE "{\"type\":\"database\",\"event_filters\":[{\"terms\":[\"file\"]}]}"
#define RULES(streams) "{\"name\":\"rules\",\"streams\":[" streams "]}"

static void use(struct fixture *f, const char *document)
{
	struct subscription *old = f->subscription;
	struct filter *old_filter = f->filter;
	struct filter_error error;

	assert_int_equal(subscription_parse(&f->subscription, span_of(document), &error), 0);
	assert_int_equal(filter_new(&f->filter, (const struct subscription *const *)&f->subscription, 1), 0);
	if (f->pipeline)
		pipeline_set_filter(f->pipeline, f->filter);
	filter_free(old_filter);
	subscription_free(old);
}

static void set_up(struct fixture *f, const char *document)
{
	struct pipeline_options options = { .assembler = ASSEMBLER_DEFAULTS, .decoder = { .own_key = "recorder" } };

	use(f, document);
	options.filter = f->filter;
	assert_int_equal(pipeline_new(&f->pipeline, &options, collect, f), 0);
}

static void tear_down(struct fixture *f)
{
	pipeline_free(f->pipeline);
	filter_free(f->filter);
	subscription_free(f->subscription);
	buffer_release(&f->out);
}

static void push(struct fixture *f, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		assert_int_equal(pipeline_push(f->pipeline, &(struct record){ .text = { text, n } }), 0);
		text += n + (text[n] != 0);
	}
}

#define HEAD "msg=audit(1795343338.%03u:%u): "

static void mount(struct fixture *f, unsigned serial, unsigned pid)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "type=SYSCALL " HEAD "arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=0 ppid=10 pid=%u "
		 "auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=3 comm=\"mount\" "
		 "exe=\"/bin/mount\"\ntype=EOE " HEAD "\n", serial, serial, pid, serial, serial);
	push(f, text);
}

static void assert_counted(const struct fixture *f, unsigned emitted, unsigned filtered_out, unsigned signals)
{
	struct pipeline_stats stats;

	pipeline_stats(f->pipeline, &stats);
	assert_int_equal(stats.emitted, emitted);
	assert_int_equal(stats.filtered_out, filtered_out);
	assert_int_equal(stats.signals, signals);
	assert_int_equal(stats.events, stats.own + stats.merged + stats.filtered_out + stats.emitted);
	assert_int_equal(f->n_events, emitted + signals);
	assert_int_equal(f->n_signals, signals);
}

/* That an event set off a signal is no reason to store the event. */
static void test_not_wanted(void **state)
{
	struct fixture f = { 0 };
	const char *out;

	set_up(&f, RULES(SIGNAL("m")));
	mount(&f, 1, 20);
	mount(&f, 2, 20);
	assert_counted(&f, 0, 2, 1);
	out = buffer_text(&f.out);
	assert_non_null(strstr(out, "\"kind\":\"alert\",\"category\":[\"intrusion_detection\"]"));
	assert_non_null(strstr(out, "\"action\":\"match\""));
	assert_non_null(strstr(out, "\"rule\":{\"id\":\"m\",\"name\":\"m\",\"ruleset\":\"rules\",\"severity\":\"medium\"}"));
	assert_non_null(strstr(out, "\"event\":{\"id\":\"18ea5740f769e640-100\",\"category\":\"file\",\"action\":\"mount\"}"));
	assert_non_null(strstr(out, "\"executable\":\"/bin/mount\""));
	assert_non_null(strstr(out, "\"count\":1"));
	tear_down(&f);
}

static void test_wanted(void **state)
{
	struct fixture f = { 0 };
	const char *out;

	set_up(&f, RULES(DATABASE "," SIGNAL("m") "," SIGNAL("n")));
	mount(&f, 1, 20);
	assert_counted(&f, 1, 0, 2);
	assert_true(f.streams == 1);
	out = buffer_text(&f.out);
	/* cause, then effect */
	assert_true(strstr(out, "\"action\":\"mount\"") < strstr(out, "\"action\":\"match\""));
	mount(&f, 2, 20);
	mount(&f, 3, 21);
	assert_counted(&f, 3, 0, 4);
	tear_down(&f);
}

/* Without any other event. */
static void test_time_passes(void **state)
{
	struct fixture f = { 0 };

	set_up(&f, RULES(SIGNAL("m")));
	mount(&f, 1, 20);
	mount(&f, 2, 20);
	mount(&f, 3, 20);
	assert_true(pipeline_next_ns(f.pipeline) == START + NS_PER_MS + 60 * SECOND);
	assert_int_equal(pipeline_advance(f.pipeline, START + 60 * SECOND), 1);	/* the table of processes */
	assert_counted(&f, 0, 3, 1);
	pipeline_set_times(f.pipeline, &(struct pipeline_times){ .signal_window_ns = 61 * SECOND });
	assert_int_equal(pipeline_advance(f.pipeline, START + 60 * SECOND + NS_PER_MS), 0);
	assert_int_equal(pipeline_advance(f.pipeline, START + 61 * SECOND + NS_PER_MS), 1);
	assert_counted(&f, 0, 3, 2);
	assert_int_equal(f.hits, 3);
	assert_true(pipeline_next_ns(f.pipeline) == UINT64_MAX);
	tear_down(&f);
}

static void test_drain(void **state)
{
	struct fixture f = { 0 };

	set_up(&f, RULES(SIGNAL("m")));
	for (unsigned i = 1; i <= 9; i++)
		mount(&f, i, 20 + i % 2);
	assert_counted(&f, 0, 9, 2);
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	assert_counted(&f, 0, 9, 4);
	assert_int_equal(f.hits, 9);
	tear_down(&f);
}

/* Subscriptions come and go; what was counted of one that is gone is still told, and one of the same id goes on. */
static void test_replaced(void **state)
{
	struct fixture f = { 0 };

	set_up(&f, RULES(SIGNAL("m")));
	mount(&f, 1, 20);
	mount(&f, 2, 20);
	use(&f, RULES(DATABASE "," SIGNAL("m")));
	mount(&f, 3, 20);
	use(&f, RULES(DATABASE));
	mount(&f, 4, 20);
	assert_counted(&f, 2, 2, 1);
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	assert_counted(&f, 2, 2, 2);
	assert_int_equal(f.hits, 3);
	tear_down(&f);
}

/* The clock and the window of a run come back from its capture. */
static void test_replay(void **state)
{
	struct fixture live = { 0 }, again = { 0 };

	set_up(&live, RULES(SIGNAL("m")));
	pipeline_set_times(live.pipeline, &(struct pipeline_times){ .signal_window_ns = 5 * SECOND });
	mount(&live, 1, 20);
	mount(&live, 2, 20);
	assert_int_equal(pipeline_advance(live.pipeline, START + 6 * SECOND), 1);
	assert_true(pipeline_unsaid_clock(live.pipeline) == START + 6 * SECOND);
	mount(&live, 3, 20);
	assert_int_equal(live.n_signals, 3);

	set_up(&again, RULES(SIGNAL("m")));
	push(&again, "type=RECORDER_SETUP msg=recorder(1795343338.0:0): timeout=1000000000 signal_window=5000000000\n");
	mount(&again, 1, 20);
	mount(&again, 2, 20);
	push(&again, "type=RECORDER_CLOCK msg=recorder(1795343344.0:0): ripe=1\n");
	assert_int_equal(again.n_signals, 2);
	mount(&again, 3, 20);
	assert_string_equal(buffer_text(&again.out), buffer_text(&live.out));
	tear_down(&live);
	tear_down(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_not_wanted),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_time_passes),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
