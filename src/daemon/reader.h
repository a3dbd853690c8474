#pragma once
/* The reader thread: does nothing but receive from the kernel and copy into a ring. Nothing it calls can wait for
 * anybody but the kernel. */

#include <stdatomic.h>

#include "base/oldest.h"
#include "base/ring.h"
#include "daemon/pace.h"
#include "daemon/watchdog.h"
#include "event/schema.h"
#include "source/procfs.h"
#include "source/source.h"

/* A record in the ring: this, then its text. */
struct ring_record {
	uint64_t time_ns;
	uint32_t type;
	uint32_t size;
	char text[];
};

/* Copies a record into the ring, for whoever is its producer.  false: no room, counted by the ring. */
bool ring_push_record(struct ring *ring, const struct record *record);

/* Records that were left out since the ring was nearly full: what of it is left is for what is never let go of (kinds.def). */
struct reader_shed {
	_Atomic uint64_t records[N_CATEGORIES];
	struct oldest oldest;		/* when what they told of began */
};

struct reader_options {
	const struct source_ops *ops;
	struct source *source;		/* borrowed */
	struct ring *ring;		/* borrowed; the reader is its producer */
	struct reader_shed *shed;	/* counted in; borrowed, NULL: nothing is left out before the ring is full */
	struct procfs *procfs;		/* its processes are read first; borrowed, NULL: none */
	struct buffer *remembered;	/* texts of RECORD_REMEMBERED, a line each, that come before those; NULL: none.  Emptied by the reader, the
					 * caller's until then */
	uint64_t nap_ns;		/* pause between two looks when there is much */
	struct pacer *pacer;		/* told when it comes too late; borrowed, NULL: none */
	uint64_t gather_ns;		/* few records wait so long in the ring before its consumer is woken; 0: not at all */
};

struct reader;
int reader_start(struct reader **ret, const struct reader_options *options);
/* Takes what the kernel still has, then ends.  Returns NULL.  *ret_kept: 0, or -errno: what the kernel's programs had kept (writes
 * to files that are open) they could not tell. */
struct reader *reader_stop(struct reader *reader, int *ret_kept);
/* Waits until what the kernel had handed over before this call is in the ring, or for so long. */
void reader_catch_up(struct reader *reader, uint64_t timeout_ns);
void reader_set_nap(struct reader *reader, uint64_t nap_ns);	/* any thread */
void reader_pulse(const struct reader *reader, struct pulse *ret);	/* any thread */
/* An error of the source that ended the reader early, or 0. */
int reader_error(const struct reader *reader);
