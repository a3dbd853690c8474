#pragma once
/* An event in the making: the records that share one serial, as they came. */

#include "event/record.h"

struct draft_record {
	uint32_t type;
	const char *data;		/* after `audit(...): `; in the draft's own memory or stable */
	uint32_t size;
};

enum draft_end {
	DRAFT_COMPLETE,			/* its end was seen, or nothing more can belong to it */
	DRAFT_TIMED_OUT,		/* nothing more came */
	DRAFT_FORCED,			/* too many at once: released early */
};

struct draft {
	uint64_t time_ns;		/* of the records: since 1970 */
	uint64_t serial;
	struct span node;
	enum draft_end end;
	bool end_seen;			/* EOE came */
	struct draft_record *records;
	uint32_t n_records;
	uint32_t n_dropped;		/* records beyond the bounds, not kept */
};
