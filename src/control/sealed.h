#pragma once
/* A text under a name, sealed: without the key nobody reads it, alters it or passes it off under another name.
 * AES-256-GCM of OpenSSL's libcrypto.  What it looks like:
 *
 *	at	bytes
 *	0	7	89 'R' 'S' 'E' 'A' 'L' 0a: no text in UTF-8 begins so
 *	7	1	version: 1
 *	8	8	which key: SHA-256("recorder seal key" key), its first bytes
 *	16	4	n, the length of the text, highest byte first
 *	20	12	nonce, random for each sealing
 *	32	n	the text, encrypted
 *	32 + n	16	tag
 *
 * Associated data are the head (bytes 0 to 31) and the name.  The key and the length are told so that another key's file and
 * a file that is cut can be named as such; all of it is believed only when the tag fits.  Random nonces are safe for 2^32
 * sealings with a key (NIST SP 800-38D, 8.3). */

#include "base/buffer.h"

#define SEAL_KEY_BYTES 32
#define SEALED_TEXT_MAX (1u << 20)
#define SEALED_HEAD_BYTES 32
#define SEALED_TAG_BYTES 16
#define SEALED_MAX (SEALED_HEAD_BYTES + SEALED_TEXT_MAX + SEALED_TAG_BYTES)

struct seal_key {
	unsigned char bytes[SEAL_KEY_BYTES];
	unsigned char id[8];
};

/* 0; -ENOMEM. */
int seal_key_init(struct seal_key *ret, const unsigned char bytes[SEAL_KEY_BYTES]);
void seal_key_wipe(struct seal_key *key);

bool sealed_is(struct span bytes);		/* begins as one */
/* Appends the sealed bytes.  0; -EFBIG; -ENOMEM; -EIO: the library fails (no random numbers, no such cipher). */
int sealed_make(struct buffer *ret, const struct seal_key *key, struct span name, struct span text);
/* Appends the text, or nothing.  -EKEYREJECTED: of another key; -ENODATA: cut; -EBADMSG: altered, or of another name;
 * -EPROTONOSUPPORT: of another version; -EINVAL: not sealed; -EFBIG, -ENOMEM, -EIO as above. */
int sealed_open(struct buffer *ret, const struct seal_key *key, struct span name, struct span bytes);
/* A text that is nobody else's to see: overwritten, then freed. */
void sealed_wipe(struct buffer *text);
