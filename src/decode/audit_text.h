#pragma once
/* The key=value text of audit, cut into keys and values.  Two readers: audit_scan() for the kernel's own
 * records, whose keys come in a known order and whose values are taken by place; audit_next() for all others,
 * whose keys may be any and whose text has words between them.  Values are borrowed and not yet decoded. */

#include "base/macro.h"
#include "base/span.h"

struct audit_value {
	const char *data;		/* NULL: the key is not there */
	uint32_t size;
	bool quoted;			/* stood in "": not hex, whatever it looks like */
};

/* A record's body up to the 0x1d that ENRICHED logs put before the names, and the names. */
void audit_split(struct span body, struct span *ret_text, struct span *ret_names);

/* A key with its `=`, at most 15 bytes; slot: its place in the result. */
struct audit_key {
	char name[16];
	uint64_t mask;			/* of the first eight bytes */
	uint8_t size;
	uint8_t slot;
};
#define AUDIT_KEY_MASK(size) ((size) >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * ((size) & 7))) - 1)
#define AUDIT_KEY(slot, name) { name "=", AUDIT_KEY_MASK(sizeof(name)), sizeof(name), slot }

struct audit_layout {
	const struct audit_key *keys;	/* in the order in which the kernel writes them */
	uint8_t n_keys;
	uint8_t n_slots;
	uint8_t last;			/* slot after which nothing is wanted; n_slots: none */
};

/* ret: n_slots values.  Of a key that comes twice the first counts. */
void audit_scan(struct span text, const struct audit_layout *layout, struct audit_value *ret);

struct audit_pair {
	struct span word;		/* bare word right before the key: `old` of `old auid=0` */
	struct span key;
	struct audit_value value;
	bool nested;			/* stood in '': a message of user space, itself keys and values */
};

/* The next pair.  false: there is none. */
bool audit_next(struct span *rest, struct audit_pair *ret);
/* The value with the words that follow it up to the next key: `op=adding user id=4` -> `adding user`. */
struct span audit_sentence(const struct audit_pair *pair, struct span rest);

/* Values to what they mean */

bool audit_is_hex(struct audit_value value);		/* upper-case hex of whole bytes, not quoted */
bool audit_is_nothing(struct audit_value value);	/* absent, (null), (none) or ? */
/* Bytes of a hex value (audit_is_hex) into dst, size / 2 of them. */
void audit_unhex(char *dst, struct audit_value value);
static inline size_t audit_text_size(struct audit_value value, bool hex)
{
	return hex ? value.size / 2 : value.size;
}

bool audit_u32_slow(struct audit_value value, uint32_t *ret);
bool audit_u64(struct audit_value value, uint64_t *ret);
bool audit_i64(struct audit_value value, int64_t *ret);
bool audit_hex(struct audit_value value, uint64_t *ret);	/* with or without 0x */
bool audit_octal(struct audit_value value, uint64_t *ret);

/* Decimal; -1 and `unset` are 4294967295. */
static inline bool audit_u32(struct audit_value value, uint32_t *ret)
{
	uint64_t number = 0;

	if (value.size - 1 > 9)
		return audit_u32_slow(value, ret);
	for (uint32_t i = 0; i < value.size; i++) {
		unsigned digit = (unsigned)(unsigned char)value.data[i] - '0';

		if (digit > 9)
			return audit_u32_slow(value, ret);
		number = number * 10 + digit;
	}
	if (number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static inline struct span audit_raw(struct audit_value value)
{
	return (struct span){ value.data, value.size };
}
