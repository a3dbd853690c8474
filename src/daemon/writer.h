#pragma once
/* The writer thread: takes events from the queue, gives them to the sinks that want them and to those who watch. */

#include "daemon/event_queue.h"
#include "daemon/pace.h"
#include "daemon/tap.h"
#include "daemon/watchdog.h"
#include "event/event_json.h"
#include "pipeline/balance.h"
#include "sink/sink.h"

#define MAX_SINKS 65			/* the database, a journal of each stream, that of the signals */

struct writer_sink {
	const struct sink_ops *ops;
	struct sink *sink;		/* owned by the writer from writer_start on */
	uint64_t streams;		/* bits of the streams that go there */
	bool is_journal;

	/* The writer's own, of this sink: */
	uint64_t refused;		/* events it did not take */
	uint64_t held;			/* of them, see SINK_HELD */
	int last_error;			/* 0: it works */
	int upkeep_error;		/* of its report, as last told */
	bool wrote, refused_some;	/* in this batch */
	uint64_t n_lost;		/* as counted last */
};

/* What the streams are from a certain event on. */
struct writer_routes {
	struct event *mark;		/* that event; written nowhere */
	/* Of all sinks from then on, those that the writer has already and those that are opened for it.  Others it closes. */
	struct writer_sink sinks[MAX_SINKS];
	struct sink_options limits[MAX_SINKS];	/* of journals, as they are from then on */
	size_t n_sinks;
};

struct writer_options {
	struct event_queue *queue;	/* borrowed */
	struct taps *taps;		/* borrowed */
	struct pacer *pacer;		/* borrowed; NULL: none */
	struct event_json_options json;	/* for the taps */
	struct writer_sink sinks[MAX_SINKS];
	size_t n_sinks;
	uint64_t drain_ns;		/* PersistenceQueueDrainIntervalMs */
	uint64_t alive_ns;		/* an idle writer says this often that it lives (StatusUpdateInterval) */
};

struct writer_stats {
	uint64_t stored, journaled;
	uint64_t lost;			/* events that the database could not take */
	uint64_t held;			/* of them those that it had no room for (SINK_HELD) */
	int last_error;			/* of the database: -errno of the latest failure, 0: none since it worked again */
	uint64_t journal_lost;		/* events that a journal could not take, once for each */
	int journal_error;		/* as last_error, of a journal */
	char journal_path[512];		/* of that journal */
	struct sink_head head, closed_head;	/* of the database, see sink.h */
	uint64_t events[N_CATEGORIES][N_EVENT_TERMS];	/* what became of those that were taken from the queue */
	unsigned removed;		/* databases that somebody removed: a new one was begun each time */
	unsigned damaged;		/* databases that were damaged, also before it began: the same */
	char damaged_path[512];		/* where the last of them is now */
};

struct writer;
int writer_start(struct writer **ret, const struct writer_options *options);
/* The queue was closed: everything is written, the sinks are closed.  *ret: how it ended, may be NULL.  Returns NULL. */
struct writer *writer_stop(struct writer *writer, struct writer_stats *ret);
/* Any thread.  Taken over when the mark comes, after which it has what it needs of them; not before the ones before were. */
void writer_expect(struct writer *writer, const struct writer_routes *routes);
bool writer_is_expecting(const struct writer *writer);
void writer_set_database(struct writer *writer, const struct database_limits *limits);
/* When the oldest event happened that could not be stored since this was asked last.  UINT64_MAX: all could. */
uint64_t writer_oldest_lost(struct writer *writer);
/* Whatever is missing of the time before has been told of, and what told it is stored. */
void writer_set_whole(struct writer *writer, uint64_t whole_ns);
void writer_set_intervals(struct writer *writer, uint64_t drain_ns, uint64_t alive_ns);
/* Batches and commits are so much further apart; 100: as they were. */
void writer_stretch(struct writer *writer, unsigned percent);
void writer_stats(struct writer *writer, struct writer_stats *ret);
/* By the producer of the queue: what became of the events that the queue was given, and how many wait. */
void writer_add_to(struct writer *writer, struct balance *balance);
void writer_pulse(struct writer *writer, struct pulse *ret);
