/* Any bytes as a pattern and, behind the first newline, a subject: whatever matches has the required text in it. */

#include <stdlib.h>
#include <string.h>

#include "filter/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *newline = size ? memchr(data, '\n', size) : NULL;
	size_t at = newline ? (size_t)(newline - (const char *)data) : size;
	struct span text = { (const char *)data, at }, subject = { (const char *)data + at, size - at };

	for (unsigned fold = 0; fold < 2; fold++) {
		struct filter_error error;
		struct pattern *pattern = NULL;
		struct span required;

		if (pattern_new(&pattern, text, fold, &error) < 0)
			continue;
		required = pattern_required(pattern);
		/* Every text is its own subject too. */
		for (unsigned i = 0; i < 2; i++) {
			struct span s = i ? text : subject;
			char *folded = malloc(s.size + 1);

			for (size_t k = 0; folded && k < s.size; k++)
				folded[k] = (char)(fold && s.data[k] >= 'A' && s.data[k] <= 'Z' ? s.data[k] | 0x20 : s.data[k]);
			if (folded && required.size > 0 && pattern_match(pattern, s) &&
			    !memmem(folded, s.size, required.data, required.size))
				abort();
			free(folded);
		}
		pattern_free(pattern);
	}
	return 0;
}
