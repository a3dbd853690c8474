#pragma once
/* Who last touched which definition of a service or task (event/definition.h): what has become of it is told later, by an event that
 * has no process of its own.  Bounded: of more than DEFINITIONS_MAX the one touched least lately is forgotten.  Inside `track` only. */

#include "event/event.h"

#define DEFINITIONS_MAX 256

struct definitions;
int definitions_new(struct definitions **ret);
struct definitions *definitions_free(struct definitions *definitions);
void definitions_clear(struct definitions *definitions);

/* 0 or -ENOMEM. */
int definitions_touch(struct definitions *definitions, struct span path, struct context *context, uint64_t time_ns);
/* Who that was; NULL: nobody is known.  Borrowed. */
struct context *definitions_toucher(const struct definitions *definitions, struct span path);

/* The paths that an event of a file changes: of the definitions among them fn is told.  0, or what fn returned if < 0. */
int definitions_of(const struct event *event, int (*fn)(void *user, struct span path), void *user);
