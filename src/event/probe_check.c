/* See probe_check.h. */

#include "event/probe_check.h"

#include <errno.h>

int probe_check(struct span bytes)
{
	const struct probe_record *record = (const struct probe_record *)(const void *)bytes.data;
	size_t size = sizeof(*record);

	if (bytes.size < sizeof(*record) || (uintptr_t)bytes.data % _Alignof(struct probe_record) != 0)
		return -EINVAL;
	if (record->head.type == 0 || record->head.type >= N_PROBE_TYPES || record->call >= N_PROBE_CALLS)
		return -EINVAL;
	for (unsigned i = 0; i < PROBE_TEXTS; i++)
		size += record->text_bytes[i];
	return size <= bytes.size ? 0 : -EINVAL;
}

struct span probe_text(struct span bytes, unsigned n)
{
	const struct probe_record *record = (const struct probe_record *)(const void *)bytes.data;
	size_t at = sizeof(*record);

	for (unsigned i = 0; i < n; i++)
		at += record->text_bytes[i];
	if (record->head.type == PROBE_EXEC && n == EXEC_ARGS)
		return (struct span){ bytes.data + at, bytes.size - at };
	return (struct span){ bytes.data + at, record->text_bytes[n] };
}
