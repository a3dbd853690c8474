/* Any bytes as a line of each file: its columns lie in it, in their order, and none has a NUL. */

#include "event/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *begin = (const char *)data;
	struct account_line line;
	struct span hash;

	for (unsigned file = 0; file < N_ACCOUNT_FILES; file++) {
		const char *at = begin;

		if (!account_line_parse((enum account_file)file, (struct span){ begin, size }, &line))
			continue;
		if (line.columns[ACCOUNT_NAME].size == 0)
			__builtin_trap();
		for (unsigned i = 0; i < ACCOUNT_COLUMNS && line.columns[i].data; i++) {
			if (line.columns[i].data < at || line.columns[i].data + line.columns[i].size > begin + size ||
			    memchr(line.columns[i].data, 0, line.columns[i].size))
				__builtin_trap();
			at = line.columns[i].data + line.columns[i].size;
			password_looks_so(line.columns[i]);
		}
		password_state_of(line.columns[ACCOUNT_PASSWORD], &hash);
		if (hash.size > line.columns[ACCOUNT_PASSWORD].size)
			__builtin_trap();
	}
	return 0;
}
