/* See bpf_ring.h.  libbpf's own reader takes one ring after the other; ours are taken together, in the order of their
 * records' times, for which one has to look at a record before taking it. */

#include "source/bpf_ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macro.h"

#define RECORD_HEAD 8u

static uint64_t place(const void *page)
{
	return __atomic_load_n((const uint64_t *)page, __ATOMIC_ACQUIRE);
}

int bpf_ring_open(struct bpf_ring *ring, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	*ring = (struct bpf_ring){ .fd = -1, .bytes = bytes, .page_bytes = page };
	ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "recorder", 0, 0, (uint32_t)bytes, NULL);
	if (ring->fd < 0)
		return -errno;
	ring->consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	ring->producer = ring->consumer == MAP_FAILED ? MAP_FAILED :
			 mmap(NULL, page + 2 * bytes, PROT_READ, MAP_SHARED, ring->fd, (off_t)page);
	if (ring->producer == MAP_FAILED) {
		int r = -errno;

		bpf_ring_close(ring);
		return r;
	}
	return 0;
}

void bpf_ring_close(struct bpf_ring *ring)
{
	if (ring->consumer && ring->consumer != MAP_FAILED)
		munmap(ring->consumer, ring->page_bytes);
	if (ring->producer && ring->producer != MAP_FAILED)
		munmap(ring->producer, ring->page_bytes + 2 * ring->bytes);
	if (ring->bytes > 0 && ring->fd >= 0)
		close(ring->fd);
	*ring = (struct bpf_ring){ .fd = -1 };
}

static const char *record_at(const struct bpf_ring *ring)
{
	return (const char *)ring->producer + ring->page_bytes + (ring->at & (ring->bytes - 1));
}

static uint32_t head_at(const struct bpf_ring *ring)
{
	return __atomic_load_n((const uint32_t *)(const void *)record_at(ring), __ATOMIC_ACQUIRE);
}

static void skip(struct bpf_ring *ring, uint32_t head)
{
	uint32_t size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

	ring->at += (size + RECORD_HEAD + 7) / 8 * 8;
}

/* While there is a record the kernel's place is left alone: a processor that is writing records would have to fetch it back each time. */
static bool has_more(struct bpf_ring *ring)
{
	if (ring->at >= ring->end)
		ring->end = place(ring->producer);
	return ring->at < ring->end;
}

struct span bpf_ring_peek(struct bpf_ring *ring)
{
	while (has_more(ring)) {
		uint32_t head = head_at(ring);

		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(head & BPF_RINGBUF_DISCARD_BIT))
			return (struct span){ record_at(ring) + RECORD_HEAD, head };
		skip(ring, head);
	}
	return (struct span){ NULL, 0 };
}

void bpf_ring_pop(struct bpf_ring *ring)
{
	skip(ring, head_at(ring));
}

void bpf_ring_commit(struct bpf_ring *ring)
{
	__atomic_store_n((uint64_t *)ring->consumer, ring->at, __ATOMIC_RELEASE);
}
