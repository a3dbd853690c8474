#pragma once
/* A BPF ring buffer as user space sees it: memory that the kernel writes and we read, without a system call.
 * Layout: kernel/bpf/ringbuf.c (a page for our place, a page for the kernel's, the data twice in a row); one reader. */

#include "base/span.h"

struct bpf_ring {
	int fd;
	size_t bytes;			/* a power of two */
	size_t page_bytes;
	void *consumer, *producer;	/* as mapped */
	uint64_t at;			/* our place, not yet told to the kernel */
	uint64_t end;			/* the kernel's, when it was last looked at */
};

int bpf_ring_open(struct bpf_ring *ring, size_t bytes);	/* makes the map; -errno */
void bpf_ring_close(struct bpf_ring *ring);		/* a zeroed or half-made one too */

/* The next record, 8-byte aligned, valid until bpf_ring_commit(); data NULL: none, or one that is still being written. */
struct span bpf_ring_peek(struct bpf_ring *ring);
void bpf_ring_pop(struct bpf_ring *ring);
/* Gives the kernel the room of what was popped. */
void bpf_ring_commit(struct bpf_ring *ring);
