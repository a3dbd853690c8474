/* See ring.h for the design. */

#include "base/ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/macro.h"

#define HEADER sizeof(uint64_t)
#define SKIP UINT64_MAX			/* instead of a length: the next message is at the start */
#define TRIM_BYTES (1u << 20)		/* less than this is not worth a system call */
#define REWIND_BYTES (1u << 20)		/* from here on an empty ring begins anew at its start, whose memory is there already */
#define LINE 64				/* what producer and consumer write must not share a cache line */

enum consumer_state { AWAKE, SLEEPING, ALERTED };

struct ring {
	char *data;
	size_t capacity;

	_Alignas(LINE) uint64_t write_reserved;	/* producer: end of what is reserved */
	uint64_t read_seen;			/* producer: read index when last looked at */
	uint64_t trimmed;			/* producer: write index at the last trim */
	bool is_first;				/* producer: of this batch: the consumer may have caught up */
	/* Producer publishes: odd from the first message of a batch to its end, so that who reads the counts knows whether they are
	 * as of what is there to be read. */
	_Alignas(LINE) atomic_uint batch;
	atomic_ullong pushed_of[RING_KINDS], dropped_of[RING_KINDS];
	/* Producer publishes, with `written`: the ring was empty there, and goes on at its start. The consumer has gone on
	 * itself before there can be a next time. */
	_Alignas(LINE) atomic_ullong rewound_from;
	atomic_ullong rewound_to;
	_Alignas(LINE) atomic_ullong written;	/* producer publishes */
	_Alignas(LINE) atomic_ullong read;	/* consumer publishes */
	uint64_t written_seen;
	_Alignas(LINE) atomic_uint state;	/* enum consumer_state, the futex */
};

int ring_new(struct ring **ret, size_t capacity_bytes)
{
	struct ring *ring;

	if (capacity_bytes < 4096 || capacity_bytes & (capacity_bytes - 1))
		return -EINVAL;
	ring = aligned_alloc(LINE, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	memset(ring, 0, sizeof(*ring));
	ring->capacity = capacity_bytes;
	ring->rewound_from = UINT64_MAX;
	ring->data = mmap(NULL, capacity_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ring->data == MAP_FAILED) {
		free(ring);
		return -ENOMEM;
	}
	*ret = ring;
	return 0;
}

struct ring *ring_free(struct ring *ring)
{
	if (!ring)
		return NULL;
	munmap(ring->data, ring->capacity);
	free(ring);
	return NULL;
}

static uint64_t *header_at(struct ring *ring, uint64_t index)
{
	return (uint64_t *)(void *)(ring->data + (index & (ring->capacity - 1)));
}

/* From where on there is something that may still be read: a rewind leaves nothing behind it. */
static uint64_t read_index(const struct ring *ring)
{
	struct ring *r = (struct ring *)(uintptr_t)ring;
	uint64_t read = atomic_load_explicit(&r->read, memory_order_acquire);

	return read == atomic_load_explicit(&r->rewound_from, memory_order_acquire)
		       ? atomic_load_explicit(&r->rewound_to, memory_order_relaxed)
		       : read;
}

/* All of the ring is free: were its rest skipped as at a wrap, only what lies before here would be, until the consumer comes. */
static uint64_t rewind_to_start(struct ring *ring, uint64_t at)
{
	uint64_t to = at + ring->capacity - (at & (ring->capacity - 1));

	atomic_store_explicit(&ring->rewound_to, to, memory_order_relaxed);
	atomic_store_explicit(&ring->rewound_from, at, memory_order_release);
	ring->write_reserved = ring->read_seen = to;
	return to;
}

/* The only one who writes it; who reads it has seen the batch begin. */
static void count(atomic_ullong *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_release);
}

static void begin_batch(struct ring *ring)
{
	unsigned batch = atomic_load_explicit(&ring->batch, memory_order_relaxed);

	if (!(batch & 1))
		atomic_store(&ring->batch, batch + 1);
}

void *ring_reserve_sparing(struct ring *ring, size_t size, unsigned kind, size_t spare)
{
	size_t need = HEADER + ((size + 7) & ~(size_t)7);
	uint64_t at = ring->write_reserved;
	size_t to_end, skip;

	begin_batch(ring);
	if (size > ring->capacity / 2 - HEADER - 8)
		goto full;
	if (ring->is_first) {
		ring->is_first = false;
		if ((at & (ring->capacity - 1)) >= REWIND_BYTES &&
		    atomic_load_explicit(&ring->read, memory_order_acquire) == at)
			at = rewind_to_start(ring, at);
	}
	to_end = ring->capacity - (at & (ring->capacity - 1));
	skip = need > to_end ? to_end : 0;
	if (at + skip + need + spare - ring->read_seen > ring->capacity) {
		ring->read_seen = read_index(ring);
		if (at + skip + need + spare - ring->read_seen > ring->capacity)
			goto full;
	}
	if (skip) {
		*header_at(ring, at) = SKIP;
		at += skip;
	}
	*header_at(ring, at) = size;
	ring->write_reserved = at + need;
	count(&ring->pushed_of[kind]);
	return ring->data + (at & (ring->capacity - 1)) + HEADER;
full:
	if (spare == 0)
		count(&ring->dropped_of[kind]);
	return NULL;
}

void ring_commit(struct ring *ring)
{
	atomic_store_explicit(&ring->written, ring->write_reserved, memory_order_seq_cst);
	ring->is_first = true;
	if (atomic_load_explicit(&ring->batch, memory_order_relaxed) & 1)
		atomic_fetch_add(&ring->batch, 1);
}

static long futex(atomic_uint *word, int op, unsigned value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

void ring_wake(struct ring *ring)
{
	unsigned expected = SLEEPING;

	/* seq_cst with ring_wait: either the consumer sees what was written, or we see that it sleeps. */
	if (atomic_load(&ring->state) == SLEEPING && atomic_compare_exchange_strong(&ring->state, &expected, AWAKE))
		futex(&ring->state, FUTEX_WAKE, 1, NULL);
}

void ring_alert(struct ring *ring)
{
	if (atomic_exchange(&ring->state, ALERTED) == SLEEPING)
		futex(&ring->state, FUTEX_WAKE, 1, NULL);
}

struct span ring_peek(struct ring *ring)
{
	uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
	uint64_t *header;

	for (;;) {
		if (at == ring->written_seen) {
			ring->written_seen = atomic_load_explicit(&ring->written, memory_order_acquire);
			if (at == ring->written_seen)
				return (struct span){ NULL, 0 };
		}
		if (at == atomic_load_explicit(&ring->rewound_from, memory_order_relaxed)) {
			at = atomic_load_explicit(&ring->rewound_to, memory_order_relaxed);
			atomic_store_explicit(&ring->read, at, memory_order_release);
			continue;
		}
		header = header_at(ring, at);
		if (*header != SKIP)
			break;
		at += ring->capacity - (at & (ring->capacity - 1));
		atomic_store_explicit(&ring->read, at, memory_order_release);
	}
	return (struct span){ (const char *)(header + 1), (size_t)*header };
}

void ring_pop(struct ring *ring)
{
	uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
	uint64_t size = *header_at(ring, at);

	atomic_store_explicit(&ring->read, at + HEADER + ((size + 7) & ~UINT64_C(7)), memory_order_release);
}

void ring_wait(struct ring *ring, uint64_t timeout_ns)
{
	struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / NS_PER_SEC),
				    .tv_nsec = (long)(timeout_ns % NS_PER_SEC) };
	unsigned expected = AWAKE;

	if (atomic_compare_exchange_strong(&ring->state, &expected, SLEEPING) &&
	    atomic_load(&ring->read) == atomic_load(&ring->written))
		futex(&ring->state, FUTEX_WAIT, SLEEPING, timeout_ns == UINT64_MAX ? NULL : &timeout);
	atomic_store(&ring->state, AWAKE);
}

void ring_trim(struct ring *ring)
{
	/* Only the producer writes, and it is here: an empty ring stays empty, the consumer touches nothing. */
	if (ring->write_reserved - ring->trimmed < TRIM_BYTES ||
	    atomic_load_explicit(&ring->read, memory_order_acquire) != ring->write_reserved)
		return;
	madvise(ring->data, ring->capacity, MADV_DONTNEED);
	ring->trimmed = ring->write_reserved;
}

uint64_t ring_dropped(const struct ring *ring)
{
	struct ring *r = (struct ring *)(uintptr_t)ring;
	uint64_t sum = 0;

	for (unsigned i = 0; i < RING_KINDS; i++)
		sum += atomic_load_explicit(&r->dropped_of[i], memory_order_relaxed);
	return sum;
}

void ring_count(const struct ring *ring, struct ring_counts *ret)
{
	struct ring *r = (struct ring *)(uintptr_t)ring;
	unsigned batch = atomic_load(&r->batch);

	for (unsigned i = 0; i < RING_KINDS; i++) {
		ret->pushed[i] = atomic_load(&r->pushed_of[i]);
		ret->dropped[i] = atomic_load(&r->dropped_of[i]);
	}
	ret->is_empty = ring_used_bytes(ring) == 0 && !(batch & 1) && atomic_load(&r->batch) == batch;
}

uint64_t ring_written(const struct ring *ring)
{
	return atomic_load(&((struct ring *)(uintptr_t)ring)->written);
}

uint64_t ring_read(const struct ring *ring)
{
	return atomic_load(&((struct ring *)(uintptr_t)ring)->read);
}

size_t ring_used_bytes(const struct ring *ring)
{
	uint64_t read = read_index(ring), written = ring_written(ring);

	return written > read ? (size_t)(written - read) : 0; /* a rewind may not be committed yet */
}

size_t ring_capacity_bytes(const struct ring *ring)
{
	return ring->capacity;
}
