/* Signatures: what is altered is found, and every text that is none is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/signature.h"

/* That of RFC 8032, section 7.1, test 3. */
static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=\n"
			  "-----END PUBLIC KEY-----\n";

static struct file_error error;

static int file_of(const char *bytes, size_t n)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	return fd;
}

static int check(const struct signature *signature, const struct signing_keys *keys, const char *bytes, size_t n)
{
	int fd = file_of(bytes, n), r = signature_check(signature, keys, fd, &error);

	close(fd);
	return r;
}

/* A key of the test, and what it says of some bytes. */
static void sign(struct signing_keys *keys, struct signature *ret, const char *bytes, size_t n)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	BIO *bio = BIO_new(BIO_s_mem());
	size_t size = sizeof(ret->bytes);
	char *text;
	long length;

	assert_true(key && context && bio);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	length = BIO_get_mem_data(bio, &text);
	assert_int_equal(signing_keys_add(keys, (struct span){ text, (size_t)length }, &error), 0);
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, ret->bytes, &size, (const unsigned char *)bytes, n), 1);
	strcpy(ret->key_id, keys->keys[keys->n - 1].id);
	BIO_free(bio);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
}

static void test_altered(void **state)
{
	struct signing_keys keys = { .n = 0 }, others = { .n = 0 };
	struct signature signature, other;
	char bytes[5000];

	memset(bytes, 'x', sizeof(bytes));
	sign(&keys, &signature, bytes, sizeof(bytes));
	sign(&others, &other, bytes, sizeof(bytes));
	assert_int_equal(check(&signature, &keys, bytes, sizeof(bytes)), 0);
	assert_int_equal(check(&signature, &keys, bytes, sizeof(bytes) - 1), -EBADMSG);
	for (size_t i = 0; i < sizeof(bytes); i += 499) {
		bytes[i] ^= 1;
		assert_int_equal(check(&signature, &keys, bytes, sizeof(bytes)), -EBADMSG);
		bytes[i] ^= 1;
	}
	for (size_t i = 0; i < sizeof(signature.bytes); i++) {
		signature.bytes[i] ^= 64;
		assert_int_equal(check(&signature, &keys, bytes, sizeof(bytes)), -EBADMSG);
		signature.bytes[i] ^= 64;
	}
	assert_int_equal(check(&signature, &others, bytes, sizeof(bytes)), -ENOKEY);
	assert_int_equal(check(&signature, &(struct signing_keys){ .n = 0 }, bytes, sizeof(bytes)), -ENOKEY);
	/* Signed by the one in the name of the other. */
	strcpy(other.key_id, signature.key_id);
	assert_int_equal(check(&other, &keys, bytes, sizeof(bytes)), -EBADMSG);
	assert_int_equal(check(&signature, &keys, "", 0), -EFBIG);
}

static void test_keys(void **state)
{
	struct signing_keys keys = { .n = 0 };
	char two[3 * sizeof(pem)], many[16 * sizeof(pem)] = "";
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;

	assert_int_equal(signing_keys_add(&keys, SPAN("nothing"), &error), -EINVAL);
	assert_int_equal(signing_keys_add(&keys, (struct span){ NULL, 0 }, &error), -EINVAL);
	assert_int_equal(keys.n, 0);
	snprintf(two, sizeof(two), "# of 2026\n%s%s", pem, pem);
	assert_int_equal(signing_keys_add(&keys, span_of(two), &error), 0);
	assert_int_equal(keys.n, 2);
	assert_string_equal(keys.keys[0].id, keys.keys[1].id);
	for (unsigned i = 0; i < SIGNING_KEYS_MAX; i++)
		strcat(many, pem);
	assert_int_equal(signing_keys_add(&keys, span_of(many), &error), -E2BIG);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, rsa), 1);
	length = BIO_get_mem_data(bio, &text);
	keys.n = 0;
	assert_int_equal(signing_keys_add(&keys, (struct span){ text, (size_t)length }, &error), -EINVAL);
	assert_non_null(strstr(error.message, "not of Ed25519"));
	BIO_free(bio);
	EVP_PKEY_free(rsa);
}

#define WHOLE "recorder-signature 1\nkey: 0123456789abcdef\nsignature: " \
	      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"

static void test_text(void **state)
{
	static const char *const wrong[] = {
		"", "\n", "recorder-signature 2\n", "recorder-signature 1", "recorder-signature 1\n", "recorder-signature 1\nkey: 0123456789abcde\n",
		"recorder-signature 1\nkey: 0123456789ABCDEF\nsignature: \n", "recorder-signature 1\nkey: 0123456789abcdef\n",
		WHOLE "\n", WHOLE WHOLE, " " WHOLE,
	};
	char text[sizeof(WHOLE)];
	struct signature signature;

	assert_int_equal(signature_read(&signature, span_of(WHOLE), &error), 0);
	assert_string_equal(signature.key_id, "0123456789abcdef");
	assert_int_equal(signature.bytes[0] | signature.bytes[63], 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(signature_read(&signature, span_of(wrong[i]), &error), -EINVAL);
	for (size_t n = 0; n < sizeof(WHOLE) - 1; n++)
		assert_int_equal(signature_read(&signature, (struct span){ WHOLE, n }, &error), -EINVAL);
	strcpy(text, WHOLE);
	text[sizeof(WHOLE) - 5] = '!';
	assert_int_equal(signature_read(&signature, span_of(text), &error), -EINVAL);
}

/* What scripts/sign makes. */
static void test_script(void **state)
{
	const char *source = getenv("RECORDER_SOURCE_DIR");
	char top[] = "/tmp/test_signature.XXXXXX", command[4096], text[SIGNATURE_TEXT_MAX + 1];
	struct signing_keys keys = { .n = 0 };
	struct signature signature;
	int fd;
	ssize_t n;

	assert_non_null(source);
	assert_non_null(mkdtemp(top));
	snprintf(command, sizeof(command), "cd %s && openssl genpkey -algorithm ed25519 -out key && openssl pkey -in key -pubout -out pub && "
		 "printf content >file && %s/scripts/sign key file", top, source);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/pub", top);
	fd = open(command, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	assert_int_equal(signing_keys_add(&keys, (struct span){ text, (size_t)n }, &error), 0);
	snprintf(command, sizeof(command), "%s/file.sig", top);
	fd = open(command, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	assert_int_equal(signature_read(&signature, (struct span){ text, (size_t)n }, &error), 0);
	assert_string_equal(signature.key_id, keys.keys[0].id);
	assert_int_equal(check(&signature, &keys, "content", 7), 0);
	assert_int_equal(check(&signature, &keys, "contend", 7), -EBADMSG);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_altered), cmocka_unit_test(test_keys), cmocka_unit_test(test_text), cmocka_unit_test(test_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
