#pragma once
/* A change of the subscriptions that are in force, on its way through the threads. */

#include "daemon/sinks.h"
#include "daemon/subscriptions.h"

struct change {
	bool core_is_at_it;		/* the core has not taken over the filter yet */
	struct subscriptions before;	/* until it has */
	struct sinks *sinks_before;	/* until the writer has taken over the new ones */
};
