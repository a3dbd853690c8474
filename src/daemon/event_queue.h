#pragma once
/* Events from the core to the writer: one producer, one consumer, bounded in number and bytes.  Nothing is let go of in here: what does
 * not fit waits, which fills the ring behind the core, and how full that is says what the core lets go of (pressure.h).  So a slow disk
 * never reaches the reader. */

#include "event/event.h"

struct event_queue;
int event_queue_new(struct event_queue **ret, uint32_t max_events, size_t max_bytes);
struct event_queue *event_queue_free(struct event_queue *queue);	/* with the events in it */

/* Takes the event, keeps it for the next flush; hands over by itself every few hundred. */
void event_queue_push(struct event_queue *queue, struct event *event);
/* The producer better waits now, if what it makes events of can wait: half full. */
bool event_queue_is_filling(const struct event_queue *queue);
/* A push may have to wait. */
bool event_queue_is_full(const struct event_queue *queue);
/* Hands over what was pushed if there is room, then waits until it is filling no more, or for so long. */
void event_queue_wait(struct event_queue *queue, uint64_t timeout_ns);
void event_queue_flush(struct event_queue *queue);	/* hands over what was pushed, and waits for room first */
void event_queue_offer(struct event_queue *queue);	/* the same, if there is room */
void event_queue_close(struct event_queue *queue);	/* flushes; the consumer sees the end */

/* The oldest events as a list by event->next, in order; NULL when none came in timeout_ns.  *ret_closed: there will be no
 * more. */
struct event *event_queue_take(struct event_queue *queue, uint64_t timeout_ns, bool *ret_closed);
/* The consumer has time: returns when so many events wait, or the queue is closed, or after so long. */
void event_queue_gather(struct event_queue *queue, uint32_t n, uint64_t timeout_ns);
/* Hands over what was pushed; a consumer that gathers has it at once.  By the producer. */
void event_queue_hurry(struct event_queue *queue);
/* The consumer has dealt with n events of a list, of together that many event_bytes(). */
void event_queue_done(struct event_queue *queue, uint32_t n, size_t bytes);

uint32_t event_queue_length(struct event_queue *queue);
uint32_t event_queue_waiting(struct event_queue *queue);	/* by the producer: with what was not handed over yet */
size_t event_queue_bytes(struct event_queue *queue);
