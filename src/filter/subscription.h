#pragma once
/* The inside of a subscription, for the filter that is made of it. */

#include "filter/terms.h"

struct stream_filters {
	struct terms **items;
	size_t n;
};

/* Filters of the n-th stream. */
const struct stream_filters *subscription_filters(const struct subscription *subscription, size_t stream);
