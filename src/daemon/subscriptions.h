#pragma once
/* The subscriptions in force: those saved in the state folder, and the one given on the command line. */

#include "control/subscription_file.h"
#include "daemon/refusal.h"
#include "filter/filter.h"

struct subscriptions {
	struct subscription **list;
	size_t n;
	struct filter *filter;		/* of all of them */
	struct refusal *refused;	/* files that could not be used, logged */
	unsigned n_refused;
};

/* extra_path: one more, not saved; it replaces a saved one of its name.  NULL: none.
 * 0; -EINVAL: extra_path is wrong, logged; -ENOMEM.  A saved file that is wrong is logged, listed and left out. */
int subscriptions_load(struct subscriptions *subscriptions, const struct subscription_folder *folder, const char *extra_path);
void subscriptions_release(struct subscriptions *subscriptions);
