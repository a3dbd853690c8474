/* See sealed.h. */

#include "control/sealed.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define MAGIC SPAN("\x89RSEAL\n")
#define VERSION 1

enum { VERSION_AT = 7, KEY_AT = 8, LENGTH_AT = 16, NONCE_AT = 20 };

DEFINE_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

int seal_key_init(struct seal_key *ret, const unsigned char bytes[SEAL_KEY_BYTES])
{
	const struct span label = SPAN("recorder seal key");
	unsigned char input[64], digest[EVP_MAX_MD_SIZE];
	int done;

	memcpy(input, label.data, label.size);
	memcpy(input + label.size, bytes, SEAL_KEY_BYTES);
	done = EVP_Digest(input, label.size + SEAL_KEY_BYTES, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_cleanse(input, sizeof(input));
	if (done != 1) {
		ERR_clear_error();
		return -ENOMEM;
	}
	memcpy(ret->bytes, bytes, SEAL_KEY_BYTES);
	memcpy(ret->id, digest, sizeof(ret->id));
	return 0;
}

void seal_key_wipe(struct seal_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

bool sealed_is(struct span bytes)
{
	return span_starts(bytes, MAGIC);
}

static void put_length(unsigned char *at, size_t length)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (unsigned char)(length >> (24 - 8 * i));
}

static size_t length_of(const unsigned char *at)
{
	return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static const unsigned char *bytes_of(struct span s)
{
	return (const unsigned char *)s.data;
}

/* Lengths are bounded by SEALED_MAX. */
static bool encrypt(const struct seal_key *key, struct span name, struct span text, unsigned char *head)
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	unsigned char *out = head + SEALED_HEAD_BYTES;
	int n;

	return cipher && EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, head + NONCE_AT) == 1 &&
	       EVP_EncryptUpdate(cipher, NULL, &n, head, SEALED_HEAD_BYTES) == 1 &&
	       EVP_EncryptUpdate(cipher, NULL, &n, bytes_of(name), (int)name.size) == 1 &&
	       EVP_EncryptUpdate(cipher, out, &n, bytes_of(text), (int)text.size) == 1 &&
	       EVP_EncryptFinal_ex(cipher, out + text.size, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, SEALED_TAG_BYTES, out + text.size) == 1;
}

int sealed_make(struct buffer *ret, const struct seal_key *key, struct span name, struct span text)
{
	size_t size = SEALED_HEAD_BYTES + text.size + SEALED_TAG_BYTES;
	unsigned char *head;

	if (text.size > SEALED_TEXT_MAX || name.size > SEALED_TEXT_MAX)
		return -EFBIG;
	head = (unsigned char *)buffer_reserve(ret, size);
	if (!head)
		return -ENOMEM;
	memcpy(head, MAGIC.data, MAGIC.size);
	head[VERSION_AT] = VERSION;
	memcpy(head + KEY_AT, key->id, sizeof(key->id));
	put_length(head + LENGTH_AT, text.size);
	if (RAND_bytes(head + NONCE_AT, SEALED_HEAD_BYTES - NONCE_AT) != 1 || !encrypt(key, name, text, head)) {
		ERR_clear_error();
		return -EIO;
	}
	ret->size += size;
	return 0;
}

/* 0: not before the tag has fitted is anything of it to be used. */
static int decrypt(unsigned char *out, const struct seal_key *key, struct span name, const unsigned char *head, size_t length)
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	const unsigned char *text = head + SEALED_HEAD_BYTES;
	unsigned char tag[SEALED_TAG_BYTES];
	int n;

	memcpy(tag, text + length, sizeof(tag));
	if (!cipher || EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, head + NONCE_AT) != 1 ||
	    EVP_DecryptUpdate(cipher, NULL, &n, head, SEALED_HEAD_BYTES) != 1 ||
	    EVP_DecryptUpdate(cipher, NULL, &n, bytes_of(name), (int)name.size) != 1 ||
	    EVP_DecryptUpdate(cipher, out, &n, text, (int)length) != 1 ||
	    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) != 1)
		return -EIO;
	return EVP_DecryptFinal_ex(cipher, out + length, &n) == 1 ? 0 : -EBADMSG;
}

int sealed_open(struct buffer *ret, const struct seal_key *key, struct span name, struct span bytes)
{
	const unsigned char *head = bytes_of(bytes);
	unsigned char *text;
	size_t length;
	int r;

	if (!sealed_is(bytes))
		return -EINVAL;
	if (bytes.size > SEALED_MAX || name.size > SEALED_TEXT_MAX)
		return -EFBIG;
	if (bytes.size > VERSION_AT && head[VERSION_AT] != VERSION)
		return -EPROTONOSUPPORT;
	if (bytes.size < SEALED_HEAD_BYTES + SEALED_TAG_BYTES)
		return -ENODATA;
	if (memcmp(head + KEY_AT, key->id, sizeof(key->id)) != 0)
		return -EKEYREJECTED;
	length = length_of(head + LENGTH_AT);
	if (length != bytes.size - SEALED_HEAD_BYTES - SEALED_TAG_BYTES)
		return length > bytes.size - SEALED_HEAD_BYTES - SEALED_TAG_BYTES ? -ENODATA : -EBADMSG;
	text = (unsigned char *)buffer_reserve(ret, MAX(length, 1u));
	if (!text)
		return -ENOMEM;
	r = decrypt(text, key, name, head, length);
	if (r < 0) {
		OPENSSL_cleanse(text, length);
		ERR_clear_error();
		return r;
	}
	ret->size += length;
	return 0;
}

void sealed_wipe(struct buffer *text)
{
	if (text->data)
		OPENSSL_cleanse(text->data, text->size);
	buffer_release(text);
}
