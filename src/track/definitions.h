#pragma once
/* Who last touched which definition of a service or task (event/definition.h), or file of accounts (event/account.h): what has become of it
 * is told later, by an event that has no process of its own.  Bounded: of more than DEFINITIONS_MAX the one touched least lately is
 * forgotten.  Inside `track` only. */

#include "event/event.h"

#define DEFINITIONS_MAX 256

struct definitions;
int definitions_new(struct definitions **ret);
struct definitions *definitions_free(struct definitions *definitions);
void definitions_clear(struct definitions *definitions);

/* What was touched later by another stays his.  0 or -ENOMEM. */
int definitions_touch(struct definitions *definitions, struct span path, struct context *context, uint64_t time_ns);
/* Who that was; NULL: nobody is known.  Borrowed. */
struct context *definitions_toucher(const struct definitions *definitions, struct span path);

/* The paths that an event changes: of those among them that are watched fn is told; of all the files of accounts, where a program says by an
 * audit record that it changed one.  0, or what fn returned if < 0. */
int definitions_of(const struct event *event, int (*fn)(void *user, struct span path), void *user);
