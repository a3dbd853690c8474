#pragma once
/* What became of each record and of each event: the terms of two equations that close at any moment.
 *
 *	records of an origin:	received = decoded + used + malformed + lost by cause + waiting
 *	events of a category:	made = own + merged + filtered_out + lost by cause + emitted + waiting
 *				emitted = stored + journals_only + unstored + lost by cause + waiting
 *
 * Each stage counts a term where the record or the event ends, and nobody counts what is left over: it must be what waits, which is
 * counted apart, by those with whom it waits.  So a record that ends nowhere, or twice, shows. */

#include <stdint.h>

#include "event/record.h"
#include "event/schema.h"

/* Where a record comes from, as its type says. */
enum balance_origin {
	ORIGIN_EBPF,			/* our programs in the kernel */
	ORIGIN_AUDIT,			/* the kernel's audit, by netlink, by auditd's plugin or from a file */
	ORIGIN_CONNECTOR,		/* the process connector */
	ORIGIN_PROC,			/* /proc, what is remembered of before, and in a capture other answers of the host */
	ORIGIN_HASHER,			/* files that were looked at */
	ORIGIN_OWN,			/* gaps, notes */
	N_ORIGINS,
};

enum record_term {
	RECORDS_RECEIVED,
	RECORDS_DECODED,
	RECORDS_USED,			/* for what is known of the host or the run: no event comes of them */
	RECORDS_MALFORMED,
	RECORDS_RING_FULL,		/* the ring had no room */
	RECORDS_SHED,			/* let go of before anything was made of them */
	RECORDS_TOO_MANY,		/* of one draft */
	RECORDS_NO_MEMORY,
	RECORDS_LET_GO,			/* there was no time at the stop */
	N_RECORD_TERMS,
};

enum event_term {
	EVENTS_MADE,
	EVENTS_OWN,			/* of the recorder itself */
	EVENTS_MERGED,			/* said nothing new, or are counted in another */
	EVENTS_FILTERED_OUT,		/* nobody wants them */
	EVENTS_NO_MEMORY,
	EVENTS_SHED,			/* let go of */
	EVENTS_EMITTED,			/* by the pipeline; all below is what became of them */
	EVENTS_STORED,			/* in the database */
	EVENTS_JOURNALS_ONLY,		/* not meant for the database */
	EVENTS_UNSTORED,		/* meant for nobody: marks between the threads */
	EVENTS_NOT_STORED,		/* the database failed */
	EVENTS_HELD,			/* it had no room, see SINK_HELD */
	EVENTS_THINNED,			/* let go of to take less of the processors */
	N_EVENT_TERMS,
};

struct balance {
	uint64_t records[N_ORIGINS][N_RECORD_TERMS];
	uint64_t events[N_CATEGORIES][N_EVENT_TERMS];
	/* What waits, counted where it does. */
	uint64_t records_waiting, events_waiting, emitted_waiting;
	bool records_uncertain;		/* a ring is being written to just now: its part of records_waiting is what is left over */
	bool has_sinks;			/* what became of emitted events is counted too */
};

/* Names as in the status: "decoded", "lost.ring". */
extern const char *const balance_origin_names[N_ORIGINS];
extern const char *const balance_record_names[N_RECORD_TERMS];
extern const char *const balance_event_names[N_EVENT_TERMS];

enum balance_origin balance_origin(uint32_t record_type);
/* What of the first term is in none of the others; < 0: more ended than there was. */
int64_t balance_records_left(const struct balance *balance, enum balance_origin origin);
int64_t balance_events_left(const struct balance *balance, enum category category);	/* before they were emitted */
int64_t balance_emitted_left(const struct balance *balance, enum category category);	/* and after */
uint64_t balance_records_sum(const struct balance *balance, enum record_term term);
uint64_t balance_events_sum(const struct balance *balance, enum event_term term);	/* without signals */

/* "1234 records received: 1200 decoded, 34 lost.ring; 900 events made: ...", of all origins and categories; what is 0 is left out. */
void balance_text(const struct balance *balance, struct buffer *ret);

/* Does it close?  In `why`, which is empty then, what does not. */
#define BALANCE_WHY_MAX 160
bool balance_closes(const struct balance *balance, char why[static BALANCE_WHY_MAX]);
/* A balance that does not close is a fault of ours.  Where the build is one that looks for faults (sanitizers), this is the end. */
void balance_demand(const struct balance *balance, char why[static BALANCE_WHY_MAX]);
