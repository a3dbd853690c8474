/* What each step lets go of, and that all of it is told: by the steps themselves, and by the whole core, live and from its capture. */

#include "pipeline/test_pipeline.h"

#include "event/test_made.h"
#include "pipeline/shed.h"

#define START MADE_REAL_NS

static struct context *new_process(uint64_t entity)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_number(&context->values, FIELD_entity_id, entity);
	values_set_number(&context->values, FIELD_pid, entity);
	return context;
}

static bool offer(struct shed *shed, uint16_t kind, struct context *context, uint64_t time_ns)
{
	struct event *event = event_new(kind, time_ns);
	bool is_let_go;

	assert_non_null(event);
	event->context = context_ref(context);
	is_let_go = shed_event(shed, event);
	event_free(event);
	return is_let_go;
}

static void change(struct shed *shed, enum shed_step step, bool begins, uint64_t now_ns)
{
	assert_int_equal(shed_change(shed, &(struct shed_change){ step, begins, SHED_BY_RING, 500 }, now_ns), 0);
}

/* What is told by then: the sum of the gaps of that class and cause, and how many throttle events there are. */
static uint64_t told(struct shed *shed, uint64_t now_ns, const char *class, const char *cause, unsigned *ret_steps)
{
	struct event *event;
	uint64_t n = 0;

	while ((event = shed_take(shed, now_ns))) {
		*ret_steps += event->kind == KIND_ID(recorder, throttle);
		if (event->kind == KIND_ID(recorder, gap) && span_eq(values_text(&event->values, FIELD_gap_class), span_of(class)) &&
		    span_eq(values_text(&event->values, FIELD_gap_cause), span_of(cause))) {
			n += event->gap_count;
			assert_true(event->gap_begin <= event->gap_end);
			assert_true(event->gap_exact);
		}
		event_free(event);
	}
	return n;
}

/* Class by class, in the order of kinds.def; what is never let go of is offered at each step. */
static void test_by_class(void **state)
{
	struct context *process = new_process(7);
	struct shed *shed;
	unsigned n_steps = 0;

	assert_int_equal(shed_new(&shed), 0);
	for (unsigned step = SHED_NOTHING; step < N_SHED_STEPS; step++) {
		if (step > SHED_NOTHING)
			change(shed, step, true, START);
		for (unsigned kind = 0; kind < N_KINDS; kind++) {
			bool goes = kinds[kind].shed > 0 && SHED_CLASS + kinds[kind].shed - 1U <= step;

			assert_int_equal(offer(shed, (uint16_t)kind, process, START + step), goes);
		}
	}
	assert_int_equal(shed_stats(shed)->events[CATEGORY_security], 0);
	assert_int_equal(shed_stats(shed)->events[CATEGORY_driver], 0);
	assert_int_equal(shed_stats(shed)->events[CATEGORY_system], 0);
	assert_int_equal(shed_stats(shed)->events[CATEGORY_recorder], 0);
	/* file.read at 7 steps, file.write at 6, the nine others at one. */
	assert_int_equal(shed_stats(shed)->events[CATEGORY_file], 7 + 6 + 9);
	assert_int_equal(shed_stats(shed)->events[CATEGORY_process], 4);
	assert_int_equal(shed_untold_ns(shed), START + SHED_CLASS);
	for (unsigned step = N_SHED_STEPS - 1; step > SHED_NOTHING; step--)
		change(shed, step, false, START + NS_PER_SEC);
	assert_int_equal(told(shed, START + NS_PER_SEC, "file", "queue_full", &n_steps), 7 + 6 + 9);
	assert_int_equal(n_steps, 2 * (N_SHED_STEPS - 1));
	assert_int_equal(shed_next_ns(shed), UINT64_MAX);
	assert_int_equal(shed_untold_ns(shed), UINT64_MAX);
	shed_free(shed);
	context_unref(process);
}

/* One process makes most: of it only numbers, of the others everything; and it is whole again when it is quiet. */
static void test_by_source(void **state)
{
	struct context *noisy = new_process(7), *quiet = new_process(8);
	uint64_t n_let_go = 0, n_told, now_ns = START;
	unsigned n_steps = 0;
	struct shed *shed;

	assert_int_equal(shed_new(&shed), 0);
	change(shed, SHED_COALESCE, true, now_ns);
	for (unsigned i = 0; i < 1000; i++) {
		assert_false(offer(shed, KIND_ID(file, create), noisy, now_ns + i));
		if (i % 4 == 0)
			assert_false(offer(shed, KIND_ID(file, create), quiet, now_ns + i));
	}
	change(shed, SHED_SOURCE, true, now_ns);
	assert_string_equal(shed_stats(shed)->source, "process 7 ()");
	for (unsigned i = 0; i < 1000; i++) {
		n_let_go += offer(shed, KIND_ID(file, create), noisy, now_ns + i);
		assert_false(offer(shed, KIND_ID(process, exec), noisy, now_ns));
		assert_false(offer(shed, KIND_ID(security, memory_exec), noisy, now_ns));
		if (i % 4 == 0)
			assert_false(offer(shed, KIND_ID(file, read), quiet, now_ns));
	}
	assert_int_equal(n_let_go, 1000);
	assert_true(shed_record(shed, KIND_ID(file, read), noisy, now_ns));
	assert_false(shed_record(shed, KIND_ID(file, read), quiet, now_ns));
	/* It lasts: told every ten seconds. */
	n_told = told(shed, START + 9 * NS_PER_SEC, "file", "noisy_source", &n_steps);
	assert_int_equal(n_told, 0);
	assert_int_equal(n_steps, 3);
	for (unsigned i = 10; i < 20; i++) {
		for (unsigned k = 0; k < 500; k++)
			offer(shed, KIND_ID(file, create), quiet, START + i * NS_PER_SEC);
		n_told += told(shed, START + i * NS_PER_SEC, "file", "noisy_source", &n_steps);
	}
	assert_int_equal(n_told, 1001);
	/* By now the other makes most. */
	assert_string_equal(shed_stats(shed)->source, "process 8 ()");
	change(shed, SHED_SOURCE, false, START + 20 * NS_PER_SEC);
	change(shed, SHED_COALESCE, false, START + 20 * NS_PER_SEC);
	n_told += told(shed, START + 20 * NS_PER_SEC, "file", "noisy_source", &n_steps);
	assert_int_equal(n_told, shed_stats(shed)->events[CATEGORY_file] + shed_stats(shed)->records[CATEGORY_file]);
	assert_string_equal(shed_stats(shed)->source, "");
	assert_false(offer(shed, KIND_ID(file, create), quiet, now_ns));
	shed_free(shed);
	context_unref(noisy);
	context_unref(quiet);
}

static void test_record(void **state)
{
	static const char *const bad[] = { "", "step=x begins=1 cause=ring", "step=nothing begins=1 cause=ring", "step=source begins=2 cause=ring",
					   "step=source begins=1", "step=source cause=ring", "step=source begins=1 cause=ring pressure=x",
					   "step=source begins=1 cause=ring pressure=70000" };
	struct shed_change is;

	for (unsigned step = 1; step < N_SHED_STEPS; step++)
		for (unsigned cause = 0; cause < N_SHED_CAUSES; cause++) {
			const struct shed_change was = { step, step % 2, cause, (uint16_t)(100 * step) };
			struct buffer text = { 0 };
			struct span body;

			shed_change_write(&text, &was, START);
			body = buffer_span(&text);
			body.data += strcspn(buffer_text(&text), " ") + 1;
			body.size -= (size_t)(body.data - text.data);
			assert_int_equal(shed_change_read(&is, body), 0);
			assert_true(is.step == was.step && is.begins == was.begins && is.cause == was.cause && is.pressure == was.pressure);
			buffer_release(&text);
		}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(shed_change_read(&is, span_of(bad[i])), -EINVAL);
}

/* By the whole core */

#define STEP(step, begins) "type=RECORDER_THROTTLE msg=recorder(1795343338.123456789:0): step=" step " begins=" begins " cause=ring pressure=510\n"

static void push_open(struct fixture *f, uint32_t pid, uint32_t flags, uint64_t time_ns)
{
	static struct made made;
	struct span copy;

	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	made.record->head.pid = made.record->head.tid = made.record->head.ns_pid = pid;
	made.record->body.file.flags = flags;
	add_path(&made, FILE_PATH, "/etc/passwd");
	copy = made_copy(&made);
	assert_int_equal(pipeline_push(f->pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = time_ns, .text = copy }), 0);
	free((void *)(uintptr_t)copy.data);
}

static unsigned count_of(const char *text, const char *words)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, words)); at++)
		n++;
	return n;
}

static void test_whole_core(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	push_open(&f, 1234, 0, START);
	lines(&f, STEP("coalesce", "1") STEP("source", "1") STEP("file.read", "1"));
	for (unsigned i = 0; i < 100; i++) {
		push_open(&f, 1234, 0, START + i);
		push_open(&f, 1234, 1, START + i);	/* for writing: only later */
	}
	lines(&f, STEP("file.write", "1"));
	push_open(&f, 1234, 1, START + 200);
	lines(&f, STEP("file.write", "0") STEP("file.read", "0") STEP("source", "0") STEP("coalesce", "0"));
	push_open(&f, 1234, 0, START + 300);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.shed.records[CATEGORY_file], 100);	/* reads are not even decoded */
	assert_int_equal(stats.shed.events[CATEGORY_file], 1);
	assert_int_equal(stats.malformed, 0);
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(count_of(buffer_text(&f.out), "\"action\":\"throttle\""), 8);
	assert_int_equal(count_of(buffer_text(&f.out), "\"action\":\"gap\""), 2);
	assert_int_equal(count_of(buffer_text(&f.out), "\"count\":100,"), 1 + 1);	/* the gap of records, and the end of its step */
	assert_int_equal(stats.events, stats.own + stats.merged + stats.filtered_out + stats.emitted + stats.shed.events[CATEGORY_file]);
	assert_int_equal(stats.emitted, f.n_events);
	lines(&f, STEP("nonsense", "1"));
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.malformed, 1);
	tear_down(&f);
}

/* What sets off a signal is kept, and it is. */
static void test_signals(void **state)
{
	static const char text[] = "{\"name\":\"s\",\"streams\":[{\"type\":\"signal\",\"id\":\"s\",\"event_filters\":["
				   "{\"terms\":[\"file\",\"file.operation is 'read'\",\"file.path is '/etc/passwd'\"]}]}]}";
	_cleanup_(subscription_freep) struct subscription *subscription = NULL;
	_cleanup_(filter_freep) struct filter *filter = NULL;
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;
	struct filter_error error;

	assert_int_equal(subscription_parse(&subscription, span_of(text), &error), 0);
	assert_int_equal(filter_new(&filter, (const struct subscription *const[]){ subscription }, 1), 0);
	options.filter = filter;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	lines(&f, STEP("coalesce", "1") STEP("source", "1") STEP("file.read", "1"));
	for (unsigned i = 0; i < 5; i++)
		push_open(&f, 2000 + i, 0, START + i * NS_PER_SEC);
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.shed.records[CATEGORY_file], 0);
	assert_int_equal(count_of(buffer_text(&f.out), "\"kind\":\"alert\""), 5);
	tear_down(&f);
}

/* A run that ended in the middle of a step: the next one begins without. */
static void test_next_run(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	push_open(&f, 1234, 0, START);
	lines(&f, STEP("coalesce", "1") STEP("source", "1") STEP("file.read", "1"));
	push_open(&f, 1234, 0, START + 1);
	assert_int_equal(pipeline_begin_run(f.pipeline), 0);
	push_open(&f, 1234, 0, START + 2);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.shed.step, SHED_NOTHING);
	assert_int_equal(stats.shed.records[CATEGORY_file], 1);
	assert_int_equal(count_of(buffer_text(&f.out), "\"action\":\"throttle\""), 6);
	tear_down(&f);
}

/* What is kept is one event, whether its record was asked about before or not. */
static void test_who_is_noisy(void **state)
{
	struct context *reader = new_process(7), *other;
	unsigned n_steps = 0;
	struct shed *shed;

	assert_int_equal(shed_new(&shed), 0);
	change(shed, SHED_COALESCE, true, START);
	change(shed, SHED_SOURCE, true, START);
	for (unsigned i = 0; i < 1000; i++) {
		other = new_process(100 + i);
		for (unsigned k = 0; k < 2; k++) {
			assert_false(shed_record(shed, KIND_ID(file, read), reader, START));
			assert_false(offer(shed, KIND_ID(file, read), reader, START));
		}
		for (unsigned k = 0; k < 3; k++)
			assert_false(offer(shed, KIND_ID(file, create), other, START));
		context_unref(other);
	}
	told(shed, START + NS_PER_SEC, "file", "noisy_source", &n_steps);
	assert_string_equal(shed_stats(shed)->source, "");
	shed_free(shed);
	context_unref(reader);
}

/* What the recorder has done to see whether it sees is never let go of. */
static void test_own_children(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;

	options.own_pid = 1000;		/* the parent that make() names */
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	lines(&f, STEP("coalesce", "1") STEP("source", "1") STEP("file.read", "1"));
	push_open(&f, 1234, 0, START);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.shed.records[CATEGORY_file], 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_class),   cmocka_unit_test(test_by_source),	 cmocka_unit_test(test_record),
		cmocka_unit_test(test_whole_core), cmocka_unit_test(test_own_children),
		cmocka_unit_test(test_signals),	   cmocka_unit_test(test_next_run),	 cmocka_unit_test(test_who_is_noisy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
