#pragma once
/* Which name each address was last the answer to: a connection to it is named so, inferred.  Bounded: an address may take the place
 * of another.  Inside `track` only. */

#include "base/span.h"

struct resolved;

int resolved_new(struct resolved **ret);
struct resolved *resolved_free(struct resolved *resolved);
void resolved_clear(struct resolved *resolved);
/* Addresses are printed, as ip_text() does.  node: hash of the host that asked; 0: this one.
 * 0 or -ENOMEM. */
int resolved_learn(struct resolved *resolved, uint32_t node, struct span address, struct span name);
/* Borrowed until the next call of another function; empty: nobody asked. */
struct span resolved_find(const struct resolved *resolved, uint32_t node, struct span address);
