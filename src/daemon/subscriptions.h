#pragma once
/* The subscriptions in force: those saved in the state folder, and the one given on the command line. */

#include "filter/filter.h"

struct subscriptions {
	struct subscription **list;
	size_t n;
	struct filter *filter;		/* of all of them */
	unsigned n_refused;		/* files that could not be used, logged */
};

/* extra_path: one more, not saved; it replaces a saved one of its name.  NULL: none.
 * 0; -EINVAL: extra_path is wrong, logged; -ENOMEM.  A saved file that is wrong is logged, counted and left out. */
int subscriptions_load(struct subscriptions *subscriptions, const char *dir, const char *extra_path);
void subscriptions_release(struct subscriptions *subscriptions);
