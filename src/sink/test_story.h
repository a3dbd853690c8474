#pragma once
/* For tests: a story of numbered events of all kinds is written to a database, whatever befalls that, and read back. Each event
 * tells its number and has a process of many events, so that what is forgotten or mixed up shows. */

#include "sink/history.h"
#include "sink/test_sink.h"

#define STORY_TIME UINT64_C(1732271338000000000)
#ifndef STORY_MAX
#define STORY_MAX 200000		/* events */
#endif
#define STORY_CONTEXTS 50
#define STORY_PER_CONTEXT 20		/* events in a row of one process */

enum { STORY_REFUSED, STORY_ACCEPTED, STORY_COMMITTED };

struct story {
	uint64_t n;			/* events so far: their numbers are 0 to n - 1 */
	uint64_t n_accepted;
	uint8_t fate[STORY_MAX], found[STORY_MAX];
	uint64_t n_found, last_sequence;
	uint64_t n_gaps;		/* found, which the sink told */
};

static inline struct context *story_context(uint64_t number)
{
	static struct context *contexts[STORY_CONTEXTS];
	unsigned i = (unsigned)(number / STORY_PER_CONTEXT % STORY_CONTEXTS);

	if (!contexts[i])
		contexts[i] = fill_context(i * 1000, FILL_PLAIN, i % 3);
	return contexts[i];
}

/* Rows of a database that is closed. */
static inline void story_forget_rows(void)
{
	for (unsigned i = 0; i < STORY_CONTEXTS; i++)
		for (struct context *c = story_context(i * STORY_PER_CONTEXT); c; c = c->parent)
			c->row = 0;
}

static inline void story_path(uint64_t number, char ret[static 64])
{
	snprintf(ret, 64, "/var/folder%u/name%u", (unsigned)(number / 7 % 90), (unsigned)number);
}

static inline struct event *story_event(uint64_t number)
{
	struct event *event = event_new((uint16_t)(number % N_KINDS), STORY_TIME + number);
	char path[64];

	assert_non_null(event);
	story_path(number, path);
	if (fields[FIELD_path].categories >> event_category(event) & 1)
		values_set_text(&event->values, FIELD_path, span_of(path));
	event->origin = number << 8;
	event->context = context_ref(story_context(number));
	return event;
}

/* The next event: 0 or what the sink says. */
static inline int story_write(struct story *story, struct sink *sink)
{
	struct event *event = story_event(story->n);
	int r = sink_database.write(sink, event);

	event_free(event);
	assert_true(story->n < STORY_MAX);
	story->fate[story->n++] = r == 0 ? STORY_ACCEPTED : STORY_REFUSED;
	story->n_accepted += r == 0;
	return r;
}

static inline void assert_same_text(const struct context *a, const struct context *b, enum field field)
{
	struct span x = values_text(&a->values, field), y = values_text(&b->values, field);

	assert_int_equal(x.size, y.size);
	assert_memory_equal(x.data, y.data, x.size);
}

static inline int story_find(void *user, const struct event *event)
{
	struct story *story = user;
	uint64_t number = event->time_ns - STORY_TIME;
	const struct context *context = event->context, *written;
	char path[64];

	if (number >= story->n && event->kind == KIND_ID(recorder, gap)) {
		story->n_gaps++;
		return 0;
	}
	assert_true(number < story->n);
	assert_int_equal(event->kind, number % N_KINDS);
	assert_int_equal(event->origin, number << 8);
	assert_true(event->sequence > story->last_sequence);
	story->last_sequence = event->sequence;
	story_path(number, path);
	if (fields[FIELD_path].categories >> event_category(event) & 1) {
		struct span found = values_text(&event->values, FIELD_path);

		assert_int_equal(found.size, strlen(path));
		assert_memory_equal(found.data, path, found.size);
	}
	for (written = story_context(number); written; written = written->parent, context = context->parent) {
		assert_non_null(context);
		assert_int_equal(context->pid, written->pid);
		assert_same_text(context, written, FIELD_executable);
		assert_same_text(context, written, FIELD_command_line);
		assert_same_text(context, written, FIELD_user_name);
	}
	assert_null(context);
	assert_int_equal(story->found[number]++, 0);
	story->n_found++;
	return 0;
}

/* What is in the file: each event once, as it was written, none that was refused, all that were committed. */
static inline void story_read(struct story *story, const char *path)
{
	struct history *history;
	struct history_stats stats;
	struct history_error error;

	memset(story->found, 0, story->n);
	story->n_found = story->n_gaps = story->last_sequence = 0;
	if (history_open(&history, path, &error) < 0)
		fail_msg("%s", error.message);
	assert_int_equal(history_events(history, &(struct history_query){ 0 }, story_find, story), 0);
	for (uint64_t i = 0; i < story->n; i++) {
		if (story->fate[i] == STORY_REFUSED)
			assert_int_equal(story->found[i], 0);
		if (story->fate[i] == STORY_COMMITTED)
			assert_int_equal(story->found[i], 1);
	}
	assert_int_equal(history_stats(history, &stats), 0);
	assert_int_equal(stats.events, story->n_found + story->n_gaps);
	history_free(history);
	assert_text(path, "PRAGMA integrity_check", "ok");
}

/* The latter half alone, which is found by what is kept of blocks of events. */
static inline void story_read_late(struct story *story, const char *path)
{
	uint64_t n_late = 0;
	struct history *history;
	struct history_query query = { .since_ns = STORY_TIME + story->n / 2 };

	for (uint64_t i = story->n / 2; i < story->n; i++) {
		n_late += story->found[i];
		story->found[i] = 0;
	}
	story->n_found = story->last_sequence = 0;
	assert_int_equal(history_open(&history, path, NULL), 0);
	assert_int_equal(history_events(history, &query, story_find, story), 0);
	assert_int_equal(story->n_found, n_late);
	history_free(history);
}
