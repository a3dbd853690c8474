#pragma once
/* What all subscriptions leave out, see filter_excluded() and filter_required(). */

#include "filter/filter.h"
#include "source/source.h"

struct exclusions {
	struct source_exclusion paths[128];	/* of files opened or written to */
	size_t n_paths;
	struct source_exclusion required[128];	/* of what is opened or written to only this is wanted... */
	size_t n_required;			/* ...if there is any */
	struct span names[128];			/* of processes of which only their life is wanted */
	size_t n_names;
};

/* The texts are borrowed from the filter. */
void exclusions_find(struct exclusions *exclusions, const struct filter *filter);
/* What both leave out. */
void exclusions_keep_common(struct exclusions *exclusions, const struct exclusions *other);
/* Whether an event of a file with this path is asked for. */
bool exclusions_pass(const struct exclusions *exclusions, struct span path);
