/* See matcher.h.
 *
 * DESIGN: what a subject costs depends on its length and on the lengths of the literals, not on their number.
 *
 * Wholes, starts and ends are in a table by hash. The subject is hashed once from its beginning and once from its end, in
 * steps from one length of a literal to the next, and the table is asked at each of them.
 *
 * What may be anywhere is in a table by four bytes of it, those that the fewest others have; at each place of the subject a bit
 * says whether some literal has the four bytes there. Shorter ones are looked for one by one.
 *
 * A hash only chooses what is compared, so whoever makes subjects that collide gains nothing but comparisons.
 *
 * What it leaves out: automata (Aho-Corasick), whose tables grow with the literals beyond all caches; a library (vectorscan is
 * C++, x86 and 5 MB for what is a hundred lines here). */

#include <errno.h>

#include "filter/matcher.h"

#define GRAM 4u
#define GRAM_BITS 15			/* of the set of grams: 4 KiB, stays in the first cache */
#define COUNT_BITS 12

struct slot {
	uint64_t key;			/* hash, or four bytes */
	uint32_t first;			/* literal with this key: number + 1; 0: empty */
};

struct entry {
	struct literal literal;
	uint32_t next;			/* with the same key: number + 1; 0: none */
	uint32_t at;			/* where in the literal the four bytes are */
};

struct slots {
	struct slot *items;
	size_t mask;
};

/* Lengths at which a hash is asked for, rising. */
struct lengths {
	uint32_t *items;
	size_t n;
};

struct matcher {
	struct entry *entries;		/* of each literal */
	size_t n_literals;
	struct slots slots[LITERAL_INSIDE + 1];
	struct lengths starts, ends;
	uint64_t whole_lengths;		/* bit set; bit 63: of 63 and more */
	uint32_t *shorts;		/* numbers of the literals shorter than GRAM that may be anywhere */
	size_t n_shorts;
	uint64_t *grams;		/* bit set of their hashes; NULL: there is none */
};

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* `n` bytes more. */
static uint64_t hash_on(uint64_t hash, const char *bytes, size_t n)
{
	uint64_t word;

	for (; n >= sizeof(word); n -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = mix(hash, word);
	}
	for (word = n; n > 0; n--)
		word = word << 8 | (unsigned char)bytes[n - 1];
	return mix(hash, word);
}

static uint32_t hash_gram(uint32_t gram, unsigned bits)
{
	return gram * UINT32_C(0x9e3779b1) >> (32 - bits);
}

static uint32_t gram_at(const char *bytes)
{
	uint32_t gram;

	memcpy(&gram, bytes, sizeof(gram));
	return gram;
}

/* The hash of the first or last `size` bytes, in the steps that a subject is hashed in. */
static uint64_t hash_whole(const struct lengths *lengths, struct span text, bool from_end)
{
	uint64_t hash = 0;
	size_t done = 0;

	for (size_t i = 0; i < lengths->n && lengths->items[i] <= text.size; i++) {
		size_t next = lengths->items[i];

		hash = hash_on(hash, from_end ? text.data + text.size - next : text.data + done, next - done);
		done = next;
	}
	return done == text.size && done > 0 ? hash : hash_on(hash, text.data + done, text.size - done);
}

/* Making one */

static int slots_new(struct slots *slots, size_t n)
{
	size_t size = 8;

	while (size < n * 2)
		size *= 2;
	slots->items = calloc(size, sizeof(*slots->items));
	slots->mask = size - 1;
	return slots->items ? 0 : -ENOMEM;
}

static size_t slot_of(const struct slots *slots, uint64_t key)
{
	return (size_t)(mix(0, key) >> 20) & slots->mask;
}

static struct slot *slots_find(const struct slots *slots, uint64_t key)
{
	size_t i = slot_of(slots, key);

	while (slots->items[i].first && slots->items[i].key != key)
		i = (i + 1) & slots->mask;
	return &slots->items[i];
}

static void add(struct matcher *matcher, uint32_t number, uint64_t key)
{
	struct entry *entry = &matcher->entries[number];
	struct slot *slot = slots_find(&matcher->slots[entry->literal.place], key);

	entry->next = slot->first;
	*slot = (struct slot){ key, number + 1 };
}

static int compare_lengths(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int lengths_new(struct lengths *lengths, const struct matcher *matcher, enum literal_place place, size_t n_of_place)
{
	size_t n = 0, kept = 0;

	lengths->items = calloc(MAX(n_of_place, 1u), sizeof(*lengths->items));
	if (!lengths->items)
		return -ENOMEM;
	for (size_t i = 0; i < matcher->n_literals; i++)
		if (matcher->entries[i].literal.place == place)
			lengths->items[n++] = (uint32_t)matcher->entries[i].literal.text.size;
	qsort(lengths->items, n, sizeof(*lengths->items), compare_lengths);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || lengths->items[kept - 1] != lengths->items[i])
			lengths->items[kept++] = lengths->items[i];
	lengths->n = kept;
	return 0;
}

/* The four bytes of the literal that the fewest others have. */
static uint32_t rarest(struct span text, const uint16_t *counts)
{
	uint32_t best = 0;

	for (uint32_t at = 1; at + GRAM <= text.size; at++)
		if (counts[hash_gram(gram_at(text.data + at), COUNT_BITS)] <
		    counts[hash_gram(gram_at(text.data + best), COUNT_BITS)])
			best = at;
	return best;
}

static int add_grams(struct matcher *matcher, size_t n_inside)
{
	_cleanup_(freep) uint16_t *counts = calloc(1u << COUNT_BITS, sizeof(*counts));

	matcher->grams = calloc((1u << GRAM_BITS) / 64, sizeof(*matcher->grams));
	matcher->shorts = calloc(MAX(n_inside, 1u), sizeof(*matcher->shorts));
	if (!counts || !matcher->grams || !matcher->shorts)
		return -ENOMEM;
	for (size_t i = 0; i < matcher->n_literals; i++) {
		struct span text = matcher->entries[i].literal.text;

		if (matcher->entries[i].literal.place != LITERAL_INSIDE)
			continue;
		for (size_t at = 0; at + GRAM <= text.size; at++) {
			uint16_t *count = &counts[hash_gram(gram_at(text.data + at), COUNT_BITS)];

			*count = (uint16_t)(*count + (*count < UINT16_MAX));
		}
	}
	for (uint32_t i = 0; i < matcher->n_literals; i++) {
		struct span text = matcher->entries[i].literal.text;
		uint32_t at, gram, bit;

		if (matcher->entries[i].literal.place != LITERAL_INSIDE)
			continue;
		if (text.size < GRAM) {
			matcher->shorts[matcher->n_shorts++] = i;
			continue;
		}
		at = rarest(text, counts);
		gram = gram_at(text.data + at);
		bit = hash_gram(gram, GRAM_BITS);
		matcher->grams[bit / 64] |= UINT64_C(1) << (bit % 64);
		matcher->entries[i].at = at;
		add(matcher, i, gram);
	}
	return 0;
}

static void add_hashes(struct matcher *matcher)
{
	for (uint32_t i = 0; i < matcher->n_literals; i++) {
		struct span text = matcher->entries[i].literal.text;
		enum literal_place place = matcher->entries[i].literal.place;
		bool from_end = place == LITERAL_END;

		if (place == LITERAL_INSIDE)
			continue;
		if (place == LITERAL_WHOLE)
			matcher->whole_lengths |= UINT64_C(1) << MIN(text.size, 63u);
		add(matcher, i, hash_whole(from_end ? &matcher->ends : &matcher->starts, text, from_end));
	}
}

int matcher_new(struct matcher **ret, const struct literal *literals, size_t n)
{
	_cleanup_(matcher_freep) struct matcher *matcher = calloc(1, sizeof(*matcher));
	size_t n_of[LITERAL_INSIDE + 1] = { 0 };

	if (!matcher)
		return -ENOMEM;
	matcher->entries = calloc(MAX(n, 1u), sizeof(*matcher->entries));
	if (!matcher->entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		matcher->entries[i].literal = literals[i];
	matcher->n_literals = n;
	for (size_t i = 0; i < n; i++)
		n_of[literals[i].place]++;
	for (size_t i = 0; i < ARRAY_SIZE(n_of); i++)
		if (slots_new(&matcher->slots[i], n_of[i]) < 0)
			return -ENOMEM;
	if (lengths_new(&matcher->starts, matcher, LITERAL_START, n_of[LITERAL_START]) < 0 ||
	    lengths_new(&matcher->ends, matcher, LITERAL_END, n_of[LITERAL_END]) < 0)
		return -ENOMEM;
	add_hashes(matcher);
	if (n_of[LITERAL_INSIDE] > 0 && add_grams(matcher, n_of[LITERAL_INSIDE]) < 0)
		return -ENOMEM;
	*ret = TAKE(matcher);
	return 0;
}

struct matcher *matcher_free(struct matcher *matcher)
{
	if (!matcher)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(matcher->slots); i++)
		free(matcher->slots[i].items);
	free(matcher->starts.items);
	free(matcher->ends.items);
	free(matcher->entries);
	free(matcher->shorts);
	free(matcher->grams);
	free(matcher);
	return NULL;
}

/* Asking it */

static inline void find_hash(const struct matcher *matcher, enum literal_place place, uint64_t hash, struct span text,
			     found_fn found, void *user)
{
	const struct entry *entry;

	for (uint32_t i = slots_find(&matcher->slots[place], hash)->first; i > 0; i = entry->next) {
		entry = &matcher->entries[i - 1];
		if (span_eq(entry->literal.text, text))
			found(user, entry->literal.value);
	}
}

static void find_from_start(const struct matcher *matcher, struct span subject, found_fn found, void *user)
{
	const struct lengths *lengths = &matcher->starts;
	uint64_t hash = 0;
	size_t done = 0;

	for (size_t i = 0; i < lengths->n && lengths->items[i] <= subject.size; i++) {
		size_t next = lengths->items[i];

		hash = hash_on(hash, subject.data + done, next - done);
		done = next;
		find_hash(matcher, LITERAL_START, hash, (struct span){ subject.data, next }, found, user);
	}
	if (!(matcher->whole_lengths >> MIN(subject.size, 63u) & 1))
		return;
	if (done < subject.size || done == 0)
		hash = hash_on(hash, subject.data + done, subject.size - done);
	find_hash(matcher, LITERAL_WHOLE, hash, subject, found, user);
}

static void find_from_end(const struct matcher *matcher, struct span subject, found_fn found, void *user)
{
	const struct lengths *lengths = &matcher->ends;
	const char *end = subject.data + subject.size;
	uint64_t hash = 0;
	size_t done = 0;

	for (size_t i = 0; i < lengths->n && lengths->items[i] <= subject.size; i++) {
		size_t next = lengths->items[i];

		hash = hash_on(hash, end - next, next - done);
		done = next;
		find_hash(matcher, LITERAL_END, hash, (struct span){ end - next, next }, found, user);
	}
}

static void find_gram(const struct matcher *matcher, struct span subject, size_t at, uint32_t gram, found_fn found, void *user)
{
	const struct entry *entry;

	for (uint32_t i = slots_find(&matcher->slots[LITERAL_INSIDE], gram)->first; i > 0; i = entry->next) {
		struct span text;

		entry = &matcher->entries[i - 1];
		text = entry->literal.text;
		if (at >= entry->at && subject.size - (at - entry->at) >= text.size &&
		    memcmp(subject.data + at - entry->at, text.data, text.size) == 0)
			found(user, entry->literal.value);
	}
}

static void find_inside(const struct matcher *matcher, struct span subject, found_fn found, void *user)
{
	for (size_t i = 0; i < matcher->n_shorts; i++) {
		const struct literal *literal = &matcher->entries[matcher->shorts[i]].literal;

		if (memmem(subject.data, subject.size, literal->text.data, literal->text.size))
			found(user, literal->value);
	}
	for (size_t at = 0; at + GRAM <= subject.size; at++) {
		uint32_t gram = gram_at(subject.data + at), bit = hash_gram(gram, GRAM_BITS);

		if (matcher->grams[bit / 64] >> (bit % 64) & 1)
			find_gram(matcher, subject, at, gram, found, user);
	}
}

void matcher_find(const struct matcher *matcher, struct span subject, found_fn found, void *user)
{
	if (!subject.data)
		subject.data = "";
	find_from_start(matcher, subject, found, user);
	if (matcher->ends.n > 0)
		find_from_end(matcher, subject, found, user);
	if (matcher->grams)
		find_inside(matcher, subject, found, user);
}
