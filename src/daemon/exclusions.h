#pragma once
/* What all subscriptions leave out, see filter_excluded(). */

#include "filter/filter.h"
#include "source/source.h"

struct exclusions {
	struct source_exclusion paths[128];	/* of files opened or written to */
	size_t n_paths;
	struct span names[128];			/* of processes of which only their life is wanted */
	size_t n_names;
};

/* The texts are borrowed from the filter. */
void exclusions_find(struct exclusions *exclusions, const struct filter *filter);
