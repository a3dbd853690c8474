#pragma once
/* Remembers which id was given to what: a bounded map from a 64-bit key to a 64-bit value.
 *
 * The key is a hash of the text. Two texts with one key would make the history tell of the wrong file, and
 * names of files are chosen by whoever is being recorded; so the hash is one with a secret key (base/sip.h). */

#include "base/span.h"
#include "base/macro.h"

struct id_cache;

/* capacity: entries, a power of two, at least 8.  0, -EINVAL, -ENOMEM. */
int id_cache_new(struct id_cache **ret, size_t capacity);
struct id_cache *id_cache_free(struct id_cache *cache);
DEFINE_CLEANUP(struct id_cache, id_cache_free)

/* 0: not there.  Values are never 0. */
uint64_t id_cache_get(struct id_cache *cache, uint64_t key);
/* Replaces what the key had; when there is no room something that was not asked for lately goes. */
void id_cache_put(struct id_cache *cache, uint64_t key, uint64_t value);
void id_cache_remove(struct id_cache *cache, uint64_t key);
void id_cache_clear(struct id_cache *cache);
