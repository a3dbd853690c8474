#pragma once
/* Where the events go: the database, which is always there (gaps and notes of the recorder need a place), and the journals
 * that subscriptions ask for.  As the control thread knows them; the writer has them. */

#include "daemon/places.h"
#include "daemon/subscriptions.h"
#include "daemon/writer.h"

struct sinks {
	struct writer_routes routes;
	char *names[MAX_SINKS];		/* of the journals; NULL: the database */
};

struct sinks_host {
	const struct places *places;
	const char *host_id, *host_name, *boot_id;
	struct database_limits database;
	const unsigned char *chain_key;
};

/* What the streams of the set need: those of `before` that stay, others opened anew.  before: NULL, or the ones in force.
 * -errno with *error set; then none is open that was not. */
int sinks_for(struct sinks **ret, const struct sinks *before, const struct subscriptions *subscriptions,
	      const struct sinks_host *host, struct filter_error *error);
/* The memory; the sinks themselves are the writer's. */
struct sinks *sinks_free(struct sinks *sinks);
/* Closes those that `before` has not: the writer never got them. */
void sinks_abandon(struct sinks *sinks, const struct sinks *before);
