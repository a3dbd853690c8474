/* See sip.h. */

#include "base/sip.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int sip_key_new(struct sip_key *ret)
{
	struct sip_key key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -errno;
	*ret = key;
	return 0;
}

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

/* Aumasson, Bernstein, "SipHash: a fast short-input PRF", with one round a word and three at the end. The
 * kind takes the place of a first word; the byte order of the machine does not matter, the hash is not
 * kept. */
uint64_t sip_hash(const struct sip_key *key, unsigned kind, struct span text)
{
	struct sip s = {
		key->secret[0] ^ UINT64_C(0x736f6d6570736575),
		key->secret[1] ^ UINT64_C(0x646f72616e646f6d),
		key->secret[0] ^ UINT64_C(0x6c7967656e657261),
		key->secret[1] ^ UINT64_C(0x7465646279746573),
	};
	const char *p = text.data;
	size_t n = text.size;
	uint64_t word;

	sip_word(&s, kind);
	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		sip_word(&s, word);
	}
	word = 0;
	if (n > 0)
		memcpy(&word, p, n);
	sip_word(&s, word ^ (uint64_t)text.size << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
