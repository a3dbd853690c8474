#pragma once
/* Digests of files that were read lately, by device and inode, and good as long as the file is of the same version.  Bounded: the one
 * that was asked for least lately goes. */

#include "base/buffer.h"
#include "source/digest.h"

struct digest_cache;

int digest_cache_new(struct digest_cache **ret, uint32_t max_entries);	/* at least one; 0 or -ENOMEM */
struct digest_cache *digest_cache_free(struct digest_cache *cache);
DEFINE_CLEANUP(struct digest_cache, digest_cache_free)
uint32_t digest_cache_size(const struct digest_cache *cache);

/* Borrowed until the next call of another function; NULL: that version is not known. */
const struct digest *digest_cache_find(struct digest_cache *cache, const struct file_stamp *version);
/* In the place of one of another version. */
void digest_cache_put(struct digest_cache *cache, const struct digest *digest);

/* To keep it over a restart: a version, the entries, the latest last, and a checksum of all that.  0 or -ENOMEM. */
int digest_cache_write(const struct digest_cache *cache, struct buffer *ret);
/* Puts what was written, as far as there is room.  0; -EBADMSG: it was altered or is cut, and nothing was put; -EPROTONOSUPPORT: it is
 * of another version of the recorder. */
int digest_cache_read(struct digest_cache *cache, struct span bytes);
