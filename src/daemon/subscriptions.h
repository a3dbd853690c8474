#pragma once
/* A set of subscriptions and the filter made of it.  Sets share their subscriptions, so that a change is made beside the set in
 * force and takes its place as a whole.  Of the control thread alone. */

#include "filter/filter.h"

#define MAX_SUBSCRIPTIONS 1024

struct subscription_entry {
	struct subscription *subscription;
	struct buffer document;		/* its text */
	bool is_saved;			/* in the state folder */
	unsigned references;
};
/* 0; -EINVAL with *error set; -ENOMEM. */
int subscription_entry_new(struct subscription_entry **ret, struct span document, bool is_saved, struct filter_error *error);
struct subscription_entry *subscription_entry_unref(struct subscription_entry *entry);
DEFINE_CLEANUP(struct subscription_entry, subscription_entry_unref)
const char *subscription_entry_name(const struct subscription_entry *entry);

struct subscriptions {
	struct subscription_entry **list;
	size_t n;
	struct filter *filter;		/* of all of them; NULL: not compiled yet */
};
/* Without the filter.  0; -ENOMEM. */
int subscriptions_copy(struct subscriptions *ret, const struct subscriptions *from);
/* In the place of the one of its name if there is one; the caller's reference stays his.  0; -EINVAL: they cannot be beside each
 * other, or there are too many; -ENOMEM. */
int subscriptions_put(struct subscriptions *subscriptions, struct subscription_entry *entry, struct filter_error *error);
struct subscription_entry *subscriptions_find(const struct subscriptions *subscriptions, struct span name);	/* or NULL */
void subscriptions_remove(struct subscriptions *subscriptions, struct span name);
/* 0; -EINVAL: they have more streams than there can be; -ENOMEM. */
int subscriptions_compile(struct subscriptions *subscriptions, struct filter_error *error);
void subscriptions_release(struct subscriptions *subscriptions);
