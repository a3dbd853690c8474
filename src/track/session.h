#pragma once
/* Login sessions: what is known of one holds for all its processes, those that came before it was known and those that are met
 * later.  By the number that the kernel's audit gives each (`ses`), which begins anew with each boot.  Bounded: of more than
 * SESSIONS_MAX at a time the older are forgotten, and their processes keep what they have.  Inside `track` only. */

#include "event/context.h"

#define SESSIONS_MAX 1024

struct sessions;

int sessions_new(struct sessions **ret);
struct sessions *sessions_free(struct sessions *sessions);
void sessions_clear(struct sessions *sessions);
/* The host was booted: its numbers begin anew. */
void sessions_clear_node(struct sessions *sessions, uint32_t node);

/* A session of that number begins: nothing is known of it. */
void sessions_begin(struct sessions *sessions, uint32_t node, uint32_t ses);
/* The process was given the login at that time.  What is known for sure stays; is_sure: that it was this one. */
void sessions_open(struct sessions *sessions, uint32_t node, uint32_t ses, const struct context *leader, uint64_t time_ns, bool is_sure);
/* Where the login came from: 4 or 16 bytes; none: nothing is said. */
void sessions_come_from(struct sessions *sessions, uint32_t node, uint32_t ses, struct span ip);
/* A process that ran already when it was first seen: of a session that nobody saw begin the one that began first is the leader. */
void sessions_meet(struct sessions *sessions, uint32_t node, const struct context *context);
/* A process that knows its session from before: what it knows for sure holds for those that the session has now. */
void sessions_remember(struct sessions *sessions, uint32_t node, const struct context *context);

/* Counts up whenever more is known of any. */
uint32_t sessions_generation(const struct sessions *sessions);
/* What the context does not know of its session, or not as surely. */
bool sessions_know_more(const struct sessions *sessions, uint32_t node, const struct context *context);
/* The same into the context, which nobody else has yet. */
void sessions_fill(const struct sessions *sessions, uint32_t node, struct context *context);
