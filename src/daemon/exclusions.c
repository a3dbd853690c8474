/* What all subscriptions leave out, for the source that can leave it out itself. */

#include "daemon/exclusions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int add_required(void *user, struct span text, bool by_prefix)
{
	struct exclusions *exclusions = user;

	if (exclusions->n_required == ARRAY_SIZE(exclusions->required))
		return -ENOSPC;
	exclusions->required[exclusions->n_required++] = (struct source_exclusion){ .path = text, .below = by_prefix };
	return 0;
}

void exclusions_find(struct exclusions *exclusions, const struct filter *filter)
{
	bool opened[N_KINDS] = { [KIND_ID(file, create)] = true, [KIND_ID(file, write)] = true, [KIND_ID(file, read)] = true };
	bool acted[N_KINDS] = { false };

	for (unsigned i = 0; i < N_KINDS; i++)
		acted[i] = kinds[i].category == CATEGORY_file || kinds[i].category == CATEGORY_network ||
			   kinds[i].category == CATEGORY_dns || kinds[i].category == CATEGORY_image ||
			   kinds[i].category == CATEGORY_http;
	*exclusions = (struct exclusions){ 0 };
	/* More than there is room for: those are left out by the filter. */
	filter_excluded(filter, opened, FIELD_path, add_path, exclusions);
	if (filter_required(filter, opened, (const enum field[]){ FIELD_path, FIELD_target_path }, 2, add_required, exclusions) <= 0)
		exclusions->n_required = 0;	/* no bound, or too many to tell */
	filter_excluded(filter, acted, FIELD_name, add_name, exclusions);
}

static void keep_common_paths(struct exclusions *exclusions, const struct exclusions *other)
{
	size_t n = 0;

	for (size_t i = 0; i < exclusions->n_paths; i++)
		for (size_t k = 0; k < other->n_paths; k++)
			if (exclusions->paths[i].below == other->paths[k].below &&
			    span_eq(exclusions->paths[i].path, other->paths[k].path)) {
				exclusions->paths[n++] = exclusions->paths[i];
				break;
			}
	exclusions->n_paths = n;
}

static void keep_common_names(struct exclusions *exclusions, const struct exclusions *other)
{
	size_t n = 0;

	for (size_t i = 0; i < exclusions->n_names; i++)
		for (size_t k = 0; k < other->n_names; k++)
			if (span_eq(exclusions->names[i], other->names[k])) {
				exclusions->names[n++] = exclusions->names[i];
				break;
			}
	exclusions->n_names = n;
}

void exclusions_keep_common(struct exclusions *exclusions, const struct exclusions *other)
{
	keep_common_paths(exclusions, other);
	keep_common_names(exclusions, other);
	/* One that has no bounds and wants no such files at all looks the same here. */
	if (exclusions->n_required == 0 || other->n_required == 0 ||
	    exclusions->n_required + other->n_required > ARRAY_SIZE(exclusions->required)) {
		exclusions->n_required = 0;
		return;
	}
	memcpy(exclusions->required + exclusions->n_required, other->required, other->n_required * sizeof(*other->required));
	exclusions->n_required += other->n_required;
}

bool exclusions_pass(const struct exclusions *exclusions, struct span path)
{
	bool passes = exclusions->n_required == 0;

	for (size_t i = 0; i < exclusions->n_required; i++)
		passes |= exclusions->required[i].below ? span_starts(path, exclusions->required[i].path) :
							  span_eq(path, exclusions->required[i].path);
	for (size_t i = 0; i < exclusions->n_paths; i++)
		passes &= !span_starts(path, exclusions->paths[i].path);
	return passes;
}
