/* See signature.h.  The file is mapped: Ed25519 goes over its bytes twice, so it is no digest that can be fed. */

#include "control/signature.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/macro.h"

#define FILE_MAX ((off_t)1 << 30)

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void md_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static int add_key(struct signing_keys *keys, const EVP_PKEY *key, struct file_error *error)
{
	struct signing_key *next = &keys->keys[keys->n];
	size_t size = sizeof(next->bytes);
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (EVP_PKEY_base_id(key) != EVP_PKEY_ED25519)
		return file_fail(error, -EINVAL, "a key that is not of Ed25519");
	if (keys->n == SIGNING_KEYS_MAX)
		return file_fail(error, -E2BIG, "more than %d keys", SIGNING_KEYS_MAX);
	if (EVP_PKEY_get_raw_public_key(key, next->bytes, &size) != 1 || size != sizeof(next->bytes))
		return file_fail(error, -EINVAL, "a key that cannot be read");
	SHA256(next->bytes, sizeof(next->bytes), digest);
	for (size_t i = 0; i < (sizeof(next->id) - 1) / 2; i++)
		snprintf(next->id + 2 * i, 3, "%02x", digest[i]);
	keys->n++;
	return 0;
}

int signing_keys_add(struct signing_keys *keys, struct span pem, struct file_error *error)
{
	_cleanup_(bio_freep) BIO *bio = pem.size > 0 && pem.size <= SIGNING_KEYS_TEXT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	unsigned before = keys->n;
	int r = 0;

	while (bio && r >= 0) {
		_cleanup_(pkey_freep) EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

		if (!key)
			break;
		r = add_key(keys, key, error);
	}
	ERR_clear_error();
	if (r >= 0 && keys->n == before)
		return file_fail(error, -EINVAL, "no public key in PEM");
	return r;
}

/* "NAME: VALUE\n", taken off. */
static bool take_line(struct span *text, const char *start, struct span *ret)
{
	size_t n = strlen(start);
	const char *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;

	if (!end || (size_t)(end - text->data) < n || memcmp(text->data, start, n) != 0)
		return false;
	*ret = (struct span){ text->data + n, (size_t)(end - text->data) - n };
	text->size -= (size_t)(end + 1 - text->data);
	text->data = end + 1;
	return true;
}

static bool is_id(struct span id)
{
	for (size_t i = 0; i < id.size; i++)
		if (!memchr("0123456789abcdef", id.data[i], 16))
			return false;
	return id.size == 16;
}

int signature_read(struct signature *ret, struct span text, struct file_error *error)
{
	struct span version, id, base64;
	unsigned char bytes[66];		/* whole groups of three */
	struct signature signature;

	if (text.size > SIGNATURE_TEXT_MAX || !take_line(&text, "recorder-signature ", &version) || !span_eq(version, SPAN("1")))
		return file_fail(error, -EINVAL, "not a signature of version 1");
	if (!take_line(&text, "key: ", &id) || !is_id(id))
		return file_fail(error, -EINVAL, "its second line is not 'key: ID'");
	/* 64 bytes are 86 digits and two to fill up. */
	if (!take_line(&text, "signature: ", &base64) || base64.size != 88 || memcmp(base64.data + 86, "==", 2) != 0 || text.size > 0 ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)base64.data, (int)base64.size) != sizeof(bytes))
		return file_fail(error, -EINVAL, "its third and last line is not 'signature: ' and 64 bytes in base64");
	memcpy(signature.key_id, id.data, id.size);
	signature.key_id[id.size] = 0;
	memcpy(signature.bytes, bytes, sizeof(signature.bytes));
	*ret = signature;
	return 0;
}

static int check(const struct signature *signature, const struct signing_key *key, const void *data, size_t size, struct file_error *error)
{
	_cleanup_(pkey_freep) EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, sizeof(key->bytes));
	_cleanup_(md_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	int is_right = -1;

	if (pkey && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1)
		is_right = EVP_DigestVerify(context, signature->bytes, sizeof(signature->bytes), data, size);
	ERR_clear_error();
	if (is_right == 1)
		return 0;
	return file_fail(error, -EBADMSG, "the signature by key %s is not of this content: one of the two was altered", key->id);
}

int signature_check(const struct signature *signature, const struct signing_keys *keys, int fd, struct file_error *error)
{
	const struct signing_key *key = NULL;
	struct stat st;
	void *data;
	int r;

	for (unsigned i = 0; i < keys->n; i++)
		if (strcmp(keys->keys[i].id, signature->key_id) == 0)
			key = &keys->keys[i];
	if (!key)
		return file_fail(error, -ENOKEY, "signed by key %s, which is none of those that are trusted", signature->key_id);
	if (fstat(fd, &st) < 0)
		return file_fail_errno(error, -errno, "cannot be looked at");
	if (st.st_size <= 0 || st.st_size > FILE_MAX)
		return file_fail(error, -EFBIG, "empty, or too large");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return file_fail_errno(error, -errno, "cannot be read");
	r = check(signature, key, data, (size_t)st.st_size, error);
	munmap(data, (size_t)st.st_size);
	return r;
}
