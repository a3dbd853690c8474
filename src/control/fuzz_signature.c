/* The text of a signature and a file of public keys, split at the first NUL. */

#include "control/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = size > 0 ? memchr(text, 0, size) : NULL;
	size_t n = end ? (size_t)(end - text) : size;
	struct signing_keys keys = { .n = 0 };
	struct signature signature;
	struct file_error error;

	if (signature_read(&signature, (struct span){ text, n }, &error) == 0 && signature.key_id[16] != 0)
		abort();
	if (end && signing_keys_add(&keys, (struct span){ end + 1, size - n - 1 }, &error) == 0 && keys.n == 0)
		abort();
	return 0;
}
