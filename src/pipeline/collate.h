#pragma once
/* Reads and writes that one process does to one file again and again: the first two are events at once; of those that follow them
 * within the window one event tells, when the window is over or the process does something else, how many they were, and of which
 * time the first and the last.  So what a process did to its files comes in the order in which it did it, but for reads and writes
 * among themselves.
 *
 * Alike is what is the same in all fields but the size of the file and what has been written to it; nothing else is ever left
 * out. Time is that of the pipeline, as an argument, so that a replay tells the same. What is kept is bounded: what has no place
 * goes on by itself. */

#include "event/event.h"

#define COLLATE_MAX 16384u		/* windows that are open at a time */

struct collate;
int collate_new(struct collate **ret, size_t max_bytes);	/* of the events that wait for the end of a window */
struct collate *collate_free(struct collate *collate);
void collate_set_window(struct collate *collate, uint64_t window_ns);	/* 0: nothing is collated */

size_t collate_bytes(const struct collate *collate);	/* of those */
/* There is more than can be dealt with: windows are longer, and one event alone is told by itself. */
void collate_set_harder(struct collate *collate, bool harder);

/* 0: it goes on; 1: it is kept, to be told later, and the caller's no more; 2: it was counted, and is freed. */
int collate_event(struct collate *collate, struct event *event, uint64_t now_ns);
/* What waits of the process of an event that is about to be told; NULL: nothing (more). */
struct event *collate_take_before(struct collate *collate, const struct event *event);
/* The next event to be told at that time; UINT64_MAX: all windows are over.  NULL: none (more). */
struct event *collate_take(struct collate *collate, uint64_t now_ns);
uint64_t collate_count(const struct collate *collate);	/* events that wait */
/* When the oldest of them came, or earlier; UINT64_MAX: none waits. */
uint64_t collate_kept_ns(const struct collate *collate);
/* When something may be told; UINT64_MAX: there is nothing. */
uint64_t collate_next_ns(const struct collate *collate);
