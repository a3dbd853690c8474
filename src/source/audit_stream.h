#pragma once
/* The records of the kernel's audit in the order in which they come, whatever way: which serials never came, and gaps. */

#include "source/serial.h"
#include "source/source.h"

struct audit_stream {
	uint64_t last_ns;		/* stamp of the newest record; gaps begin here */
	uint64_t n_gaps;
	char head[48];			/* `audit(...:SERIAL` of the record before */
	size_t head_size;
	struct serial_tracker serials;
};

/* The time that a record says of itself.  false: it says none. */
bool audit_stream_time(struct span text, uint64_t *ret_ns);
/* 0, or what emit returned: of gaps. received_ns: since 1970, when it was taken. */
int audit_stream_push(struct audit_stream *stream, struct source_stats *stats, struct span text, uint64_t received_ns, record_fn emit,
		      void *user);
/* Nothing came. */
int audit_stream_tick(struct audit_stream *stream, struct source_stats *stats, uint64_t received_ns, record_fn emit, void *user);
/* By another way from here on: it counts where that one ended. */
void audit_stream_take_over(struct audit_stream *next, const struct audit_stream *stream);
int audit_stream_gap(struct audit_stream *stream, const struct gap *gap, uint64_t received_ns, record_fn emit, void *user);
