/* See chain_record.h. The digest of a context is kept in it: a process has many events. */

#include "sink/chain_record.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct field_id {
	uint32_t id;
	uint16_t field;
};

static struct field_id by_id[N_FIELDS];	/* in order */
static uint16_t rank_of[N_FIELDS];	/* in it */
static bool ids_failed;

static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct field_id *)a)->id, y = ((const struct field_id *)b)->id;

	return x < y ? -1 : x > y;
}

static void make_ids(void)
{
	for (unsigned i = 0; i < N_FIELDS; i++) {
		unsigned char digest[EVP_MAX_MD_SIZE];

		ids_failed |= EVP_Digest(fields[i].name, strlen(fields[i].name), digest, NULL, EVP_sha256(), NULL) != 1;
		by_id[i] = (struct field_id){ .field = (uint16_t)i, .id = (uint32_t)digest[0] | (uint32_t)digest[1] << 8 |
									 (uint32_t)digest[2] << 16 | (uint32_t)digest[3] << 24 };
	}
	qsort(by_id, N_FIELDS, sizeof(by_id[0]), compare);
	for (unsigned i = 0; i < N_FIELDS; i++)
		rank_of[by_id[i].field] = (uint16_t)i;
}

static void put(struct buffer *bytes, uint64_t number, unsigned size)
{
	unsigned char little[8];

	for (unsigned i = 0; i < size; i++)
		little[i] = (unsigned char)(number >> (8 * i));
	buffer_append(bytes, little, size);
}

/* An address of another size is not. */
static bool can_be_stored(const struct values *values, unsigned field)
{
	size_t size;

	if (fields[field].type != TYPE_IP)
		return true;
	size = values_text(values, (enum field)field).size;
	return size == 4 || size == 16;
}

static void put_field(struct buffer *bytes, const struct values *values, const struct field_id *id)
{
	enum field field = id->field;

	put(bytes, id->id, 4);
	put(bytes, values_is_inferred(values, field), 1);
	if (field_type_is_text(fields[field].type)) {
		struct span text = values_text(values, field);

		put(bytes, text.size, 4);
		buffer_append(bytes, text.data, text.size);
	} else {
		put(bytes, values_number(values, field), 8);
	}
}

static void put_values(struct buffer *bytes, const struct values *values)
{
	uint64_t ranks[FIELD_WORDS] = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = values->known[i]; bits; bits &= bits - 1) {
			unsigned field = i * 64 + (unsigned)__builtin_ctzll(bits);

			if (!can_be_stored(values, field))
				continue;
			ranks[rank_of[field] / 64] |= UINT64_C(1) << (rank_of[field] % 64);
			n++;
		}
	put(bytes, n, 2);
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = ranks[i]; bits; bits &= bits - 1)
			put_field(bytes, values, &by_id[i * 64 + (unsigned)__builtin_ctzll(bits)]);
}

/* Its parents have theirs. */
static int digest_context(struct context *context, struct buffer *scratch)
{
	static const unsigned char none[CONTEXT_DIGEST_BYTES];
	unsigned char digest[EVP_MAX_MD_SIZE];

	buffer_clear(scratch);
	buffer_append(scratch, context->parent ? context->parent->digest : none, CONTEXT_DIGEST_BYTES);
	put(scratch, context->ancestry_cut, 1);
	put_values(scratch, &context->values);
	if (buffer_error(scratch) < 0 || EVP_Digest(scratch->data, scratch->size, digest, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	memcpy(context->digest, digest, CONTEXT_DIGEST_BYTES);
	context->has_digest = true;
	return 0;
}

static int digest_chain(struct context *context)
{
	_cleanup_(buffer_release) struct buffer scratch = { 0 };
	struct context *above[CONTEXT_MAX_DEPTH + 2];
	unsigned n = 0;
	int r = 0;

	for (struct context *c = context; c && !c->has_digest && n < ARRAY_SIZE(above); c = c->parent)
		above[n++] = c;
	while (n > 0 && r == 0)
		r = digest_context(above[--n], &scratch);
	return r;
}

int chain_record(struct buffer *bytes, const struct event *event)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const unsigned char none[CONTEXT_DIGEST_BYTES];

	pthread_once(&once, make_ids);
	if (ids_failed || (event->context && !event->context->has_digest && digest_chain(event->context) < 0))
		return -ENOMEM;
	put(bytes, event->sequence, 8);
	put(bytes, event->time_ns, 8);
	put(bytes, event->origin, 8);
	put(bytes, kinds[event->kind].number, 2);
	buffer_append(bytes, event->context ? event->context->digest : none, CONTEXT_DIGEST_BYTES);
	put_values(bytes, &event->values);
	return buffer_error(bytes);
}
