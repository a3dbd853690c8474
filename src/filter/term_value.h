#pragma once
/* The values a term compares with: texts of the subscription made into numbers and networks. */

#include "event/schema.h"

/* A number of a numeric field type, in the form values_number() gives.  0; -EINVAL. */
int value_parse_number(enum field_type type, struct span text, uint64_t *ret);
/* What such a value looks like: "a number from 0 to 4294967295". */
const char *value_describe(enum field_type type);
bool value_is_signed(enum field_type type);

/* An address or a network.  IPv4 addresses written as IPv6 (::ffff:10.0.0.1) are IPv4. */
struct network {
	uint8_t bytes[16];
	uint8_t size;			/* 4 or 16 */
	uint8_t bits;
};
#define NETWORK_TEXT_MAX 64

/* `10.1.2.3`, `10.0.0.0/8`, `fe80::/10`.  0; 1: so too, but bits are set beyond the prefix;
 * -EINVAL: neither. */
int network_parse(struct span text, struct network *ret);
bool network_contains(const struct network *network, struct span address);
/* Clears what is beyond the first `bits` of `size` bytes. */
void address_cut(uint8_t *bytes, unsigned size, unsigned bits);
/* An IPv4 address written as IPv6 is IPv4. */
struct span address_unmapped(struct span address);
/* With the bits beyond the prefix cleared. */
void network_text(const struct network *network, char ret[static NETWORK_TEXT_MAX]);
