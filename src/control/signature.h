#pragma once
/* Signatures of released files: Ed25519 over the file as it is, in a text of three lines beside it, FILE.sig:
 *
 *	recorder-signature 1
 *	key: 0123456789abcdef			first 8 bytes of the SHA-256 of the public key (its 32 bytes)
 *	signature: BASE64			64 bytes
 *
 * scripts/sign makes it; openssl(1) can check it too. */

#include "base/span.h"
#include "control/file.h"

#define SIGNATURE_TEXT_MAX 1024		/* bytes of a FILE.sig */
#define SIGNING_KEYS_MAX 8
#define SIGNING_KEYS_TEXT_MAX 16384

struct signing_key {
	unsigned char bytes[32];
	char id[17];
};

struct signing_keys {
	struct signing_key keys[SIGNING_KEYS_MAX];
	unsigned n;
};

struct signature {
	char key_id[17];
	unsigned char bytes[64];
};

/* Adds the public keys of a text in PEM, one or more.  -EINVAL: there is none, or another in it than of Ed25519; -E2BIG: too many. */
int signing_keys_add(struct signing_keys *keys, struct span pem, struct file_error *error);
/* -EINVAL: it is no signature. */
int signature_read(struct signature *ret, struct span text, struct file_error *error);
/* 0: one of the keys has signed what the descriptor has.  -ENOKEY: it is by none of these; -EBADMSG: it is of another content; other
 * -errno: the file cannot be read. */
int signature_check(const struct signature *signature, const struct signing_keys *keys, int fd, struct file_error *error);
