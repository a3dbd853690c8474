#pragma once
/* The writer thread: takes events from the queue, gives them to the sinks that want them and to those who watch. */

#include "daemon/event_queue.h"
#include "daemon/tap.h"
#include "daemon/watchdog.h"
#include "event/event_json.h"
#include "sink/sink.h"

#define MAX_SINKS 64

struct writer_sink {
	const struct sink_ops *ops;
	struct sink *sink;		/* owned by the writer from writer_start on */
	uint64_t streams;		/* bits of the streams that go there */
	bool is_journal;
};

struct writer_options {
	struct event_queue *queue;	/* borrowed */
	struct taps *taps;		/* borrowed */
	struct event_json_options json;	/* for the taps */
	struct writer_sink sinks[MAX_SINKS];
	size_t n_sinks;
	uint64_t drain_ns;		/* PersistenceQueueDrainIntervalMs */
	uint64_t alive_ns;		/* an idle writer says this often that it lives (StatusUpdateInterval) */
};

struct writer_stats {
	uint64_t stored, journaled;
	uint64_t lost;			/* events a sink could not take */
	int last_error;			/* -errno of the latest failure, 0: none since it worked again */
	unsigned removed;		/* databases that somebody removed: a new one was begun each time */
};

struct writer;
int writer_start(struct writer **ret, const struct writer_options *options);
/* The queue was closed: everything is written, the sinks are closed.  *ret: how it ended, may be NULL.  Returns NULL. */
struct writer *writer_stop(struct writer *writer, struct writer_stats *ret);
/* Any thread. */
void writer_set_intervals(struct writer *writer, uint64_t drain_ns, uint64_t alive_ns);
void writer_stats(struct writer *writer, struct writer_stats *ret);
void writer_pulse(struct writer *writer, struct pulse *ret);
