/* See digest_cache.h.  Places in one array, found by a table of chains, in a ring by when they were asked for. */

#include "source/digest_cache.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define NONE UINT32_MAX

struct entry {
	struct digest digest;
	uint32_t next;			/* of its chain */
	uint32_t older, newer;
};

struct digest_cache {
	struct entry *entries;
	uint32_t *chains;		/* n_chains, a power of two */
	uint32_t n_chains, n, max;
	uint32_t oldest, newest;
};

int digest_cache_new(struct digest_cache **ret, uint32_t max_entries)
{
	_cleanup_(digest_cache_freep) struct digest_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->max = MAX(max_entries, 1u);
	for (cache->n_chains = 16; cache->n_chains < cache->max && cache->n_chains < 1u << 20;)
		cache->n_chains *= 2;
	cache->entries = calloc(cache->max, sizeof(*cache->entries));
	cache->chains = malloc(cache->n_chains * sizeof(*cache->chains));
	if (!cache->entries || !cache->chains)
		return -ENOMEM;
	memset(cache->chains, 0xff, cache->n_chains * sizeof(*cache->chains));
	cache->oldest = cache->newest = NONE;
	*ret = TAKE(cache);
	return 0;
}

struct digest_cache *digest_cache_free(struct digest_cache *cache)
{
	if (!cache)
		return NULL;
	free(cache->entries);
	free(cache->chains);
	free(cache);
	return NULL;
}

uint32_t digest_cache_size(const struct digest_cache *cache)
{
	return cache->n;
}

static uint32_t *chain_of(const struct digest_cache *cache, const struct file_stamp *version)
{
	const uint64_t key[] = { version->device, version->inode };

	return &cache->chains[span_hash((struct span){ (const char *)key, sizeof(key) }, 0) & (cache->n_chains - 1)];
}

static uint32_t find(const struct digest_cache *cache, const struct file_stamp *version)
{
	uint32_t at = *chain_of(cache, version);

	while (at != NONE && (cache->entries[at].digest.version.inode != version->inode ||
			      cache->entries[at].digest.version.device != version->device))
		at = cache->entries[at].next;
	return at;
}

static void take_out(struct digest_cache *cache, uint32_t at)
{
	const struct entry *entry = &cache->entries[at];

	*(entry->older == NONE ? &cache->oldest : &cache->entries[entry->older].newer) = entry->newer;
	*(entry->newer == NONE ? &cache->newest : &cache->entries[entry->newer].older) = entry->older;
}

static void put_newest(struct digest_cache *cache, uint32_t at)
{
	struct entry *entry = &cache->entries[at];

	entry->older = cache->newest;
	entry->newer = NONE;
	*(cache->newest == NONE ? &cache->oldest : &cache->entries[cache->newest].newer) = at;
	cache->newest = at;
}

static void unchain(struct digest_cache *cache, uint32_t at)
{
	uint32_t *link = chain_of(cache, &cache->entries[at].digest.version);

	while (*link != at)
		link = &cache->entries[*link].next;
	*link = cache->entries[at].next;
}

const struct digest *digest_cache_find(struct digest_cache *cache, const struct file_stamp *version)
{
	uint32_t at = find(cache, version);

	if (at == NONE || !file_stamp_is(&cache->entries[at].digest.version, version))
		return NULL;
	take_out(cache, at);
	put_newest(cache, at);
	return &cache->entries[at].digest;
}

void digest_cache_put(struct digest_cache *cache, const struct digest *digest)
{
	uint32_t at = find(cache, &digest->version), *chain;

	if (at != NONE) {
		take_out(cache, at);
	} else {
		if (cache->n < cache->max) {
			at = cache->n++;
		} else {
			at = cache->oldest;
			take_out(cache, at);
			unchain(cache, at);
		}
		chain = chain_of(cache, &digest->version);
		cache->entries[at].next = *chain;
		*chain = at;
	}
	cache->entries[at].digest = *digest;
	put_newest(cache, at);
}

/* Bytes: MAGIC, number of entries: u32, entries, SHA-256 of all before.  Numbers are little-endian. */

#define MAGIC SPAN("recorder digests 2\n")
#define CHECK_BYTES 32
#define N_NUMBERS 5
#define ENTRY_BYTES (N_NUMBERS * 8 + 4 + DIGEST_HEADER + 16 + 20 + 32 + 1 + TLSH_TEXT)

static void put_number(struct buffer *out, uint64_t number, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		buffer_append_byte(out, (char)(number >> (8 * i)));
}

static uint64_t take_number(const char **at, unsigned size)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < size; i++)
		number |= (uint64_t)(unsigned char)(*at)[i] << (8 * i);
	*at += size;
	return number;
}

static void put_entry(struct buffer *out, const struct digest *digest)
{
	const struct file_stamp *v = &digest->version;
	const uint64_t numbers[N_NUMBERS] = { v->device, v->inode, v->size, v->mtime_ns, v->ctime_ns };

	for (size_t i = 0; i < N_NUMBERS; i++)
		put_number(out, numbers[i], 8);
	put_number(out, digest->state, 1);
	put_number(out, digest->header_size, 1);
	put_number(out, digest->entropy, 2);
	buffer_append(out, digest->header, sizeof(digest->header));
	buffer_append(out, digest->md5, sizeof(digest->md5));
	buffer_append(out, digest->sha1, sizeof(digest->sha1));
	buffer_append(out, digest->sha256, sizeof(digest->sha256));
	put_number(out, digest->is_fuzzy, 1);
	buffer_append(out, digest->tlsh, TLSH_TEXT);
}

static void take_bytes(const char **at, void *to, size_t size)
{
	memcpy(to, *at, size);
	*at += size;
}

static bool take_entry(const char **at, struct digest *ret)
{
	struct file_stamp *v = &ret->version;
	uint64_t *const numbers[N_NUMBERS] = { &v->device, &v->inode, &v->size, &v->mtime_ns, &v->ctime_ns };

	for (size_t i = 0; i < N_NUMBERS; i++)
		*numbers[i] = take_number(at, 8);
	ret->state = (uint8_t)take_number(at, 1);
	ret->header_size = (uint8_t)take_number(at, 1);
	ret->entropy = (uint16_t)take_number(at, 2);
	take_bytes(at, ret->header, sizeof(ret->header));
	take_bytes(at, ret->md5, sizeof(ret->md5));
	take_bytes(at, ret->sha1, sizeof(ret->sha1));
	take_bytes(at, ret->sha256, sizeof(ret->sha256));
	ret->is_fuzzy = take_number(at, 1);
	take_bytes(at, ret->tlsh, TLSH_TEXT);
	ret->tlsh[TLSH_TEXT] = 0;
	return ret->state < N_DIGEST_STATES && ret->header_size <= DIGEST_HEADER;
}

static int checksum(struct span bytes, unsigned char ret[static EVP_MAX_MD_SIZE])
{
	return EVP_Digest(bytes.data, bytes.size, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int digest_cache_write(const struct digest_cache *cache, struct buffer *ret)
{
	unsigned char check[EVP_MAX_MD_SIZE];
	size_t begin = ret->size;
	int r;

	buffer_append_span(ret, MAGIC);
	put_number(ret, cache->n, 4);
	for (uint32_t at = cache->oldest; at != NONE; at = cache->entries[at].newer)
		put_entry(ret, &cache->entries[at].digest);
	r = buffer_error(ret);
	if (r == 0)
		r = checksum((struct span){ ret->data + begin, ret->size - begin }, check);
	if (r < 0)
		return r;
	buffer_append(ret, check, CHECK_BYTES);
	return buffer_error(ret);
}

int digest_cache_read(struct digest_cache *cache, struct span bytes)
{
	const struct span magic = MAGIC;
	unsigned char check[EVP_MAX_MD_SIZE];
	struct digest digest;
	const char *at;
	uint64_t n;
	int r;

	if (bytes.size < magic.size + 4 + CHECK_BYTES)
		return -EBADMSG;
	r = checksum((struct span){ bytes.data, bytes.size - CHECK_BYTES }, check);
	if (r < 0)
		return r;
	if (memcmp(check, bytes.data + bytes.size - CHECK_BYTES, CHECK_BYTES) != 0)
		return -EBADMSG;
	if (!span_starts(bytes, magic))
		return -EPROTONOSUPPORT;
	at = bytes.data + magic.size;
	n = take_number(&at, 4);
	if (n * ENTRY_BYTES != bytes.size - magic.size - 4 - CHECK_BYTES)
		return -EBADMSG;
	while (n-- > 0)
		if (take_entry(&at, &digest))
			digest_cache_put(cache, &digest);
	return 0;
}
