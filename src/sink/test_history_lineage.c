/* What is read only in part: a process and its descendants among others, wherever they are stored; some fields; a number. */

#include "sink/history.h"
#include "sink/layout.h"

#include "sink/test_sink.h"

#define N_STRANGERS 300
#define N_CHILDREN  40
#define N_DEEP	    (3 * CONTEXT_MAX_DEPTH)	/* each started by the one before */
#define HEAD	    UINT64_C(1000)		/* entity id; its children follow */
#define DEEP	    UINT64_C(5000)
#define FILLING	    (BLOCK_EVENTS * 3 / 4)	/* events of strangers between those that are looked for */

static uint64_t next_ns;

static struct context *process_new(uint64_t entity_id, struct context *parent)
{
	struct context *context = context_new();

	values_set_number(&context->values, FIELD_entity_id, entity_id);
	values_set_number(&context->values, FIELD_pid, entity_id + 7);
	values_set_number(&context->values, FIELD_exec_count, 0);
	values_set_text(&context->values, FIELD_executable, SPAN("/bin/program"));
	values_set_text(&context->values, FIELD_args, SPAN("program\0-x"));
	values_set_text(&context->values, FIELD_command_line, SPAN("program -x"));
	context_set_parent(context, parent);
	return context;
}

static void write_event(struct sink *sink, uint16_t kind, struct context *context)
{
	struct event *event = event_new(kind, next_ns++);

	event->context = context_ref(context);
	assert_int_equal(sink_database.write(sink, event), 0);
	event_free(event);
}

static void fill(struct sink *sink, unsigned round)
{
	struct context *strangers[N_STRANGERS], *first = process_new(1, NULL);

	for (unsigned i = 0; i < N_STRANGERS; i++)
		strangers[i] = process_new(100000 + round * N_STRANGERS + i, first);
	for (unsigned i = 0; i < FILLING; i++)
		write_event(sink, KIND_ID(file, create), strangers[i % N_STRANGERS]);
	for (unsigned i = 0; i < N_STRANGERS; i++)
		context_unref(strangers[i]);
	context_unref(first);
}

/* The head forks, half of its children become another program, and some end; it lives on. */
static void write_family(struct sink *sink)
{
	struct context *init = process_new(2, NULL), *became, *head, *child;

	write_event(sink, KIND_ID(process, fork), init);
	became = context_copy(init);
	values_set_number(&became->values, FIELD_exec_count, 1);
	values_set_text(&became->values, FIELD_executable, SPAN("/sbin/init"));
	head = process_new(HEAD, init);
	write_event(sink, KIND_ID(process, fork), head);
	write_event(sink, KIND_ID(process, exec), became);
	for (unsigned i = 1; i <= N_CHILDREN; i++) {
		child = process_new(HEAD + i, head);
		write_event(sink, i % 2 ? KIND_ID(file, create) : KIND_ID(process, fork), child);
		if (i % 4 == 0)
			write_event(sink, KIND_ID(process, exit), child);
		context_unref(child);
		if (i == N_CHILDREN / 2)
			fill(sink, 1);
	}
	context_unref(head);
	context_unref(became);
	context_unref(init);
}

static void write_deep(struct sink *sink)
{
	struct context *context = process_new(DEEP, NULL);

	for (unsigned i = 1; i < N_DEEP; i++) {
		struct context *child = process_new(DEEP + i, context);

		context_unref(context);
		context = child;
		if (i % 50 == 0)
			fill(sink, 1 + i / 50);
		/* Of most there is nothing but their descendants. */
		if (i % 10 == 0 || i == N_DEEP - 1)
			write_event(sink, KIND_ID(file, create), context);
	}
	context_unref(context);
}

static void make(struct place *place)
{
	struct sink *sink = database_must_open(place->file);

	next_ns = 1000;
	fill(sink, 0);
	write_family(sink);
	fill(sink, 20);
	write_deep(sink);
	sink_database.free(sink);
	assert_true(ask_number(place->file, "SELECT count(*) FROM block WHERE sieve IS NOT NULL") >= 4);
}

struct found {
	uint64_t ids[4 * N_STRANGERS * 30];
	size_t n;
	bool whole;			/* with all that is known of the process */
};

static int note_process(void *user, const struct history_process *process)
{
	struct found *found = user;

	assert_true(found->n < ARRAY_SIZE(found->ids));
	found->ids[found->n++] = process->context->entity_id;
	return 0;
}

static int note_event(void *user, const struct event *event)
{
	struct found *found = user;

	assert_true(found->n < ARRAY_SIZE(found->ids));
	assert_true(event->context && event->sequence > 0 && event->time_ns >= 1000);
	found->ids[found->n++] = event->context->entity_id;
	assert_true(values_has(&event->context->values, FIELD_executable) == found->whole);
	return 0;
}

static size_t count(const struct found *found, uint64_t first, uint64_t last)
{
	size_t n = 0;

	for (size_t i = 0; i < found->n; i++)
		n += found->ids[i] >= first && found->ids[i] <= last;
	return n;
}

static void a_family_is_found(void **state)
{
	static const struct history_lineage names[] = { { FIELD_entity_id, HEAD }, { FIELD_pid, HEAD + 7 } };
	struct place *place = *state;
	struct found *found = calloc(1, sizeof(*found));
	struct history *history;

	make(place);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct history_part part = { .fields[FIELD_entity_id / 64] = UINT64_C(1) << FIELD_entity_id % 64, .ancestors = true };
		struct history_query query = { .lineage = &names[i] };

		found->n = 0;
		assert_int_equal(history_processes(history, &names[i], note_process, found), 0);
		assert_int_equal(count(found, HEAD, HEAD + N_CHILDREN), N_CHILDREN + 1);
		/* Besides, what has lost its ancestors. */
		assert_int_equal(count(found, DEEP, DEEP + N_DEEP), found->n - N_CHILDREN - 1);
		for (unsigned in_part = 0; in_part < 2; in_part++) {
			query.part = in_part ? &part : NULL;
			query.newest_first = in_part;
			found->whole = !in_part;
			found->n = 0;
			assert_int_equal(history_events(history, &query, note_event, found), 0);
			assert_int_equal(count(found, HEAD, HEAD + N_CHILDREN), 1 + N_CHILDREN + N_CHILDREN / 4);
			assert_int_equal(count(found, DEEP, DEEP + N_DEEP), found->n - (1 + N_CHILDREN + N_CHILDREN / 4));
		}
	}
	found->n = 0;
	assert_int_equal(history_processes(history, &(struct history_lineage){ FIELD_entity_id, 77 }, note_process, found), 0);
	assert_int_equal(count(found, DEEP, DEEP + N_DEEP), found->n);
	history_free(history);
	free(found);
}

/* All of a line that is longer than any process knows. */
static void a_long_line_is_found(void **state)
{
	const struct history_lineage name = { FIELD_entity_id, DEEP };
	struct place *place = *state;
	struct found *some = calloc(1, sizeof(*some)), *all = calloc(1, sizeof(*all));
	struct history *history;

	make(place);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_int_equal(history_processes(history, &name, note_process, some), 0);
	assert_int_equal(history_processes(history, NULL, note_process, all), 0);
	/* Of a line that is cut a few are not stored at all. */
	assert_true(count(all, DEEP, DEEP + N_DEEP) > N_DEEP * 3 / 4);
	assert_int_equal(count(some, DEEP, DEEP + N_DEEP), count(all, DEEP, DEEP + N_DEEP));
	assert_int_equal(some->n, count(some, DEEP, DEEP + N_DEEP));
	history_free(history);
	free(some);
	free(all);
}

struct above {
	struct history *history;
	unsigned n;
	bool found;
};

static int note_ancestor(void *user, const struct history_process *process)
{
	struct above *above = user;

	above->n++;
	assert_int_equal(process->context->entity_id, 2);
	assert_int_equal(values_number(&process->context->values, FIELD_exec_count), 1);
	assert_int_equal(process->end_ns, 0);
	return 0;
}

static int ask_ancestors(void *user, const struct history_process *process)
{
	struct above *above = user;

	if (process->context->entity_id != HEAD)
		return 0;
	above->found = true;
	return history_ancestors(above->history, process->context, note_ancestor, above);
}

/* The parent became another program since the head was started. */
static void an_ancestor_is_what_it_became(void **state)
{
	const struct history_lineage name = { FIELD_entity_id, HEAD };
	struct place *place = *state;
	struct above above = { 0 };

	make(place);
	assert_int_equal(history_open(&above.history, place->file, NULL), 0);
	assert_int_equal(history_processes(above.history, &name, ask_ancestors, &above), 0);
	assert_true(above.found);
	assert_int_equal(above.n, 1);
	history_free(above.history);
}

/* Blocks without a sieve, as they are until they are whole, are looked at; so are rows whose block was cleaned away. */
static void without_sieves(void **state)
{
	static const char *const changes[] = { "UPDATE block SET sieve = NULL", "UPDATE block SET sieve = x'01ffffff' WHERE id % 2",
					       "DELETE FROM block" };
	const struct history_lineage name = { FIELD_entity_id, HEAD };
	struct place *place = *state;
	struct found *found = calloc(1, sizeof(*found));
	struct history *history;

	make(place);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		sqlite3 *db;

		assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		assert_int_equal(history_open(&history, place->file, NULL), 0);
		found->n = 0;
		assert_int_equal(history_processes(history, &name, note_process, found), 0);
		assert_int_equal(count(found, HEAD, HEAD + N_CHILDREN), N_CHILDREN + 1);
		assert_int_equal(count(found, 100000, UINT64_MAX), 0);
		history_free(history);
	}
	free(found);
}

static int note_args(void *user, const struct event *event)
{
	unsigned *n = user;

	assert_true(values_has(&event->context->values, FIELD_args));
	assert_false(values_has(&event->context->values, FIELD_executable));
	assert_null(event->context->parent);
	assert_true(span_eq(values_text(&event->context->values, FIELD_args), SPAN("program\0-x\0")));
	(*n)++;
	return 0;
}

static int note_bare(void *user, const struct event *event)
{
	unsigned *n = user;

	assert_null(event->context);
	assert_true(kinds[event->kind].category == CATEGORY_file);
	(*n)++;
	return 0;
}

/* Arguments may follow from the command line, which then is read for them; nothing else is. */
static void in_part(void **state)
{
	struct place *place = *state;
	struct history_part part = { 0 };
	struct history_query query = { .part = &part, .categories = 1u << CATEGORY_file };
	unsigned n = 0;
	struct found *found = calloc(1, sizeof(*found));
	struct history *history;

	make(place);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	assert_int_equal(history_events(history, &query, note_bare, &n), 0);
	assert_int_equal(n, ask_number(place->file, "SELECT count(*) FROM event_file"));
	part.fields[FIELD_args / 64] |= UINT64_C(1) << FIELD_args % 64;
	n = 0;
	assert_int_equal(history_events(history, &query, note_args, &n), 0);
	assert_int_equal(n, ask_number(place->file, "SELECT count(*) FROM event_file"));
	/* And whole again. */
	query.part = NULL;
	query.since_ns = 1000;
	query.until_ns = 1100;
	found->whole = true;
	assert_int_equal(history_events(history, &query, note_event, found), 0);
	assert_int_equal(found->n, 100);
	history_free(history);
	free(found);
}

static int note_number(void *user, const struct event *event)
{
	++*(uint64_t *)user;
	return 0;
}

/* Counts that are taken from what is written of blocks are those of the events. */
static void counts_are_those_of_events(void **state)
{
	static const bool only_forks[N_KINDS] = { [KIND_ID(process, fork)] = true, [KIND_ID(file, create)] = true };
	static const struct history_query queries[] = {
		{ 0 },
		{ .since_ns = 1000 + BLOCK_EVENTS / 2 },
		{ .until_ns = 1001 },
		{ .since_ns = 1000 + BLOCK_EVENTS / 2, .until_ns = 1000 + BLOCK_EVENTS * 3 + 5 },
		{ .since_ns = 1000 + BLOCK_EVENTS + 10, .until_ns = 1000 + BLOCK_EVENTS + 20 },
		{ .since_ns = UINT64_MAX },
		{ .categories = 1u << CATEGORY_process },
		{ .categories = 1u << CATEGORY_file | 1u << CATEGORY_dns, .since_ns = 3000 },
		{ .kinds = only_forks },
		{ .kinds = only_forks, .since_ns = 3000, .until_ns = 9000 },
	};
	struct place *place = *state;
	struct history *history;
	uint64_t all = 0;

	make(place);
	assert_int_equal(history_open(&history, place->file, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		uint64_t n = 0, expected = 0;

		assert_int_equal(history_events(history, &queries[i], note_number, &expected), 0);
		assert_int_equal(history_count(history, &queries[i], &n), 0);
		assert_int_equal(n, expected);
		all += n > 0;
	}
	assert_int_equal(all, ARRAY_SIZE(queries) - 1);
	history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_family_is_found, place_make, place_remove),
		cmocka_unit_test_setup_teardown(a_long_line_is_found, place_make, place_remove),
		cmocka_unit_test_setup_teardown(an_ancestor_is_what_it_became, place_make, place_remove),
		cmocka_unit_test_setup_teardown(without_sieves, place_make, place_remove),
		cmocka_unit_test_setup_teardown(in_part, place_make, place_remove),
		cmocka_unit_test_setup_teardown(counts_are_those_of_events, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
