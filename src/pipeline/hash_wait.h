#pragma once
/* Events that wait, in order, for the hashes that a subscription asks for.  Bounded in number, bytes and time. */

#include "event/event.h"

#define HASH_WAIT_MAX 8192u		/* events; of more the oldest wait no longer */

struct hash_wait;
int hash_wait_new(struct hash_wait **ret, size_t max_bytes);
struct hash_wait *hash_wait_free(struct hash_wait *wait);

/* Takes the event, behind the others.  0 or -ENOMEM (it is freed). */
int hash_wait_put(struct hash_wait *wait, struct event *event, uint64_t now_ns);
/* The oldest, which stays; NULL: none waits. */
struct event *hash_wait_first(const struct hash_wait *wait);
/* Since when that has waited; UINT64_MAX: none does. */
uint64_t hash_wait_since_ns(const struct hash_wait *wait);
bool hash_wait_is_full(const struct hash_wait *wait);
size_t hash_wait_bytes(const struct hash_wait *wait);
uint64_t hash_wait_count(const struct hash_wait *wait);
/* Taken out. */
struct event *hash_wait_take(struct hash_wait *wait);
