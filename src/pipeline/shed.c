/* See shed.h. */

#include "pipeline/shed.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pipeline/noise.h"

#define LOOK_NS	     NS_PER_SEC		/* between two looks whether it is noisy still */
#define FIND_NS	     (100 * NS_PER_MS)	/* between two looks who is, while nobody was */
#define TELL_NS	     (10 * NS_PER_SEC)	/* what is let go of for long is told so often */
#define RECORDER     SPAN("recorder")

/* Each ends at half of where it begins, so that what it brought about does not end it at once.  The classes go from half full on, the last
 * while there is still a sixteenth for what is never let go of. */
const struct shed_step_info shed_steps[N_SHED_STEPS] = {
	[SHED_NOTHING] = { "nothing", 0, 0 },
	[SHED_COALESCE] = { "coalesce", 250, 125 },
	[SHED_SOURCE] = { "source", 375, 187 },
	[SHED_CLASS] = { "file.read", 500, 250 },
	[SHED_CLASS + 1] = { "file.write", 562, 281 },
	[SHED_CLASS + 2] = { "image", 625, 312 },
	[SHED_CLASS + 3] = { "process.fork", 687, 343 },
	[SHED_CLASS + 4] = { "network", 750, 375 },
	[SHED_CLASS + 5] = { "dns", 812, 406 },
	[SHED_CLASS + 6] = { "file", 875, 437 },
};

const char *const shed_cause_names[N_SHED_CAUSES] = {
	[SHED_BY_RING] = "ring", [SHED_BY_MEMORY] = "memory",
};

enum unit { EVENTS, RECORDS, N_UNITS };
static const char *const unit_names[N_UNITS] = { "events", "records" };

/* What gaps tell of, by what let go of it. */
enum by { BY_SOURCE, BY_CLASS, N_BYS };
static const char *const gap_causes_of[N_BYS] = { "noisy_source", "queue_full" };

struct tally {
	uint64_t count, first_ns, last_ns;
	uint32_t numbers;		/* of the kinds: bit n for number n of the category */
};

struct shed {
	struct shed_stats stats;
	struct noise *noise;
	struct noise_source source;
	uint64_t source_count, source_ns;	/* let go of for it, since */
	struct tally tallies[N_BYS][N_UNITS][N_CATEGORIES];
	struct {
		uint64_t begin_ns, count;
		enum shed_cause cause;
	} steps[N_SHED_STEPS];
	uint64_t looked_ns, searched_ns;
	uint64_t told_ns;
	uint64_t n_told;
	bool has_untold;		/* some tally is not 0 */
	struct event *ready, *ready_end;
};

int shed_new(struct shed **ret)
{
	struct shed *shed = calloc(1, sizeof(*shed));
	int r = shed ? noise_new(&shed->noise) : -ENOMEM;

	if (r < 0) {
		free(shed);
		return r;
	}
	*ret = shed;
	return 0;
}

struct shed *shed_free(struct shed *shed)
{
	if (!shed)
		return NULL;
	noise_source_release(&shed->source);
	noise_free(shed->noise);
	while (shed->ready) {
		struct event *next = shed->ready->next;

		event_free(shed->ready);
		shed->ready = next;
	}
	free(shed);
	return NULL;
}

static void set_text(struct event *event, enum field field, const char *text)
{
	values_set_text(&event->values, field, span_of(text));
}

/* 0; -ENOMEM: it is as if nobody had said it. */
static int tell(struct shed *shed, struct event *event)
{
	if (!event || event->values.failed) {
		event_free(event);
		return -ENOMEM;
	}
	event->next = NULL;
	if (shed->ready)
		shed->ready_end->next = event;
	else
		shed->ready = event;
	shed->ready_end = event;
	return 0;
}

/* An event of ours, with what it has in common with a gap. */
static struct event *event_of(struct shed *shed, uint16_t kind, const char *code, uint64_t now_ns, const char *class, const char *cause)
{
	struct event *event = event_new(kind, now_ns);

	if (!event)
		return NULL;
	event->origin = ++shed->n_told;
	set_text(event, FIELD_code, code);
	values_set_text(&event->values, FIELD_source, RECORDER);
	set_text(event, FIELD_gap_class, class);
	set_text(event, FIELD_gap_cause, cause);
	return event;
}

static void set_span(struct event *event, uint64_t begin_ns, uint64_t end_ns, uint64_t count, const char *unit)
{
	values_set_number(&event->values, FIELD_gap_begin, begin_ns);
	values_set_number(&event->values, FIELD_gap_end, end_ns);
	values_set_number(&event->values, FIELD_gap_count, count);
	values_set_number(&event->values, FIELD_gap_exact, true);
	set_text(event, FIELD_gap_unit, unit);
}

static int _printf_(3, 4) tell_step(struct shed *shed, struct event *event, const char *format, ...)
{
	char message[NOISE_NAME_MAX + 128];
	va_list ap;

	if (!event)
		return -ENOMEM;
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	set_text(event, FIELD_message, message);
	return tell(shed, event);
}

/* "source: process 4711 (/bin/x)", or "read, write". */
static void set_what(const struct shed *shed, struct event *event, enum by by, enum category category, uint32_t numbers)
{
	char text[NOISE_NAME_MAX + 16];
	int n = 0;

	if (by == BY_SOURCE)
		n = snprintf(text, sizeof(text), "source: %s", shed->stats.source);
	for (unsigned i = 0; by == BY_CLASS && i < N_KINDS; i++)
		if (kinds[i].action && kinds[i].category == category && numbers >> kinds[i].number % 32 & 1 && (size_t)n < sizeof(text))
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%s", n > 0 ? ", " : "", kinds[i].action);
	if (n > 0)
		set_text(event, FIELD_message, text);
}

/* What was let go of since it was last told. */
static int tell_tally(struct shed *shed, enum by by, enum unit unit, enum category category, uint64_t now_ns)
{
	struct tally *tally = &shed->tallies[by][unit][category];
	struct event *event;
	int r;

	if (tally->count == 0)
		return 0;
	event = event_of(shed, KIND_ID(recorder, gap), "GAP", now_ns, categories[category].name, gap_causes_of[by]);
	if (!event)
		return -ENOMEM;
	set_span(event, tally->first_ns, tally->last_ns, tally->count, unit_names[unit]);
	set_what(shed, event, by, category, tally->numbers);
	r = tell(shed, event);
	if (r >= 0)
		*tally = (struct tally){ 0 };
	return r;
}

static int tell_by(struct shed *shed, enum by by, uint64_t now_ns)
{
	int r = 0;

	for (unsigned unit = 0; unit < N_UNITS; unit++)
		for (unsigned category = 0; category < N_CATEGORIES; category++)
			r = MIN(r, tell_tally(shed, by, unit, category, now_ns));
	return r;
}

static bool is_untold(const struct shed *shed)
{
	for (unsigned by = 0; by < N_BYS; by++)
		for (unsigned unit = 0; unit < N_UNITS; unit++)
			for (unsigned category = 0; category < N_CATEGORIES; category++)
				if (shed->tallies[by][unit][category].count > 0)
					return true;
	return false;
}

uint64_t shed_untold_ns(const struct shed *shed)
{
	const struct tally *tallies = &shed->tallies[0][0][0];
	uint64_t untold_ns = UINT64_MAX;

	for (unsigned i = 0; shed->has_untold && i < sizeof(shed->tallies) / sizeof(*tallies); i++)
		if (tallies[i].count > 0)
			untold_ns = MIN(untold_ns, tallies[i].first_ns);
	return untold_ns;
}

static struct event *source_event(struct shed *shed, uint64_t now_ns)
{
	struct event *event = event_of(shed, KIND_ID(recorder, throttle), "THROTTLE", now_ns, shed_steps[SHED_SOURCE].name,
				       shed_cause_names[shed->steps[SHED_SOURCE].cause]);

	if (event)
		values_set_number(&event->values, FIELD_gap_begin, shed->source_ns);
	return event;
}

/* The source is one like the others again.  Its numbers go with its name; without memory for them they wait, and so does the end. */
static int drop_source(struct shed *shed, uint64_t now_ns)
{
	struct event *event;
	int r = 0;

	if (!shed->source.context)
		return 0;
	if (tell_by(shed, BY_SOURCE, now_ns) < 0)
		return -ENOMEM;
	event = source_event(shed, now_ns);
	if (event)
		set_span(event, shed->source_ns, now_ns, shed->source_count, unit_names[EVENTS]);
	r = tell_step(shed, event, "%s is recorded whole again: of its events %llu were let go of", shed->stats.source,
		      (unsigned long long)shed->source_count);
	noise_source_release(&shed->source);
	shed->stats.source[0] = 0;
	return r;
}

static int choose_source(struct shed *shed, uint64_t now_ns)
{
	if (shed->source.context && noise_is_over(shed->noise, &shed->source) && drop_source(shed, now_ns) < 0)
		return -ENOMEM;
	if (shed->source.context || !noise_find(shed->noise, &shed->source))
		return 0;
	_Static_assert(sizeof(shed->stats.source) == NOISE_NAME_MAX, "a name");
	noise_source_name(&shed->source, shed->stats.source);
	shed->source_ns = now_ns;
	shed->source_count = 0;
	return tell_step(shed, source_event(shed, now_ns), "%s makes most: of its events only the numbers are told", shed->stats.source);
}

static int begin_step(struct shed *shed, const struct shed_change *change, uint64_t now_ns)
{
	const char *name = shed_steps[change->step].name;
	struct event *event = event_of(shed, KIND_ID(recorder, throttle), "THROTTLE", now_ns, name, shed_cause_names[change->cause]);
	int r;

	if (shed->stats.step == SHED_NOTHING) {
		noise_clear(shed->noise);
		shed->looked_ns = shed->told_ns = shed->searched_ns = now_ns;
	}
	shed->stats.step = change->step;
	shed->steps[change->step].begin_ns = now_ns;
	shed->steps[change->step].count = 0;
	shed->steps[change->step].cause = change->cause;
	if (event)
		values_set_number(&event->values, FIELD_gap_begin, now_ns);
	r = tell_step(shed, event, "step %d of %d begins, %s: %s at %u %%", change->step, N_SHED_STEPS - 1, name,
		      shed_cause_names[change->cause], (change->pressure + 5u) / 10);
	return change->step == SHED_SOURCE ? MIN(r, choose_source(shed, now_ns)) : r;
}

static int end_step(struct shed *shed, const struct shed_change *change, uint64_t now_ns)
{
	const char *name = shed_steps[change->step].name;
	uint64_t begin_ns = shed->steps[change->step].begin_ns, count = shed->steps[change->step].count;
	struct event *event = event_of(shed, KIND_ID(recorder, throttle), "THROTTLE", now_ns, name,
				       shed_cause_names[shed->steps[change->step].cause]);
	int r = 0, told;

	shed->stats.step = change->step - 1;
	if (change->step == SHED_SOURCE)
		r = drop_source(shed, now_ns);
	if (change->step == SHED_CLASS)
		r = tell_by(shed, BY_CLASS, now_ns);
	if (event)
		set_span(event, begin_ns, now_ns, count, unit_names[EVENTS]);
	told = tell_step(shed, event, "step %d of %d ends, %s: %llu events %s", change->step, N_SHED_STEPS - 1, name,
			 (unsigned long long)count, change->step == SHED_COALESCE ? "were told together with others" : "were let go of");
	return MIN(r, told);
}

int shed_change(struct shed *shed, const struct shed_change *change, uint64_t now_ns)
{
	if (change->begins)
		return change->step > shed->stats.step ? begin_step(shed, change, now_ns) : 0;
	return change->step == shed->stats.step ? end_step(shed, change, now_ns) : 0;
}

enum shed_step shed_step(const struct shed *shed)
{
	return shed->stats.step;
}

static bool let_go(struct shed *shed, uint16_t kind, struct context *context, uint64_t time_ns, enum unit unit)
{
	unsigned class = kinds[kind].shed;
	enum category category = kinds[kind].category;
	enum shed_step step;
	struct tally *tally;
	enum by by;

	if (class == 0)
		return false;
	if (unit == EVENTS)	/* a record that is kept becomes one */
		noise_add(shed->noise, context);
	if (shed->stats.step >= SHED_SOURCE && shed->source.context && noise_is_of(&shed->source, context)) {
		by = BY_SOURCE;
		step = SHED_SOURCE;
		shed->source_count++;
	} else if (SHED_CLASS + class - 1 <= shed->stats.step) {
		by = BY_CLASS;
		step = SHED_CLASS + class - 1;
	} else {
		return false;
	}
	tally = &shed->tallies[by][unit][category];
	tally->first_ns = tally->count > 0 ? MIN(tally->first_ns, time_ns) : time_ns;
	tally->last_ns = MAX(tally->last_ns, time_ns);
	tally->count++;
	shed->has_untold = true;
	tally->numbers |= UINT32_C(1) << kinds[kind].number % 32;
	shed->steps[step].count++;
	if (unit == RECORDS)
		noise_add(shed->noise, context);
	(unit == EVENTS ? shed->stats.events : shed->stats.records)[category]++;
	return true;
}

bool shed_event(struct shed *shed, const struct event *event)
{
	return unlikely(shed->stats.step > SHED_NOTHING) && let_go(shed, event->kind, event->context, event_begin_ns(event), EVENTS);
}

bool shed_record(struct shed *shed, uint16_t kind, struct context *context, uint64_t time_ns)
{
	return shed->stats.step >= SHED_SOURCE && let_go(shed, kind, context, time_ns, RECORDS);
}

void shed_merged(struct shed *shed)
{
	if (likely(shed->stats.step < SHED_COALESCE))
		return;
	shed->stats.merged++;
	shed->steps[SHED_COALESCE].count++;
}

/* What nobody had memory for is told with the next look. */
static void look(struct shed *shed, uint64_t now_ns)
{
	bool is_time = now_ns - shed->looked_ns >= LOOK_NS;

	if (shed->stats.step >= SHED_SOURCE && (is_time || (!shed->source.context && now_ns - shed->searched_ns >= FIND_NS))) {
		shed->searched_ns = now_ns;
		(void)choose_source(shed, now_ns);
	}
	if (is_time) {
		shed->looked_ns = now_ns;
		noise_halve(shed->noise);
	}
}

struct event *shed_take(struct shed *shed, uint64_t now_ns)
{
	struct event *event;
	bool all = now_ns == UINT64_MAX;
	uint64_t at_ns = all ? MAX(shed->told_ns, shed->looked_ns) : now_ns;

	if (shed->stats.step > SHED_NOTHING && !all)
		look(shed, now_ns);
	/* Also what there was no memory for when the step ended. */
	if (shed->has_untold && (all || now_ns - shed->told_ns >= TELL_NS)) {
		shed->told_ns = at_ns;
		(void)tell_by(shed, BY_SOURCE, at_ns);
		(void)tell_by(shed, BY_CLASS, at_ns);
		shed->has_untold = is_untold(shed);
	}
	event = shed->ready;
	if (!event)
		return NULL;
	shed->ready = TAKE(event->next);
	return event;
}

uint64_t shed_next_ns(const struct shed *shed)
{
	if (shed->ready)
		return 0;
	return shed->has_untold && is_untold(shed) ? shed->told_ns + TELL_NS : UINT64_MAX;
}

void shed_follow_back(struct shed *shed, uint64_t now_ns)
{
	shed->looked_ns = shed->told_ns = shed->searched_ns = now_ns;
}

const struct shed_stats *shed_stats(const struct shed *shed)
{
	return &shed->stats;
}

/* The record */

void shed_change_write(struct buffer *text, const struct shed_change *change, uint64_t now_ns)
{
	record_put_head(text, now_ns, 0);
	buffer_printf(text, " step=%s begins=%d cause=%s pressure=%u", shed_steps[change->step].name, change->begins,
		      shed_cause_names[change->cause], change->pressure);
}

/* The number of a name; n: there is none. */
static unsigned number_of(struct span name, const void *names, size_t stride, unsigned n)
{
	unsigned i = 0;

	while (i < n && !span_eq(name, span_of(*(const char *const *)(const void *)((const char *)names + i * stride))))
		i++;
	return i;
}

int shed_change_read(struct shed_change *ret, struct span body)
{
	unsigned step = N_SHED_STEPS, cause = N_SHED_CAUSES;
	uint64_t begins = UINT64_MAX, pressure = 0;

	while (body.size > 0) {
		struct span value = span_take(&body, ' '), key = span_take(&value, '=');

		if (span_eq(key, SPAN("step")))
			step = number_of(value, &shed_steps[0].name, sizeof(shed_steps[0]), N_SHED_STEPS);
		else if (span_eq(key, SPAN("cause")))
			cause = number_of(value, shed_cause_names, sizeof(shed_cause_names[0]), N_SHED_CAUSES);
		else if ((span_eq(key, SPAN("begins")) && span_to_u64(value, &begins) < 0) ||
			 (span_eq(key, SPAN("pressure")) && span_to_u64(value, &pressure) < 0))
			return -EINVAL;
	}
	if (step == SHED_NOTHING || step >= N_SHED_STEPS || cause >= N_SHED_CAUSES || begins > 1 || pressure > UINT16_MAX)
		return -EINVAL;
	*ret = (struct shed_change){ (enum shed_step)step, begins == 1, (enum shed_cause)cause, (uint16_t)pressure };
	return 0;
}
