#pragma once
/* The daemon's parts, as its own files see them.  All of it belongs to the control thread. */

#include <pthread.h>
#include <uv.h>

#include "control/server.h"
#include "daemon/audit_rules.h"
#include "daemon/conf.h"
#include "daemon/core.h"
#include "daemon/ledger.h"
#include "daemon/notes.h"
#include "daemon/places.h"
#include "daemon/reader.h"
#include "daemon/run.h"
#include "daemon/subscriptions.h"
#include "daemon/tap.h"
#include "daemon/writer.h"
#include "source/audit_rules.h"

struct daemon {
	const struct run_options *options;
	struct conf conf;
	struct places places;
	int lock_fd;
	uint64_t started_ns;

	struct subscriptions subscriptions;
	bool wanted[N_KINDS];
	bool wanted_at_start[N_KINDS];	/* what the programs in the kernel were loaded for */
	bool by_bpf[N_KINDS];		/* what the programs in the kernel show */
	bool not_from_audit[N_KINDS];	/* and of that, what audit shows too, without being asked */
	char boot_id[37];
	uint64_t boot_time_ns;
	char host_id[64], host_name[256];

	struct procfs *procfs;
	struct audit_control *audit;	/* NULL: this kernel has none, or not for us */
	const struct source_ops *source_ops;
	struct source *source;
	bool rules_loaded;
	struct audit_state audit_state;
	struct ledger ledger;
	unsigned rules_missing;
	struct user_audit user_audit;
	unsigned databases_removed;	/* told so far */

	struct ring *ring, *notes_ring;
	struct notes notes;
	struct event_queue *queue;
	struct capture *capture;
	struct users *users;
	struct reader *reader;
	struct core *core;
	struct writer_options writer_options;	/* sinks are here until the writer has them */
	struct writer *writer;
	struct taps *taps;

	uv_loop_t loop;
	uv_signal_t signals[3];
	uv_timer_t tick;
	uv_async_t tapped;
	struct server *server;
	pthread_t tail_thread;
	bool tailing;
	int exit_code;
};

static inline int64_t daemon_setting(const struct daemon *d, enum setting_id id)
{
	return d->conf.settings.value[id];
}

/* sinks.c: opens the database and the journals that the subscriptions name.  -errno, logged. */
int daemon_open_sinks(struct daemon *d);
void daemon_close_sinks(struct daemon *d);
/* A gap row for the time before this run. */
void daemon_tell_the_past(struct daemon *d);

/* requests.c: what the socket answers. */
extern const struct command daemon_commands[];
extern const size_t n_daemon_commands;
void daemon_client_gone(void *user, struct client *client);
void daemon_notify_tapped(void *user);	/* writer thread */
void daemon_on_tapped(uv_async_t *async);
void daemon_drain_taps(struct daemon *d);

/* settings.c: what settings say, at the start and when they have changed. */
int daemon_read_settings(struct daemon *d);	/* -errno, logged */
void daemon_narrow_wanted(struct daemon *d);
struct pipeline_times daemon_pipeline_times(const struct daemon *d);
uint64_t daemon_drain_ns(const struct daemon *d);
uint64_t daemon_alive_ns(const struct daemon *d);
uint64_t daemon_nap_ns(const struct daemon *d);
uint32_t daemon_write_interval_ms(const struct daemon *d);
uint64_t daemon_request_ms(const struct daemon *d);
unsigned daemon_requests_a_turn(const struct daemon *d);

/* run.c */
int daemon_start_server(struct daemon *d);

/* repair.c: what somebody took away is put back, and told. */
void daemon_repair_audit(struct daemon *d);
void daemon_repair_places(struct daemon *d);
void daemon_tell_removed(struct daemon *d);	/* databases that are gone */

/* watch.c: the kernel's rules and what it says of itself. */
int daemon_load_rules(struct daemon *d, const char **ret_why);
void daemon_on_tick(uv_timer_t *timer);
void daemon_tell_losses(struct daemon *d, bool final);
