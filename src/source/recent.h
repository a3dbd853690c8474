#pragma once
/* Which records were handed on last.  Who goes over from one socket of audit to another gets some by both. */

#include "event/record.h"

#define RECENT_MAX 16384u		/* a second of a storm, and all that the kernel keeps for an audit daemon that is to come */

struct recent {
	uint64_t *marks;		/* made by the first record */
	size_t n;			/* ever added */
	bool is_closed;
};

/* Without memory it is forgotten, and may be told twice. */
void recent_add(struct recent *recent, const struct record *record);
/* Nothing is added any more, from now on it is asked. */
void recent_close(struct recent *recent);
bool recent_has(const struct recent *recent, const struct record *record);
void recent_release(struct recent *recent);
