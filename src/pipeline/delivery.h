#pragma once
/* What becomes of an event whose process is known: it waits for hashes that a subscription asks for, the filter says who wants it,
 * signals are set off, what repeats is collated, and the rest is handed over.  In order. */

#include "pipeline/pipeline.h"
#include "pipeline/shed.h"

struct delivery;
/* All borrowed; options may change, what becomes of events is counted in the balance.  0 or -ENOMEM. */
int delivery_new(struct delivery **ret, const struct pipeline_options *options, struct balance *balance,
		 const struct tracker *tracker, pipeline_fn emit, void *user);
struct delivery *delivery_free(struct delivery *delivery);
DEFINE_CLEANUP(struct delivery, delivery_free)

void delivery_set_times(struct delivery *delivery, const struct pipeline_times *times);
/* options->filter is another. */
void delivery_follow_filter(struct delivery *delivery);

/* A step begins or ends (shed.h).  0 or -ENOMEM. */
int delivery_shed(struct delivery *delivery, const struct shed_change *change, uint64_t now_ns);
int delivery_end_steps(struct delivery *delivery, uint64_t now_ns);	/* all that have begun */
void delivery_follow_back(struct delivery *delivery, uint64_t now_ns);
/* true: a record is let go of, of which such an event of that process would be made; it is counted. */
bool delivery_lets_go(struct delivery *delivery, uint16_t kind, struct context *context, uint64_t time_ns);
bool delivery_is_shedding(const struct delivery *delivery);
size_t delivery_bytes(const struct delivery *delivery);	/* of what waits for the end of a window, or for hashes */
uint64_t delivery_untold_ns(const struct delivery *delivery);	/* as in struct pipeline_stats */
const struct shed_stats *delivery_shed_stats(const struct delivery *delivery);

/* Takes the event.  0, or what emit returned, or -ENOMEM. */
int delivery_event(struct delivery *delivery, struct event *event, uint64_t now_ns);
/* What has waited long enough goes on; all: the rest too.  1: there was something; else as above. */
int delivery_release(struct delivery *delivery, uint64_t now_ns, bool all);
/* When to release next; UINT64_MAX: nothing waits. */
uint64_t delivery_next_ns(const struct delivery *delivery);
uint64_t delivery_waiting(const struct delivery *delivery);	/* events, now */
