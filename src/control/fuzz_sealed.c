/* Any bytes as a sealed file: never opened, since nobody has the key.  As a text: what is made of it opens to the same, and not
 * when a byte of it is another. */

#include "control/sealed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char bytes[SEAL_KEY_BYTES] = { 1, 2, 3 };
	_cleanup_(buffer_release) struct buffer sealed = { 0 }, text = { 0 };
	struct span input = { (const char *)data, size }, name = { input.data, MIN(size, 8u) };
	struct seal_key key;
	size_t at;

	if (seal_key_init(&key, bytes) < 0)
		abort();
	if (sealed_open(&text, &key, SPAN("name"), input) == 0)
		abort();
	/* With a head that passes, so that what stands behind it is looked at. */
	buffer_append(&sealed, "\x89RSEAL\n\x01", 8);
	buffer_append(&sealed, key.id, sizeof(key.id));
	buffer_append_span(&sealed, input);
	if (sealed_open(&text, &key, SPAN("name"), buffer_span(&sealed)) == 0 || text.size > 0)
		abort();

	buffer_clear(&sealed);
	if (sealed_make(&sealed, &key, name, input) < 0)
		abort();
	if (sealed_open(&text, &key, name, buffer_span(&sealed)) < 0 || !span_eq(buffer_span(&text), input))
		abort();
	buffer_clear(&text);
	at = span_hash(input, 0) % sealed.size;
	sealed.data[at] ^= 1;
	if (sealed_open(&text, &key, name, buffer_span(&sealed)) == 0 || text.size > 0)
		abort();
	return 0;
}
