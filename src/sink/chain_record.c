/* See chain_record.h. The digest of a context is kept in it: a process has many events. */

#include "sink/chain_record.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "sink/layout.h"

struct field_id {
	uint32_t id;
	uint16_t field;
};

static struct field_id by_id[N_FIELDS];	/* in order */
static uint16_t rank_of[N_FIELDS];	/* in it */
static EVP_MD *sha256;			/* fetched once: each time it would cost as much as the digest of a context */
static bool failed;

static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct field_id *)a)->id, y = ((const struct field_id *)b)->id;

	return x < y ? -1 : x > y;
}

static void prepare(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	failed = !sha256;
	for (unsigned i = 0; i < N_FIELDS; i++) {
		unsigned char digest[EVP_MAX_MD_SIZE];

		failed |= EVP_Digest(fields[i].name, strlen(fields[i].name), digest, NULL, EVP_sha256(), NULL) != 1;
		by_id[i] = (struct field_id){ .field = (uint16_t)i, .id = (uint32_t)digest[0] | (uint32_t)digest[1] << 8 |
									 (uint32_t)digest[2] << 16 | (uint32_t)digest[3] << 24 };
	}
	qsort(by_id, N_FIELDS, sizeof(by_id[0]), compare);
	for (unsigned i = 0; i < N_FIELDS; i++)
		rank_of[by_id[i].field] = (uint16_t)i;
}

static char *put16(char *at, uint16_t number)
{
	number = htole16(number);
	memcpy(at, &number, sizeof(number));
	return at + sizeof(number);
}

static char *put32(char *at, uint32_t number)
{
	number = htole32(number);
	memcpy(at, &number, sizeof(number));
	return at + sizeof(number);
}

static char *put64(char *at, uint64_t number)
{
	number = htole64(number);
	memcpy(at, &number, sizeof(number));
	return at + sizeof(number);
}

/* The bytes that a field takes; 0: it cannot be stored (an address of a size that none has), so it is no part of it. */
static size_t field_bytes(const struct values *values, unsigned field)
{
	const size_t head = sizeof(uint32_t) + 1;
	size_t size;

	if (!field_type_is_text(fields[field].type))
		return head + sizeof(uint64_t);
	size = values_text(values, (enum field)field).size;
	return fields[field].type == TYPE_IP && size != 4 && size != 16 ? 0 : head + sizeof(uint32_t) + size;
}

static char *put_field(char *at, const struct values *values, const struct field_id *id)
{
	enum field field = id->field;
	struct span text;

	at = put32(at, id->id);
	*at++ = values_is_inferred(values, field);
	if (!field_type_is_text(fields[field].type))
		return put64(at, values_number(values, field));
	text = values_text(values, field);
	at = put32(at, (uint32_t)text.size);
	if (text.size > 0)
		memcpy(at, text.data, text.size);
	return at + text.size;
}

static void put_values(struct buffer *bytes, const struct values *values)
{
	uint64_t ranks[FIELD_WORDS] = { 0 }, known[FIELD_WORDS];
	size_t size = sizeof(uint16_t);
	uint16_t n = 0;
	char *at;

	memcpy(known, values->known, sizeof(known));
	layout_without_digests(known);	/* they come later; the events recorder.hash are under the seal */
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = known[i]; bits; bits &= bits - 1) {
			unsigned field = i * 64 + (unsigned)__builtin_ctzll(bits);
			size_t takes = field_bytes(values, field);

			if (takes == 0)
				continue;
			ranks[rank_of[field] / 64] |= UINT64_C(1) << (rank_of[field] % 64);
			size += takes;
			n++;
		}
	at = buffer_reserve(bytes, size);
	if (!at)
		return;
	at = put16(at, n);
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = ranks[i]; bits; bits &= bits - 1)
			at = put_field(at, values, &by_id[i * 64 + (unsigned)__builtin_ctzll(bits)]);
	bytes->size += size;
}

/* Its parents have theirs. */
static int digest_context(struct context *context, struct chain_scratch *scratch)
{
	static const unsigned char none[CONTEXT_DIGEST_BYTES];
	struct buffer *bytes = &scratch->bytes;
	unsigned char digest[EVP_MAX_MD_SIZE];

	buffer_clear(bytes);
	buffer_append(bytes, context->parent ? context->parent->digest : none, CONTEXT_DIGEST_BYTES);
	buffer_append_byte(bytes, context->ancestry_cut);
	put_values(bytes, &context->values);
	if (!scratch->digest)
		scratch->digest = EVP_MD_CTX_new();
	if (buffer_error(bytes) < 0 || !scratch->digest || EVP_DigestInit_ex2(scratch->digest, sha256, NULL) != 1 ||
	    EVP_DigestUpdate(scratch->digest, bytes->data, bytes->size) != 1 ||
	    EVP_DigestFinal_ex(scratch->digest, digest, NULL) != 1)
		return -ENOMEM;
	memcpy(context->digest, digest, CONTEXT_DIGEST_BYTES);
	context->has_digest = true;
	return 0;
}

static int digest_chain(struct context *context, struct chain_scratch *scratch)
{
	struct context *above[CONTEXT_MAX_DEPTH + 2];
	unsigned n = 0;
	int r = 0;

	for (struct context *c = context; c && !c->has_digest && n < ARRAY_SIZE(above); c = c->parent)
		above[n++] = c;
	while (n > 0 && r == 0)
		r = digest_context(above[--n], scratch);
	return r;
}

void chain_scratch_release(struct chain_scratch *scratch)
{
	EVP_MD_CTX_free(scratch->digest);
	buffer_release(&scratch->bytes);
}

int chain_record(struct buffer *bytes, const struct event *event, struct chain_scratch *scratch)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const unsigned char none[CONTEXT_DIGEST_BYTES];
	const size_t size = 3 * sizeof(uint64_t) + sizeof(uint16_t) + CONTEXT_DIGEST_BYTES;
	char *at;

	pthread_once(&once, prepare);
	if (failed || (event->context && !event->context->has_digest && digest_chain(event->context, scratch) < 0))
		return -ENOMEM;
	at = buffer_reserve(bytes, size);
	if (!at)
		return -ENOMEM;
	at = put64(at, event->sequence);
	at = put64(at, event->time_ns);
	at = put64(at, event->origin);
	at = put16(at, kinds[event->kind].number);
	memcpy(at, event->context ? event->context->digest : none, CONTEXT_DIGEST_BYTES);
	bytes->size += size;
	put_values(bytes, &event->values);
	return buffer_error(bytes);
}
