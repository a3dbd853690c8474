#pragma once
/* Signals that were set off lately, and the events that tell of them.
 *
 * The first hit of a process image and a signal is an event at once. Those that follow it within the window are counted, and
 * told by one more event when the window is over; the counts of all events of a signal add up to its hits. Time is that of
 * the pipeline, as an argument, so that a replay tells the same. What is kept is bounded: what began first then ends early. */

#include "event/event.h"
#include "filter/filter.h"

#define SIGNALS_WINDOW_NS (60 * NS_PER_SEC)
#define SIGNALS_MAX 4096u		/* windows that are open at a time */

struct signals;
int signals_new(struct signals **ret, size_t max_bytes);	/* of the events that wait for the end of a window */
size_t signals_bytes(const struct signals *signals);		/* of those */
struct signals *signals_free(struct signals *signals);
void signals_set_window(struct signals *signals, uint64_t window_ns);

/* An event, borrowed, that has its context, set off a signal, of which nothing is kept but copies.  0; -ENOMEM: as if it had not. */
int signals_hit(struct signals *signals, const struct stream *signal, const struct event *event, uint64_t now_ns);
/* The next event to be told at that time, for the caller to free; UINT64_MAX: all windows are over.  NULL: none (more). */
struct event *signals_take(struct signals *signals, uint64_t now_ns);
/* When the oldest window is over; UINT64_MAX: there is none. */
uint64_t signals_next_ns(const struct signals *signals);
