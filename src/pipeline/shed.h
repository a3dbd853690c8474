#pragma once
/* What is done when more comes than can be dealt with: steps, each on top of those before it.  Which step is in force the core decides
 * by what waits for it (daemon/pressure.h) and says by a record, RECORD_THROTTLE; what a step does follows from the records alone, so a
 * capture of such a run gives the same rows.
 *
 * First what repeats is told together for longer (collate.h).  Then the one source that makes half of all or more is summarised: of its
 * events that may be let go of (`shed` in kinds.def) only their numbers are told, and the rest stays whole.  Then class by class goes, in
 * the order of kinds.def.  What is never let go of is not touched by any step.  Each step's begin and end is an event recorder.throttle,
 * which has the fields of a gap: class is the step's name, cause the pressure's, count what it let go of or merged.  What was let go of is a
 * gap of its class, which names the source if there was one. */

#include "base/buffer.h"
#include "event/event.h"
#include "event/record.h"

#define N_SHED_CLASSES 7		/* highest `shed` in kinds.def */

enum shed_step {
	SHED_NOTHING,
	SHED_COALESCE,
	SHED_SOURCE,
	SHED_CLASS,			/* the first class, one more with each step from here */
	N_SHED_STEPS = SHED_CLASS + N_SHED_CLASSES,
};

/* What there was too much of, or too little. */
enum shed_cause { SHED_BY_RING, SHED_BY_MEMORY, N_SHED_CAUSES };

struct shed_step_info {
	const char *name;
	uint16_t begin, end;		/* thousandths of the pressure: it begins at the one, and ends below the other */
};
extern const struct shed_step_info shed_steps[N_SHED_STEPS];
extern const char *const shed_cause_names[N_SHED_CAUSES];

struct shed_change {
	enum shed_step step;
	bool begins;			/* else it ends, and the one before is in force */
	enum shed_cause cause;
	uint16_t pressure;		/* thousandths */
};

/* The text of a RECORD_THROTTLE. */
void shed_change_write(struct buffer *text, const struct shed_change *change, uint64_t now_ns);
int shed_change_read(struct shed_change *ret, struct span body);	/* 0 or -EINVAL */

struct shed_stats {
	enum shed_step step;
	uint64_t events[N_CATEGORIES];	/* let go of */
	uint64_t records[N_CATEGORIES];	/* let go of before anything was made of them */
	uint64_t merged;		/* told together with others though they would not have been without a step */
	char source[256];		/* that is summarised; empty: none */
};

struct shed;
int shed_new(struct shed **ret);
struct shed *shed_free(struct shed *shed);
/* 0 or -ENOMEM: then it is in force, but not told. */
int shed_change(struct shed *shed, const struct shed_change *change, uint64_t now_ns);
enum shed_step shed_step(const struct shed *shed);
/* true: an event of that kind and process, or the record that it would be made of, is let go of, and counted. */
bool shed_event(struct shed *shed, const struct event *event);
bool shed_record(struct shed *shed, uint16_t kind, struct context *context, uint64_t time_ns);
void shed_merged(struct shed *shed);	/* an event was told with others */
/* What is to be told by then; UINT64_MAX: all.  NULL: nothing (more). */
struct event *shed_take(struct shed *shed, uint64_t now_ns);
uint64_t shed_next_ns(const struct shed *shed);
/* When the oldest happened that was let go of and not told; UINT64_MAX: all is told. */
uint64_t shed_untold_ns(const struct shed *shed);
void shed_follow_back(struct shed *shed, uint64_t now_ns);	/* the clock was set back */
const struct shed_stats *shed_stats(const struct shed *shed);
