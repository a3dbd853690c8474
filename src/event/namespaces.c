/* See namespaces.h. */

#include "event/namespaces.h"

#define NAMESPACE_NAME(name) #name,
const char *const namespace_names[N_NAMESPACES] = { NAMESPACES(NAMESPACE_NAME) };

void namespaces_text(struct buffer *text, const uint32_t inodes[static N_NAMESPACES])
{
	const char *between = "";

	for (size_t i = 0; i < N_NAMESPACES; i++) {
		if (inodes[i] == 0)
			continue;
		buffer_printf(text, "%s%s:%u", between, namespace_names[i], inodes[i]);
		between = " ";
	}
	if (*between == 0)
		buffer_append_text(text, "host");
}
