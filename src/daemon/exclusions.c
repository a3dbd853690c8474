/* What all subscriptions leave out, for the source that can leave it out itself. */

#include "daemon/exclusions.h"

#include <errno.h>
#include <stdlib.h>

static int add_path(void *user, struct span text, bool by_prefix)
{
	struct exclusions *exclusions = user;

	if (exclusions->n_paths == ARRAY_SIZE(exclusions->paths))
		return -ENOSPC;
	exclusions->paths[exclusions->n_paths++] = (struct source_exclusion){ .path = text, .below = by_prefix };
	return 0;
}

static int add_name(void *user, struct span text, bool by_prefix)
{
	struct exclusions *exclusions = user;

	if (by_prefix)
		return 0;
	if (exclusions->n_names == ARRAY_SIZE(exclusions->names))
		return -ENOSPC;
	exclusions->names[exclusions->n_names++] = text;
	return 0;
}

void exclusions_find(struct exclusions *exclusions, const struct filter *filter)
{
	bool opened[N_KINDS] = { [KIND_ID(file, create)] = true, [KIND_ID(file, write)] = true, [KIND_ID(file, read)] = true };
	bool acted[N_KINDS] = { false };

	for (unsigned i = 0; i < N_KINDS; i++)
		acted[i] = kinds[i].category == CATEGORY_file || kinds[i].category == CATEGORY_network ||
			   kinds[i].category == CATEGORY_dns || kinds[i].category == CATEGORY_image;
	*exclusions = (struct exclusions){ 0 };
	/* More than there is room for: those are left out by the filter. */
	filter_excluded(filter, opened, FIELD_path, add_path, exclusions);
	filter_excluded(filter, acted, FIELD_name, add_name, exclusions);
}
