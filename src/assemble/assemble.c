/* See assemble.h.
 *
 * Every open draft is in a hash table by its key and in a list in order of its first record. A draft whose end was
 * seen moves to the list of complete ones at once; the others leave from the head of the first list, so that what
 * has no end record comes out in order. The draft handed out last is kept until the next call and its memory used
 * again: in the steady state nothing is allocated.
 *
 * A file without end records keeps thousands of drafts open, which no cache near the processor holds. Therefore what
 * most drafts need lies in one piece, the buckets of successive serials are neighbours, and what leaves next is
 * fetched while the one before is decoded. */

#include "assemble/assemble.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define MAX_RECORDS 1024		/* of one draft; an exec with 2 MiB of arguments has about 300 */
#define MAX_DRAFT_BYTES (16u << 20)
#define MAX_FREE 64			/* drafts kept for later use */
#define KEEP_BYTES (64u << 10)		/* a draft with more memory than this is not kept for later */
#define N_BUCKETS 8192
#define OWN_RECORDS 4			/* of a draft without other memory: a denial with its call, an open */
#define OWN_BYTES 640
#define CACHE_LINE 64

struct list {
	struct node *first, *last;
};

struct node {
	struct draft draft;		/* what the caller sees */
	struct node *chain;		/* same bucket, or free */
	struct node *newer, *older;
	uint64_t hash;
	uint64_t number;		/* drafts begun before this one */
	uint64_t begun_ns, last_ns;	/* stream time of its first and last record */
	bool may_end;
	uint32_t records_capacity;
	/* The bodies that are not stable: in `own`, then in blocks. Records point into them, so they never move. */
	uint32_t own_size;
	struct block *blocks;
	size_t n_bytes;
	char *node_name;
	struct draft_record own_records[OWN_RECORDS];
	char own[OWN_BYTES];
};

struct block {
	struct block *older;
	size_t size, capacity;
	char data[];
};

struct assembler {
	struct assembler_options options;
	struct assembler_stats stats;
	struct node *buckets[N_BUCKETS];
	struct list open, complete;
	struct node *last;		/* of the latest record: most records follow one of the same draft */
	struct node *handed_out;
	struct node *free;
	unsigned n_free;
	uint32_t n_open;
};

int assembler_new(struct assembler **ret, const struct assembler_options *options)
{
	struct assembler *assembler = calloc(1, sizeof(*assembler));

	if (!assembler)
		return -ENOMEM;
	assembler->options = *options;
	*ret = assembler;
	return 0;
}

static void list_append(struct list *list, struct node *node)
{
	node->older = list->last;
	node->newer = NULL;
	if (list->last)
		list->last->newer = node;
	else
		list->first = node;
	list->last = node;
}

static void list_remove(struct list *list, struct node *node)
{
	if (node->older)
		node->older->newer = node->newer;
	else
		list->first = node->newer;
	if (node->newer)
		node->newer->older = node->older;
	else
		list->last = node->older;
	node->older = node->newer = NULL;
}

static void node_destroy(struct node *node)
{
	while (node->blocks) {
		struct block *older = node->blocks->older;

		free(node->blocks);
		node->blocks = older;
	}
	if (node->draft.records != node->own_records)
		free(node->draft.records);
	free(node->node_name);
	free(node);
}

static void list_destroy(struct list *list)
{
	while (list->first) {
		struct node *node = list->first;

		list_remove(list, node);
		node_destroy(node);
	}
}

static void node_recycle(struct assembler *assembler, struct node *node)
{
	assembler->stats.bytes -= node->n_bytes;
	if (assembler->n_free >= MAX_FREE || node->n_bytes > KEEP_BYTES || node->records_capacity > 64 ||
	    (node->blocks && node->blocks->older)) {
		node_destroy(node);
		return;
	}
	if (node->blocks)
		node->blocks->size = 0;
	free(node->node_name);
	node->node_name = NULL;
	node->chain = assembler->free;
	assembler->free = node;
	assembler->n_free++;
}

struct assembler *assembler_free(struct assembler *assembler)
{
	if (!assembler)
		return NULL;
	list_destroy(&assembler->open);
	list_destroy(&assembler->complete);
	if (assembler->handed_out)
		node_destroy(assembler->handed_out);
	while (assembler->free) {
		struct node *next = assembler->free->chain;

		node_destroy(assembler->free);
		assembler->free = next;
	}
	free(assembler);
	return NULL;
}

void assembler_set_timeout(struct assembler *assembler, uint64_t timeout_ns)
{
	assembler->options.timeout_ns = timeout_ns;
}

const struct assembler_stats *assembler_stats(const struct assembler *assembler)
{
	return &assembler->stats;
}

static uint64_t key_hash(const struct assembler_key *key)
{
	/* Below N_BUCKETS successive serials stay successive; what is above moves each run of them elsewhere. */
	uint64_t hash = key->serial + key->serial / N_BUCKETS * UINT64_C(0x9e3779b97f4a7c15);

	if (unlikely(key->node.size > 0))
		hash += span_hash(key->node, 0);
	return hash;
}

static bool node_is(const struct node *node, const struct assembler_key *key, uint64_t hash)
{
	return node->hash == hash && node->draft.serial == key->serial && node->draft.time_ns == key->time_ns &&
	       span_eq(node->draft.node, key->node);
}

static struct node *node_lookup(struct assembler *assembler, const struct assembler_key *key, uint64_t hash)
{
	if (assembler->last && node_is(assembler->last, key, hash))
		return assembler->last;
	for (struct node *node = assembler->buckets[hash % N_BUCKETS]; node; node = node->chain)
		if (node_is(node, key, hash))
			return node;
	return NULL;
}

static struct node *node_begin(struct assembler *assembler, const struct assembler_key *key, uint64_t hash,
			       uint64_t now_ns)
{
	struct node *node = assembler->free;
	struct draft_record *records;
	uint32_t capacity = OWN_RECORDS;
	struct block *blocks = NULL;

	if (node) {
		assembler->free = node->chain;
		assembler->n_free--;
		records = node->draft.records;
		capacity = node->records_capacity;
		blocks = node->blocks;
	} else {
		node = malloc(sizeof(*node));
		if (!node)
			return NULL;
		records = node->own_records;
	}
	memset(node, 0, offsetof(struct node, own_records));
	node->draft.time_ns = key->time_ns;
	node->draft.serial = key->serial;
	node->draft.records = records;
	node->records_capacity = capacity;
	node->blocks = blocks;
	node->hash = hash;
	node->number = assembler->stats.drafts++;
	node->begun_ns = node->last_ns = now_ns;
	if (key->node.size > 0) {
		node->node_name = malloc(key->node.size);
		if (!node->node_name) {
			node_destroy(node);
			return NULL;
		}
		memcpy(node->node_name, key->node.data, key->node.size);
		node->draft.node = (struct span){ node->node_name, key->node.size };
	}
	node->chain = assembler->buckets[hash % N_BUCKETS];
	assembler->buckets[hash % N_BUCKETS] = node;
	list_append(&assembler->open, node);
	assembler->n_open++;
	return node;
}

/* Out of the table and the list of open drafts: no record can join it any more. */
static void node_close(struct assembler *assembler, struct node *node)
{
	struct node **p = &assembler->buckets[node->hash % N_BUCKETS];

	while (*p != node)
		p = &(*p)->chain;
	*p = node->chain;
	list_remove(&assembler->open, node);
	assembler->n_open--;
	if (assembler->last == node)
		assembler->last = NULL;
}

/* Copies the body into the draft.  NULL: no memory. */
static const char *node_keep(struct assembler *assembler, struct node *node, struct span body)
{
	struct block *block = node->blocks;
	char *at;

	if (body.size <= OWN_BYTES - node->own_size) {
		at = node->own + node->own_size;
		node->own_size += (uint32_t)body.size;
		goto copy;
	}
	if (!block || body.size > block->capacity - block->size) {
		size_t capacity = MAX(MAX((size_t)2048, body.size), MIN(node->n_bytes, (size_t)1 << 20));

		block = malloc(sizeof(*block) + capacity);
		if (!block)
			return NULL;
		*block = (struct block){ .older = node->blocks, .capacity = capacity };
		node->blocks = block;
	}
	at = block->data + block->size;
	block->size += body.size;
copy:
	if (body.size > 0)
		memcpy(at, body.data, body.size);
	node->n_bytes += body.size;
	assembler->stats.bytes += body.size;
	return at;
}

int assembler_push(struct assembler *assembler, const struct assembler_key *key, uint32_t type, struct span body,
		   bool stable, uint64_t now_ns)
{
	uint64_t hash = key_hash(key);
	struct node *node = node_lookup(assembler, key, hash);
	struct draft *draft;
	const char *data = body.data;

	assembler->stats.records++;
	if (!node) {
		node = node_begin(assembler, key, hash, now_ns);
		if (!node)
			return -ENOMEM;
	}
	assembler->last = node;
	draft = &node->draft;
	if (draft->n_records >= MAX_RECORDS || body.size > MAX_DRAFT_BYTES - node->n_bytes) {
		draft->n_dropped++;
		assembler->stats.dropped++;
	} else {
		if (draft->n_records == node->records_capacity) {
			bool own = draft->records == node->own_records;
			uint32_t capacity = node->records_capacity * 2;
			struct draft_record *records =
				realloc(own ? NULL : draft->records, capacity * sizeof(*records));

			if (!records)
				return -ENOMEM;
			if (own)
				memcpy(records, node->own_records, sizeof(node->own_records));
			draft->records = records;
			node->records_capacity = capacity;
		}
		if (!stable) {
			data = node_keep(assembler, node, body);
			if (!data)
				return -ENOMEM;
		}
		draft->records[draft->n_records++] =
			(struct draft_record){ .type = type, .data = data, .size = (uint32_t)body.size };
		assembler->stats.waiting++;
	}
	node->last_ns = MAX(node->last_ns, now_ns);
	node->may_end |= key->may_end_event;
	if (key->ends_event || key->is_single) {
		draft->end_seen = key->ends_event;
		draft->end = DRAFT_COMPLETE;
		node_close(assembler, node);
		list_append(&assembler->complete, node);
	}
	return 0;
}

/* Why the oldest open draft may leave now; false: it may not. */
static bool node_is_ripe(const struct assembler *assembler, const struct node *node, uint64_t now_ns,
			 enum draft_end *ret)
{
	const struct assembler_options *options = &assembler->options;
	uint64_t age_ns = now_ns > node->last_ns ? now_ns - node->last_ns : 0;
	uint64_t newer = assembler->stats.drafts - node->number - 1;

	if (node->may_end && (age_ns >= options->soft_hold_ns || newer >= options->soft_drafts))
		*ret = DRAFT_COMPLETE;
	else if (age_ns >= options->timeout_ns)
		*ret = DRAFT_TIMED_OUT;
	else if (assembler->n_open > options->max_drafts || assembler->stats.bytes > options->max_bytes)
		*ret = DRAFT_FORCED;
	else
		return false;
	return true;
}

/* The drafts that probably leave next: of the first the texts, of the one behind it what leads there. */
static void fetch(const struct node *next)
{
	const struct node *second;

	if (!next)
		return;
	for (uint32_t at = 0; at < next->own_size; at += CACHE_LINE)
		__builtin_prefetch(next->own + at);
	second = next->newer;
	if (second)
		for (size_t at = 0; at < offsetof(struct node, own); at += CACHE_LINE)
			__builtin_prefetch((const char *)second + at);
}

static int hand_out(struct assembler *assembler, struct node *node, struct draft **ret)
{
	assembler->handed_out = node;
	assembler->stats.waiting -= node->draft.n_records;
	*ret = &node->draft;
	return 1;
}

static int pop(struct assembler *assembler, uint64_t now_ns, bool all, struct draft **ret)
{
	struct node *node;
	enum draft_end end;

	if (assembler->handed_out) {
		node_recycle(assembler, assembler->handed_out);
		assembler->handed_out = NULL;
	}
	node = assembler->complete.first;
	if (node) {
		list_remove(&assembler->complete, node);
		return hand_out(assembler, node, ret);
	}
	node = assembler->open.first;
	if (!node)
		return 0;
	if (all)
		end = node->may_end ? DRAFT_COMPLETE : DRAFT_TIMED_OUT;
	else if (!node_is_ripe(assembler, node, now_ns, &end))
		return 0;
	assembler->stats.timed_out += end == DRAFT_TIMED_OUT;
	assembler->stats.forced += end == DRAFT_FORCED;
	node->draft.end = end;
	node_close(assembler, node);
	fetch(assembler->open.first);
	return hand_out(assembler, node, ret);
}

int assembler_pop(struct assembler *assembler, uint64_t now_ns, struct draft **ret)
{
	return pop(assembler, now_ns, false, ret);
}

int assembler_drain(struct assembler *assembler, struct draft **ret)
{
	return pop(assembler, 0, true, ret);
}

uint64_t assembler_next_ns(const struct assembler *assembler)
{
	const struct node *node = assembler->open.first;
	uint64_t hold_ns;

	if (assembler->complete.first)
		return 0;
	if (!node)
		return UINT64_MAX;
	hold_ns = node->may_end ? MIN(assembler->options.soft_hold_ns, assembler->options.timeout_ns) :
				  assembler->options.timeout_ns;
	return hold_ns < UINT64_MAX - node->last_ns ? node->last_ns + hold_ns : UINT64_MAX;
}
