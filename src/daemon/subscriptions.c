/* See subscriptions.h. */

#include "daemon/subscriptions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"

/* A subscription */

int subscription_entry_new(struct subscription_entry **ret, struct span document, bool is_saved, struct filter_error *error)
{
	_cleanup_(subscription_entry_unrefp) struct subscription_entry *entry = calloc(1, sizeof(*entry));
	int r;

	if (!entry)
		return -ENOMEM;
	entry->references = 1;
	entry->is_saved = is_saved;
	r = subscription_parse(&entry->subscription, document, error);
	if (r < 0)
		return r;
	buffer_append_span(&entry->document, document);
	if (buffer_error(&entry->document) < 0)
		return -ENOMEM;
	*ret = TAKE(entry);
	return 0;
}

struct subscription_entry *subscription_entry_unref(struct subscription_entry *entry)
{
	if (!entry || --entry->references > 0)
		return NULL;
	subscription_free(entry->subscription);
	buffer_release(&entry->document);
	free(entry);
	return NULL;
}

const char *subscription_entry_name(const struct subscription_entry *entry)
{
	return subscription_name(entry->subscription);
}

/* A set of them */

int subscriptions_copy(struct subscriptions *ret, const struct subscriptions *from)
{
	struct subscriptions copy = { .list = calloc(from->n + 1, sizeof(struct subscription_entry *)) };

	if (!copy.list)
		return -ENOMEM;
	for (; copy.n < from->n; copy.n++) {
		copy.list[copy.n] = from->list[copy.n];
		copy.list[copy.n]->references++;
	}
	*ret = copy;
	return 0;
}

static size_t place_of(const struct subscriptions *subscriptions, struct span name)
{
	size_t i = 0;

	while (i < subscriptions->n && !span_eq(span_of(subscription_entry_name(subscriptions->list[i])), name))
		i++;
	return i;
}

struct subscription_entry *subscriptions_find(const struct subscriptions *subscriptions, struct span name)
{
	size_t place = place_of(subscriptions, name);

	return place < subscriptions->n ? subscriptions->list[place] : NULL;
}

int subscriptions_put(struct subscriptions *subscriptions, struct subscription_entry *entry, struct filter_error *error)
{
	size_t place = place_of(subscriptions, span_of(subscription_entry_name(entry)));
	struct subscription_entry **list = subscriptions->list;

	for (size_t i = 0; i < subscriptions->n; i++)
		if (i != place && subscription_check_beside(entry->subscription, subscriptions->list[i]->subscription, error) < 0)
			return -EINVAL;
	if (place == MAX_SUBSCRIPTIONS) {
		snprintf(error->message, sizeof(error->message), "there are %d subscriptions already", MAX_SUBSCRIPTIONS);
		return -EINVAL;
	}
	entry->references++;
	if (place < subscriptions->n) {
		subscription_entry_unref(list[place]);
		list[place] = entry;
		return 0;
	}
	list = realloc(list, (subscriptions->n + 1) * sizeof(struct subscription_entry *));
	if (!list) {
		subscription_entry_unref(entry);
		return -ENOMEM;
	}
	subscriptions->list = list;
	subscriptions->list[subscriptions->n++] = entry;
	return 0;
}

void subscriptions_remove(struct subscriptions *subscriptions, struct span name)
{
	size_t place = place_of(subscriptions, name);

	if (place == subscriptions->n)
		return;
	subscription_entry_unref(subscriptions->list[place]);
	subscriptions->n--;
	memmove(subscriptions->list + place, subscriptions->list + place + 1,
		(subscriptions->n - place) * sizeof(struct subscription_entry *));
}

int subscriptions_compile(struct subscriptions *subscriptions, struct filter_error *error)
{
	_cleanup_(freep) const struct subscription **list = calloc(subscriptions->n + 1, sizeof(struct subscription *));
	int r;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < subscriptions->n; i++)
		list[i] = subscriptions->list[i]->subscription;
	r = filter_new(&subscriptions->filter, list, subscriptions->n);
	if (r == -E2BIG) {
		snprintf(error->message, sizeof(error->message),
			 "together the subscriptions have more streams that are no signals than the 63 there can be");
		return -EINVAL;
	}
	return r;
}

void subscriptions_release(struct subscriptions *subscriptions)
{
	filter_free(subscriptions->filter);
	for (size_t i = 0; i < subscriptions->n; i++)
		subscription_entry_unref(subscriptions->list[i]);
	free(subscriptions->list);
	*subscriptions = (struct subscriptions){ 0 };
}
