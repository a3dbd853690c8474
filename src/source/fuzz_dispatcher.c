/* Bytes as auditd's, in pieces whose size the first byte says -> records: of one line each, and all of one piece is the same. */

#include "source/dispatcher.h"

#include "base/macro.h"

static int check(void *user, const struct record *record)
{
	if (memchr(record->text.data, '\n', record->text.size) || record->text.size > DISPATCHER_LINE_MAX ||
	    record->type >= RECORD_OWN_FIRST || (record->type != 0 && !span_starts(record->text, SPAN("audit("))))
		__builtin_trap();
	*(uint64_t *)user = span_hash(record->text, *(uint64_t *)user + record->type);
	return 0;
}

static uint64_t feed(struct span bytes, size_t step)
{
	struct dispatcher dispatcher = { 0 };
	uint64_t sum = 0;

	for (size_t at = 0; at < bytes.size; at += step)
		if (dispatcher_push(&dispatcher, (struct span){ bytes.data + at, MIN(step, bytes.size - at) }, check, &sum) < 0 ||
		    dispatcher.left.size > DISPATCHER_LINE_MAX + step)
			__builtin_trap();
	dispatcher_release(&dispatcher);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data + 1, size - 1 };

	if (size > 1 && feed(bytes, (size_t)data[0] + 1) != feed(bytes, bytes.size))
		__builtin_trap();
	return 0;
}
