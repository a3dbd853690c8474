#pragma once
/* Which records were handed on last.  Who goes over from one socket of audit to another gets some by both. */

#include "event/record.h"

#define RECENT_MAX 16384u		/* a second of a storm */

struct recent {
	uint64_t *marks;		/* made by the first record */
	size_t n;			/* ever added */
	uint64_t *held;			/* the first since recent_hold(), with those that were recent then */
	size_t n_held, max_held;
	bool is_closed;
};

/* Without memory it is forgotten, and may be told twice. */
void recent_add(struct recent *recent, const struct record *record);
/* From now on the next `max` are known besides, however many follow: what the kernel keeps for an audit daemon that is to come are the
 * first since the last has gone (kernel/audit.c, kauditd_hold_skb).  0: no more. */
void recent_hold(struct recent *recent, size_t max);
/* Nothing is added any more, from now on it is asked. */
void recent_close(struct recent *recent);
bool recent_has(const struct recent *recent, const struct record *record);
void recent_release(struct recent *recent);
