/* Bytes -> pushes and pops in any order: every record comes out once, or is counted as dropped. */

#include <stdlib.h>

#include "assemble/assemble.h"
#include "base/macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct assembler_options options = { .timeout_ns = 1000, .soft_hold_ns = 100, .soft_drafts = 4,
						   .max_drafts = 16, .max_bytes = 4096 };
	_cleanup_(assembler_freep) struct assembler *assembler = NULL;
	uint64_t now_ns = 0, pushed = 0, came = 0;
	struct draft *draft;

	if (assembler_new(&assembler, &options) < 0)
		return 0;
	for (size_t i = 0; i + 4 <= size; i += 4) {
		struct assembler_key key = { .serial = data[i] % 32, .time_ns = data[i] / 128,
					     .ends_event = data[i + 1] & 1, .may_end_event = data[i + 1] & 2,
					     .is_single = (data[i + 1] & 12) == 12 };
		size_t body = MIN((size_t)data[i + 2] * 4, size - i);

		now_ns += data[i + 3];
		pushed++;
		if (assembler_push(assembler, &key, 1300, (struct span){ (const char *)data + i, body },
				   data[i + 1] & 64, now_ns) < 0)
			abort();
		while (data[i + 1] & 128 && assembler_pop(assembler, now_ns, &draft) > 0)
			came += draft->n_records + draft->n_dropped;
	}
	while (assembler_drain(assembler, &draft) > 0)
		came += draft->n_records + draft->n_dropped;
	if (came != pushed)
		abort();
	return 0;
}
