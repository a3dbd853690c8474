/* See refusal.h. */

#include "daemon/refusal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int refusal_add(struct refusal **list, unsigned *n, const char *file, const char *why)
{
	struct refusal *larger = realloc(*list, (*n + 1) * sizeof(**list));

	if (!larger)
		return -ENOMEM;
	*list = larger;
	larger[*n] = (struct refusal){ strdup(file), strdup(why) };
	if (!larger[*n].file || !larger[*n].why) {
		free(larger[*n].file);
		free(larger[*n].why);
		return -ENOMEM;
	}
	++*n;
	return 0;
}

void refusals_release(struct refusal **list, unsigned *n)
{
	for (unsigned i = 0; i < *n; i++) {
		free((*list)[i].file);
		free((*list)[i].why);
	}
	free(*list);
	*list = NULL;
	*n = 0;
}
