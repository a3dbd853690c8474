/* The canaries of this daemon: what must arrive of one, where its child writes. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/daemon.h"
#include "daemon/exclusions.h"

static char *canary_file(const struct daemon *d, uint32_t tag)
{
	char *path;

	return asprintf(&path, "%s/canary.%08x", d->canary_folder, tag) < 0 ? NULL : path;
}

/* The programs in the kernel leave out what no subscription wants to have of some program or folder. */
static void demand(void *user, bool ret[static N_CANARY_ACTS])
{
	struct daemon *d = user;
	_cleanup_(freep) char *file = canary_file(d, 0);
	static const enum kind_id of_file[] = { KIND_ID(file, create), KIND_ID(file, write), KIND_ID(file, delete) };
	bool by_name = false, by_folder = false;
	struct exclusions exclusions;
	char name[16];

	if (!d->source) {
		memset(ret, 0, N_CANARY_ACTS * sizeof(*ret));
		return;
	}
	canary_child_name(name);
	exclusions_find(&exclusions, d->subscriptions.filter);
	for (size_t i = 0; i < exclusions.n_names; i++)
		by_name |= span_eq(exclusions.names[i], span_of(name));
	/* The programs look at openings alone, audit at all. */
	for (size_t i = 0; i < ARRAY_SIZE(of_file) && file; i++)
		by_folder |= d->wanted[of_file[i]] && narrowing_passes(&d->narrowing, of_file[i], span_of(file)) &&
			     (of_file[i] == KIND_ID(file, delete) || exclusions_pass(&exclusions, span_of(file)));
	ret[CANARY_EXEC] = d->wanted[KIND_ID(process, exec)];
	ret[CANARY_FILE] = !by_name && by_folder;
	ret[CANARY_CONNECT] = !by_name && d->wanted[KIND_ID(network, connect)] &&
			      narrowing_passes(&d->narrowing, KIND_ID(network, connect), SPAN(""));
}

static void child_ended(void *user, bool undone)
{
	struct daemon *d = user;

	canary_child_ended(&d->canary, undone);
}

static int start_child(void *user, uint32_t tag)
{
	struct daemon *d = user;
	_cleanup_(freep) char *file = canary_file(d, tag);

	return file ? canary_child_start(&d->canary_child, &d->loop, tag, file, child_ended, d) : -ENOMEM;
}

static void end_child(void *user, uint32_t tag)
{
	struct daemon *d = user;
	_cleanup_(freep) char *file = canary_file(d, tag);

	canary_child_end(&d->canary_child);
	if (file)
		unlink(file);
}

void daemon_start_canaries(struct daemon *d)
{
	static const struct canary_ops ops = { .demand = demand, .start = start_child, .end = end_child };

	if (!realpath(d->places.state_dir, d->canary_folder))
		snprintf(d->canary_folder, sizeof(d->canary_folder), "%s", d->places.state_dir);
	canary_init(&d->canary, &ops, d, &d->canary_watch, (uint32_t)(d->started_ns / NS_PER_MS));
}

void daemon_tick_canaries(struct daemon *d, uint64_t steady_ns)
{
	/* What they do may be let go of. */
	if (d->throttling.throttle.orders.step == THROTTLE_SHED) {
		daemon_stop_canaries(d);
		return;
	}
	canary_tick(&d->canary, steady_ns, clock_now_ns(),
		    (uint64_t)daemon_setting(d, SETTING_CanaryIntervalSecs) * NS_PER_SEC);
}

void daemon_stop_canaries(struct daemon *d)
{
	if (d->canary.ops)
		canary_withdraw(&d->canary);
}
