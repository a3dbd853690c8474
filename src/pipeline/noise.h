#pragma once
/* Who makes most of the events: of each sort of source those that make more than a 32nd are known, by counts that are halved now and
 * then (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005).  Bounded; the same
 * events give the same answers. */

#include "event/context.h"

enum noise_sort { NOISE_PROCESS, NOISE_PROGRAM, NOISE_USER, NOISE_UNIT, NOISE_CONTAINER, N_NOISE_SORTS };

struct noise_source {
	enum noise_sort sort;
	struct context *context;	/* of one of its processes, a reference; NULL: there is no source */
};

struct noise;
int noise_new(struct noise **ret);
struct noise *noise_free(struct noise *noise);
void noise_add(struct noise *noise, struct context *context);	/* an event; NULL: of nobody that is known */
void noise_halve(struct noise *noise);				/* what was so far counts half */
void noise_clear(struct noise *noise);

/* The narrowest source that makes at least half of all: the one that makes least of these, of equal ones the first sort.  false: there
 * is none.  *ret is the caller's. */
bool noise_find(const struct noise *noise, struct noise_source *ret);
/* It makes less than a quarter by now. */
bool noise_is_over(const struct noise *noise, const struct noise_source *source);
bool noise_is_of(const struct noise_source *source, const struct context *context);
void noise_source_release(struct noise_source *source);
#define NOISE_NAME_MAX 256
/* "process 4711 (/usr/bin/x)", "user 1000 (anna)", ... */
void noise_source_name(const struct noise_source *source, char ret[static NOISE_NAME_MAX]);
