#pragma once
/* A hash that who does not know its key cannot make collide: for tables whose keys are chosen by others. */

#include "base/span.h"

struct sip_key {
	uint64_t secret[2];
};
int sip_key_new(struct sip_key *ret);	/* from the kernel's random numbers: 0 or -errno */
/* SipHash-1-3.  `kind` keeps equal bytes of different meaning apart. */
uint64_t sip_hash(const struct sip_key *key, unsigned kind, struct span s);
