/* See sieve.h.  Keys are gathered in a set, so that the filter is as large as it must be and no larger; contexts that were added
 * lately are known by their serial, since most events are of one that was. */

#include "sink/sieve.h"

#include <errno.h>
#include <stdlib.h>

#include "base/sip.h"

#define FIRST_CAPACITY 8192		/* of the set, a power of two */
#define BITS_PER_KEY   16
#define N_PROBES       8		/* 16 bits a key: 0.06 % are found that are not there */
#define FORMAT	       2		/* the first byte */
#define OLD_FORMAT     1		/* no ancestors; 12 bits a key */
#define N_OLD_PROBES   6
#define N_CONTEXTS     1024

struct sieve {
	uint64_t *keys;			/* open addressing; 0: free */
	size_t capacity, n;
	bool failed;
	uint64_t contexts[N_CONTEXTS];	/* serials, by their low bits */
	uint64_t ancestors[N_CONTEXTS];	/* the same of those that were added as such, with all above them */
};

/* Of hashes and names of record types the case is of no account to anybody. */
static const uint16_t folded[] = {
	FIELD_hash_md5, FIELD_hash_sha1, FIELD_hash_sha256, FIELD_script_md5, FIELD_script_sha1, FIELD_script_sha256, FIELD_dll_md5,
	FIELD_dll_sha1, FIELD_dll_sha256, FIELD_driver_md5, FIELD_driver_sha1, FIELD_driver_sha256, FIELD_code,
};
#define FOLDED_MAX 128			/* bytes; longer texts of these fields are no such values */

static const uint16_t searched[] = {
	FIELD_entity_id, FIELD_pid, FIELD_name, FIELD_executable, FIELD_command_line, FIELD_hash_id, FIELD_script_hash_id, FIELD_uid, FIELD_user_name, FIELD_auid, FIELD_auid_name, FIELD_ses, FIELD_container_id, FIELD_unit,
	FIELD_code, FIELD_env, FIELD_target_pid, FIELD_path, FIELD_target_path, FIELD_source_ip, FIELD_source_port,
	FIELD_destination_ip, FIELD_destination_port, FIELD_destination_domain, FIELD_socket_path, FIELD_dns_question_name,
	FIELD_dll_path, FIELD_dll_hash_id, FIELD_file_hash_id, FIELD_driver_name, FIELD_driver_path, FIELD_driver_hash_id,
	FIELD_user_target_name, FIELD_system_unit, FIELD_rule_id, FIELD_rule_name,
};

/* Not in a sieve: by way of the version of the file (history_digests.h). */
static const uint16_t by_version[] = { FIELD_hash_state, FIELD_hash_md5, FIELD_hash_sha1, FIELD_hash_sha256, FIELD_dll_hash_state,
				       FIELD_dll_md5, FIELD_dll_sha1, FIELD_dll_sha256, FIELD_script_hash_state, FIELD_script_md5,
				       FIELD_script_sha1, FIELD_script_sha256, FIELD_driver_hash_state, FIELD_driver_md5,
				       FIELD_driver_sha1, FIELD_driver_sha256 };

/* Made once: which fields, and what makes the keys of one other than those of the others. */
static struct {
	uint64_t set[FIELD_WORDS], folded[FIELD_WORDS];
	struct sip_key seeds[N_FIELDS], ancestor_seeds[N_FIELDS];
	uint64_t cut;
} table;

static const uint16_t of_ancestors[] = { FIELD_entity_id, FIELD_pid };

static const struct sip_key fixed = { { 0x7265636f72646572, 0x7369657665 } };

static void make_field(unsigned field)
{
	for (size_t k = 0; k < ARRAY_SIZE(folded); k++)
		if (folded[k] == field)
			table.folded[field / 64] |= UINT64_C(1) << (field % 64);
	table.seeds[field] = (struct sip_key){ { sip_hash(&fixed, 0, span_of(fields[field].name)), fixed.secret[1] } };
}

static __attribute__((constructor)) void make_table(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_version); i++)
		make_field(by_version[i]);
	for (size_t i = 0; i < ARRAY_SIZE(searched); i++) {
		make_field(searched[i]);
		table.set[searched[i] / 64] |= UINT64_C(1) << (searched[i] % 64);
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_ancestors); i++)
		table.ancestor_seeds[of_ancestors[i]] = (struct sip_key){
			{ sip_hash(&fixed, 1, span_of(fields[of_ancestors[i]].name)), fixed.secret[1] }
		};
	table.cut = sip_hash(&fixed, 2, SPAN("")) | 1;
}

int sieve_new(struct sieve **ret)
{
	struct sieve *sieve = calloc(1, sizeof(*sieve));

	if (!sieve)
		return -ENOMEM;
	sieve->keys = calloc(FIRST_CAPACITY, sizeof(*sieve->keys));
	if (!sieve->keys) {
		free(sieve);
		return -ENOMEM;
	}
	sieve->capacity = FIRST_CAPACITY;
	*ret = sieve;
	return 0;
}

struct sieve *sieve_free(struct sieve *sieve)
{
	if (!sieve)
		return NULL;
	free(sieve->keys);
	free(sieve);
	return NULL;
}

void sieve_clear(struct sieve *sieve)
{
	memset(sieve->keys, 0, sieve->capacity * sizeof(*sieve->keys));
	memset(sieve->contexts, 0, sizeof(sieve->contexts));
	memset(sieve->ancestors, 0, sizeof(sieve->ancestors));
	sieve->n = 0;
	sieve->failed = false;
}

void sieve_spoil(struct sieve *sieve)
{
	sieve->failed = true;
}

static void put(uint64_t *keys, size_t capacity, uint64_t key)
{
	size_t at = key & (capacity - 1);

	while (keys[at] && keys[at] != key)
		at = (at + 1) & (capacity - 1);
	keys[at] = key;
}

static void grow(struct sieve *sieve)
{
	uint64_t *keys = calloc(sieve->capacity * 2, sizeof(*keys));

	if (!keys) {
		sieve->failed = true;
		return;
	}
	for (size_t i = 0; i < sieve->capacity; i++)
		if (sieve->keys[i])
			put(keys, sieve->capacity * 2, sieve->keys[i]);
	free(sieve->keys);
	sieve->keys = keys;
	sieve->capacity *= 2;
}

static void add_key(struct sieve *sieve, uint64_t key)
{
	size_t at = key & (sieve->capacity - 1);

	while (sieve->keys[at] && sieve->keys[at] != key)
		at = (at + 1) & (sieve->capacity - 1);
	if (sieve->keys[at] || sieve->failed)
		return;
	sieve->keys[at] = key;
	if (++sieve->n > sieve->capacity / 2)
		grow(sieve);
}

/* An IPv4 address that is written as IPv6 is the same address (RFC 4291, 2.5.5.2). */
static struct span unmapped(struct span ip)
{
	static const char prefix[12] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

	return ip.size == 16 && memcmp(ip.data, prefix, sizeof(prefix)) == 0 ? (struct span){ ip.data + 12, 4 } : ip;
}

bool sieve_folds_case(enum field field)
{
	return table.folded[field / 64] >> (field % 64) & 1;
}

uint64_t sieve_key_text(enum field field, struct span text)
{
	char small[FOLDED_MAX];
	uint64_t key;

	if (fields[field].type == TYPE_IP)
		text = unmapped(text);
	if (sieve_folds_case(field)) {
		text.size = MIN(text.size, sizeof(small));
		for (size_t i = 0; i < text.size; i++)
			small[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] | 0x20) : text.data[i];
		text.data = small;
	}
	key = sip_hash(&table.seeds[field], 0, text);

	return key ? key : 1;
}

static uint64_t number_key(const struct sip_key *seed, uint64_t number)
{
	uint64_t key = sip_hash(seed, 0, (struct span){ (const char *)&number, sizeof(number) });

	return key ? key : 1;
}

uint64_t sieve_key_number(enum field field, uint64_t number)
{
	return number_key(&table.seeds[field], number);
}

uint64_t sieve_key_ancestor(enum field field, uint64_t number)
{
	return number_key(&table.ancestor_seeds[field], number);
}

uint64_t sieve_key_cut(void)
{
	return table.cut;
}

bool sieve_has_field(enum field field)
{
	return table.set[field / 64] >> (field % 64) & 1;
}

/* Calls fn for the keys of all values, until it says that it is enough. */
static inline bool each_key(const struct values *values, bool (*fn)(void *user, uint64_t key), void *user)
{
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = values->known[i] & table.set[i]; bits; bits &= bits - 1) {
			enum field field = i * 64 + (unsigned)__builtin_ctzll(bits);
			struct span text, item;

			if (!field_type_is_text(fields[field].type)) {
				if (!fn(user, sieve_key_number(field, values_number(values, field))))
					return false;
				continue;
			}
			text = values_text(values, field);
			if (fields[field].type != TYPE_LIST) {
				if (!fn(user, sieve_key_text(field, text)))
					return false;
				continue;
			}
			while (list_next(&text, &item))
				if (!fn(user, sieve_key_text(field, item)))
					return false;
		}
	return true;
}

static bool on_key(void *sieve, uint64_t key)
{
	add_key(sieve, key);
	return true;
}

static void add_values(struct sieve *sieve, const struct values *values)
{
	each_key(values, on_key, sieve);
}

/* Up to one that is there already with all that is above it. */
static void add_ancestors(struct sieve *sieve, const struct context *context)
{
	if (context->ancestry_cut)
		add_key(sieve, table.cut);
	for (const struct context *c = context->parent; c; c = c->parent) {
		uint64_t *known = &sieve->ancestors[c->serial % N_CONTEXTS];

		if (*known == c->serial)
			return;
		*known = c->serial;
		for (size_t i = 0; i < ARRAY_SIZE(of_ancestors); i++)
			if (values_has(&c->values, of_ancestors[i]))
				add_key(sieve, sieve_key_ancestor(of_ancestors[i], values_number(&c->values, of_ancestors[i])));
	}
}

void sieve_add(struct sieve *sieve, const struct event *event)
{
	const struct context *context = event->context;

	add_values(sieve, &event->values);
	if (!context || sieve->contexts[context->serial % N_CONTEXTS] == context->serial)
		return;
	sieve->contexts[context->serial % N_CONTEXTS] = context->serial;
	add_values(sieve, &context->values);
	add_ancestors(sieve, context);
}

/* Which bits a key has: two halves make as many hashes as one likes (Kirsch and Mitzenmacher, "Less Hashing, Same Performance",
 * 2006).  The n-th is (first + n * step) % n_bits, without a division each. */
struct probe {
	uint64_t bit, step, n_bits;
};

static struct probe probe_first(uint64_t key, uint64_t n_bits)
{
	return (struct probe){ (key & UINT32_MAX) % n_bits, (key >> 32 | 1) % n_bits, n_bits };
}

static void probe_next(struct probe *probe)
{
	probe->bit += probe->step;
	if (probe->bit >= probe->n_bits)
		probe->bit -= probe->n_bits;
}

static void set_bits(char *bits, size_t size, uint64_t key)
{
	struct probe probe = probe_first(key, size * 8);

	for (unsigned n = 0; n < N_PROBES; n++, probe_next(&probe))
		bits[probe.bit / 8] |= (char)(1 << probe.bit % 8);
}

bool sieve_append(const struct sieve *sieve, struct buffer *bytes)
{
	size_t size = (sieve->n * BITS_PER_KEY + 7) / 8 + 1;
	char *p;

	if (sieve->failed)
		return false;
	p = buffer_reserve(bytes, size + 1);
	if (!p)
		return false;
	memset(p, 0, size + 1);
	p[0] = FORMAT;
	for (size_t i = 0; i < sieve->capacity; i++)
		if (sieve->keys[i])
			set_bits(p + 1, size, sieve->keys[i]);
	bytes->size += size + 1;
	return true;
}

bool sieve_may_have(struct span bytes, uint64_t key)
{
	struct probe probe;
	unsigned n_probes;

	if (bytes.size < 2 || (bytes.data[0] != FORMAT && bytes.data[0] != OLD_FORMAT))
		return true;
	n_probes = bytes.data[0] == FORMAT ? N_PROBES : N_OLD_PROBES;
	probe = probe_first(key, (bytes.size - 1) * 8);
	for (unsigned n = 0; n < n_probes; n++, probe_next(&probe))
		if (!(bytes.data[1 + probe.bit / 8] >> probe.bit % 8 & 1))
			return false;
	return true;
}

bool sieve_may_have_ancestor(struct span bytes, uint64_t key)
{
	return bytes.size < 2 || bytes.data[0] == OLD_FORMAT || sieve_may_have(bytes, key);
}

static bool is_in(void *bytes, uint64_t key)
{
	return sieve_may_have(*(struct span *)bytes, key);
}

static bool may_have_ancestors(struct span bytes, const struct context *context)
{
	if (context->ancestry_cut && !sieve_may_have_ancestor(bytes, table.cut))
		return false;
	for (const struct context *c = context->parent; c; c = c->parent)
		for (size_t i = 0; i < ARRAY_SIZE(of_ancestors); i++)
			if (values_has(&c->values, of_ancestors[i]) &&
			    !sieve_may_have_ancestor(bytes, sieve_key_ancestor(of_ancestors[i], values_number(&c->values, of_ancestors[i]))))
				return false;
	return true;
}

bool sieve_may_have_event(struct span bytes, const struct event *event)
{
	if (bytes.size == 0)
		return true;
	if (!each_key(&event->values, is_in, &bytes))
		return false;
	return !event->context || (each_key(&event->context->values, is_in, &bytes) && may_have_ancestors(bytes, event->context));
}
