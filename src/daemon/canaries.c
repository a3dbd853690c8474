/* The canaries of this daemon: what must arrive of one, where its child writes. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/daemon.h"
#include "daemon/exclusions.h"

/* Asked for, and not only since the programs of the kernel were loaded. */
static bool is_shown(const struct daemon *d, enum kind_id kind)
{
	return d->wanted[kind] && (!d->by_bpf[kind] || d->wanted_at_start[kind]);
}

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
	bool opened = is_shown(d, KIND_ID(file, create)) || is_shown(d, KIND_ID(file, write));
	bool by_name = false;
	struct exclusions exclusions;
	char name[16];

	canary_child_name(name);
	exclusions_find(&exclusions, d->subscriptions.filter);
	for (size_t i = 0; i < exclusions.n_names; i++)
		by_name |= span_eq(exclusions.names[i], span_of(name));
	for (size_t i = 0; file && i < exclusions.n_paths; i++)
		opened &= !span_starts(span_of(file), exclusions.paths[i].path);
	ret[CANARY_EXEC] = d->wanted[KIND_ID(process, exec)];
	ret[CANARY_FILE] = !by_name && (opened || is_shown(d, KIND_ID(file, delete)));
	ret[CANARY_CONNECT] = !by_name && is_shown(d, KIND_ID(network, connect));
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
	canary_tick(&d->canary, steady_ns, clock_now_ns(),
		    (uint64_t)daemon_setting(d, SETTING_CanaryIntervalSecs) * NS_PER_SEC);
}

void daemon_stop_canaries(struct daemon *d)
{
	if (d->canary.is_out)
		end_child(d, d->canary.tag);
}
