#pragma once
/* Bounded hand-over of byte messages from one thread to one other, counting what it drops.
 *
 * DESIGN.  One producer, one consumer, lock-free: each owns its index, reads the other's. A message is
 * an 8-byte length, then its bytes, padded to 8; one that would wrap is put at the start and the rest of
 * the ring skipped. Order is the order of pushes. Full: the push fails at once and is counted, the producer
 * never waits (the kernel is behind it). The memory is virtual until touched and given back
 * (MADV_DONTNEED) by ring_trim() when the ring has been drained, so that a large ring costs an idle host
 * nothing. The consumer sleeps on a futex; the producer wakes it only if it sleeps. What it does not offer:
 * several producers or consumers, messages larger than half the ring. */

#include "base/span.h"

struct ring;

/* capacity_bytes: a power of two, at least 4096.  0, -EINVAL, -ENOMEM. */
int ring_new(struct ring **ret, size_t capacity_bytes);
struct ring *ring_free(struct ring *ring);

/* Producer.  Room for size bytes, NULL when full (counted as one dropped message).  kind: below RING_KINDS, what it is counted
 * as.  ring_commit() makes all
 * reserved so far visible; ring_wake() wakes a sleeping consumer (call once a batch).  ring_trim() gives the memory
 * back to the system if all of it has been read: call it when there is nothing to do. */
#define RING_KINDS 8
/* `spare` bytes are to be free behind it; what is refused for their sake is the caller's to count. */
void *ring_reserve_sparing(struct ring *ring, size_t size, unsigned kind, size_t spare);
static inline void *ring_reserve_of(struct ring *ring, size_t size, unsigned kind)
{
	return ring_reserve_sparing(ring, size, kind, 0);
}
static inline void *ring_reserve(struct ring *ring, size_t size)
{
	return ring_reserve_of(ring, size, 0);
}
void ring_commit(struct ring *ring);
void ring_wake(struct ring *ring);
void ring_trim(struct ring *ring);

/* Consumer.  ring_peek: the oldest message, {NULL, 0} when empty; valid until ring_pop.  ring_wait sleeps until
 * a message is there, ring_alert was called, or timeout_ns is over. */
struct span ring_peek(struct ring *ring);
void ring_pop(struct ring *ring);
void ring_wait(struct ring *ring, uint64_t timeout_ns);

/* Any thread.  ring_alert: the consumer's current or next ring_wait returns at once, whatever is in the ring. */
void ring_alert(struct ring *ring);
uint64_t ring_dropped(const struct ring *ring);		/* messages since ring_new */

struct ring_counts {			/* of messages by kind, since ring_new */
	uint64_t pushed[RING_KINDS], dropped[RING_KINDS];
	bool is_empty;			/* all that was pushed has been read, for certain */
};
/* By the consumer, between two messages. */
void ring_count(const struct ring *ring, struct ring_counts *ret);
/* Positions in the stream: what was committed when ring_written() said so has been read when ring_read() is as far. */
uint64_t ring_written(const struct ring *ring);
uint64_t ring_read(const struct ring *ring);
size_t ring_used_bytes(const struct ring *ring);
size_t ring_capacity_bytes(const struct ring *ring);
