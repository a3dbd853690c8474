/* Any bytes as a datagram of the process connector: a record that fits its room, or none. */

#include <stdlib.h>

#include "event/record.h"
#include "source/connector.h"
#include "source/own_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t start_ticks(void *user, uint32_t pid)
{
	return (uint64_t)pid << *(const uint8_t *)user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connector_clocks clocks = { 0 };
	char text[OWN_TEXT_MAX];
	size_t n = 0;
	uint8_t shift = size > 0 ? data[0] % 64 : 0;
	uint32_t type;

	if (size > sizeof(clocks))
		memcpy(&clocks, data + size - sizeof(clocks), sizeof(clocks));
	type = connector_text((const char *)data, size, &clocks, start_ticks, &shift, text, &n);
	if (type != 0 && type != RECORD_FORK && type != RECORD_EXIT)
		abort();
	if (type != 0 && (n == 0 || n > sizeof(text) || memchr(text, '\n', n)))
		abort();
	return 0;
}
