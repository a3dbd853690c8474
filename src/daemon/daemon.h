#pragma once
/* The daemon's parts, as its own files see them.  All of it belongs to the control thread. */

#include <limits.h>
#include <pthread.h>
#include <uv.h>

#include "control/server.h"
#include "daemon/change.h"
#include "daemon/canary.h"
#include "daemon/canary_child.h"
#include "daemon/clock_step.h"
#include "daemon/audit_rules.h"
#include "daemon/auditd.h"
#include "daemon/conf.h"
#include "daemon/core.h"
#include "daemon/coverage.h"
#include "daemon/health.h"
#include "daemon/jobs.h"
#include "daemon/kernel_rules.h"
#include "daemon/last_words.h"
#include "daemon/ledger.h"
#include "daemon/loss_window.h"
#include "daemon/memory.h"
#include "daemon/narrowing.h"
#include "daemon/notes.h"
#include "daemon/notify.h"
#include "daemon/places.h"
#include "daemon/plugin.h"
#include "daemon/reader.h"
#include "daemon/resource_monitor.h"
#include "daemon/rules_file.h"
#include "daemon/run.h"
#include "daemon/sinks.h"
#include "daemon/slot.h"
#include "daemon/folder.h"
#include "daemon/refusal.h"
#include "daemon/subscriptions.h"
#include "daemon/tap.h"
#include "daemon/trust.h"
#include "daemon/throttling.h"
#include "daemon/watchdog.h"
#include "daemon/writer.h"
#include "pipeline/redaction_conf.h"
#include "sink/history.h"
#include "source/audit_rules.h"
#include "source/bpf.h"

struct folder_identity {
	uint64_t device, inode, born_s, born_ns;
};

/* At the kernel's audit: its state, its rules. */
struct audit_look {
	bool is_due;			/* in this tick */
	struct moment before, last;	/* what the last one found and the one before did not happened in between */
	uint64_t n_records;		/* of audit that had come by the last */
};

struct daemon {
	const struct run_options *options;
	struct conf conf;
	struct places places;
	struct path_doubt doubt;	/* who else may be able to replace what lies there */
	struct trust trust;
	int lock_fd;
	char words_before[LAST_WORDS_MAX];	/* what the lock file held */
	uint64_t started_ns, stopping_ns;

	struct subscriptions subscriptions;	/* in force */
	struct folder folder;
	struct refusal *unprotected;	/* saved, but not stored as the settings want it */
	unsigned n_unprotected;
	struct change change;		/* the last one, until all threads have it */
	bool times_changed;		/* and the core does not know yet */
	bool wanted[N_KINDS];
	bool passed_is_wide;		/* until the core has read what was made before */
	bool passed[N_KINDS];		/* the same to the core, which reads it; more while it reads what was made for another wish */
	bool by_bpf[N_KINDS];		/* what the programs in the kernel show */
	bool not_from_audit[N_KINDS];	/* and of that, what audit shows too, without being asked */
	char boot_id[37];
	uint64_t boot_time_ns;
	char host_id[64], host_name[256];

	struct procfs *procfs;
	struct audit_control *audit;	/* NULL: this kernel has none, or not for us */
	const struct source_ops *source_ops;
	struct source *source;		/* NULL: nothing is recorded, nobody subscribed */
	uint64_t tried_ns;		/* to begin, in vain (CLOCK_MONOTONIC)... */
	struct filter_error begin_error;	/* ...and why */
	uint64_t idle_since_ns;		/* so since then; 0: it is not */
	const char *idle_cause;		/* of the gap that it is */
	struct source_stats source_before;	/* counted by sources that are closed by now */
	struct probe_counters probes_before;
	uint64_t closed_unseen;		/* files of which nobody can tell what was written to them */
	bool rules_loaded;
	uint64_t rules_linger_until_ns;	/* CLOCK_MONOTONIC: those of before stay until then; 0: there are none */
	struct audit_state audit_state;
	struct audit_look audit_look;
	uint32_t kernel_lost;		/* its counter, as long as audit is read */
	struct ledger ledger;
	uint64_t oldest_lost_ns;	/* event that was lost when the ledger was looked at; UINT64_MAX: none was */
	unsigned rules_missing;
	struct narrowing narrowing;	/* of audit's rules, without eBPF */
	struct user_audit user_audit;
	struct auditd auditd;
	struct slot slot;
	struct plugin plugin;
	struct withheld withheld;
	struct rules_file rules_file;
	struct coverage coverage;
	unsigned databases_removed, databases_damaged;	/* told so far */

	bool bpf_wanted, multicast_wanted;	/* by --source and settings */
	bool mode_is_forced;		/* by --source, or by a setting: audit is read by that way alone */
	uint64_t rules_removed_ns;	/* when somebody last did; 0: never */
	char damaged_path[512];		/* the database that was set aside last; empty: none */
	struct clock_step clock_step;
	struct memory memory;
	struct loss_window losses;
	struct vitals vitals;
	struct rule_facts rule_facts;	/* what the host's files of rules say */
	struct moment looking, looked;	/* when the last tick began, and the one before: what is looked at in each */
	uint64_t whole_ns[2];		/* what is missing of the time before has been told of, not long ago, and before that */
	uint64_t slow_looked_ns;	/* at what of them asks the kernel or the disk */
	struct health health;
	atomic_bool resolve_sockets;	/* the core asks for the other end of sockets */
	struct hasher *hasher;
	struct buffer remembered;	/* what proc.bin said, until the reader has told it */
	uint64_t remembered_ns;		/* as of then */
	int processes_unusable;		/* why it could not be used; 0: it could, or there was none */
	struct buffer processes;	/* what is to be written to it, by the core... */
	uint64_t processes_ns;		/* ...as of then */
	bool processes_asked;		/* ...which has not done so yet */
	uint64_t processes_asked_ns;	/* CLOCK_MONOTONIC */
	struct canary_watch canary_watch;
	struct canary canary;
	struct canary_child canary_child;
	char canary_folder[PATH_MAX];

	struct pacer pacer;
	struct throttling throttling;
	struct thinning thinning;
	struct resource_monitor resource_monitor;
	uint64_t suspend_tried_ns;	/* CLOCK_MONOTONIC; 0: at once */
	uint64_t suspension_told_ns;	/* how far the gap of the suspension that stands has been told; 0: there is none */
	struct ring *ring, *notes_ring, *digests_ring;
	struct reader_shed reader_shed;
	struct notes notes;
	struct event_queue *queue;
	struct capture *capture;
	struct redaction_conf redaction;	/* with EnableRedaction */
	struct users *users;
	struct reader *reader;
	bool has_begun;			/* the start came to its end */
	struct core *core;
	struct sinks *sinks;		/* the writer's, once there is one */
	struct sink_report past;	/* of the database, as it was opened */
	bool has_history_key;
	unsigned char history_key[32];	/* of the database's chain, while there is one to be opened */
	bool database_reset;		/* the one that was there was deleted, as the settings asked */
	uint64_t database_created_ns;	/* 0: unknown */
	struct sink_head head_told;	/* in the log */
	uint64_t head_told_ns, legacy_looked_ns;
	struct history_category counted[N_CATEGORIES];	/* for the status */
	uint64_t counted_ns;
	struct writer *writer;
	struct taps *taps;

	uv_loop_t loop;
	uv_signal_t signals[3];
	uv_timer_t tick;
	uv_fs_event_t folder_event;
	uv_timer_t folder_timer;
	struct folder_identity watched_folder;
	uv_async_t tapped;
	struct notify notify;
	struct watchdog watchdog;
	uv_timer_t alive;		/* a quarter of the interval of the service manager's watchdog */
	struct jobs jobs;
	struct server *server;
	pthread_t tail_thread;
	bool tailing;
	int exit_code;
};

static inline int64_t daemon_setting(const struct daemon *d, enum setting_id id)
{
	return d->conf.settings.value[id];
}

/* processes.c */
void daemon_read_processes(struct daemon *d);
void daemon_forget_ended(struct daemon *d);
void daemon_tell_processes(struct daemon *d);
void daemon_tick_processes(struct daemon *d);
void daemon_save_processes(struct daemon *d, bool was_recording);
void daemon_write_processes(struct daemon *d);		/* those that the core has put there just now */
void daemon_expect_processes(struct daemon *d);		/* those that it puts there when it comes to it: daemon_tick_processes() writes them */

/* trust.c */
int daemon_check_self(struct daemon *d);	/* -EPERM, logged: the program is not what was signed */
int daemon_begin_trust(struct daemon *d);	/* from now on what lies there is looked at; -errno, logged */
void daemon_tick_trust(struct daemon *d);
void daemon_end_trust(struct daemon *d);
/* Somebody touched what is the recorder's own.  operation: one word; object: what it was done to. */
void daemon_tell_tampering(struct daemon *d, const char *operation, const char *object, const char *format, ...) _printf_(4, 5);
/* hashing.c */
int daemon_start_hasher(struct daemon *d);	/* before the core; -errno, logged */
void daemon_pace_hasher(struct daemon *d);	/* the subscriptions are others */
void daemon_stop_hasher(struct daemon *d);	/* it has told all, the core may ask still */
void daemon_free_hasher(struct daemon *d);	/* behind the core */
/* throttling.c: what the recorder takes of the processors, and what is done about it. */
void daemon_start_throttle(struct daemon *d);		/* before the threads */
void daemon_tick_throttle(struct daemon *d);
void daemon_set_throttle(struct daemon *d);		/* settings have changed */
uint64_t daemon_cpu_ns(struct daemon *d);		/* used, without what a person asked for */
unsigned daemon_cpu_processors(const struct daemon *d);	/* that are 100 % */

/* suspension.c: the resource monitor ends recording for a while. */
void daemon_read_suspension(struct daemon *d);		/* at the start */
void daemon_tell_suspended_before(struct daemon *d, uint64_t died_ns);	/* by a recorder that died so; 0: it did not */
void daemon_tick_suspension(struct daemon *d);
void daemon_keep_suspension(struct daemon *d);		/* at the stop */
bool daemon_is_suspended(const struct daemon *d);
void daemon_on_resume(void *user, struct client *client, const json_t *request, struct reply *reply);

/* sinks.c */
struct database_limits daemon_database_limits(const struct daemon *d);
/* watch.c: at the stop, when the database fails */
void daemon_leave_words(const struct daemon *d, const struct writer_stats *writer);
void daemon_keep_words(const struct daemon *d);	/* those of the recorder before, which this one did not come to tell */
/* redaction.c */
int daemon_prepare_redaction(struct daemon *d);	/* -errno, logged */
void daemon_redact(const struct daemon *d, struct pipeline_options *options);	/* as the settings say */
/* history.c */
int daemon_prepare_history(struct daemon *d);	/* before the database is opened; -errno, logged */
void daemon_forget_key(struct daemon *d);	/* once it is open */
void daemon_tick_history(struct daemon *d);
void daemon_tell_last_head(struct daemon *d, const struct writer_stats *writer);
static inline struct sinks_host daemon_sinks_host(const struct daemon *d)
{
	return (struct sinks_host){ .places = &d->places, .host_id = d->host_id, .host_name = d->host_name, .boot_id = d->boot_id,
				    .database = daemon_database_limits(d),
				    .chain_key = d->has_history_key ? d->history_key : NULL };
}
/* Of those that `before` has not, while the writer does not have them: what was found when they were opened. */
void daemon_tell_opened(struct daemon *d, const struct sinks *sinks, const struct sinks *before);
/* What the sinks say of the time before, while the writer does not have them. */
void daemon_look_at_the_past(struct daemon *d);
/* A gap row for the time before this run. */
void daemon_tell_the_past(struct daemon *d);

/* requests.c: what the socket answers. */
extern const struct command daemon_commands[];
extern const size_t n_daemon_commands;
void daemon_client_gone(void *user, struct client *client);
void daemon_client_drained(void *user, struct client *client);
/* The array `filters` of a request.  false: the reply says what is wrong with it. */
bool request_terms(struct terms **ret, const json_t *request, struct reply *reply);
void daemon_start_job(struct daemon *d, struct client *client, const struct job_work *work, struct reply *reply);
void daemon_notify_tapped(void *user);	/* writer thread */
void daemon_on_tapped(uv_async_t *async);
void daemon_drain_taps(struct daemon *d);

/* service.c: the service manager is told, and the stop is bounded. */
void daemon_service_open(struct daemon *d);
void daemon_service_ready(struct daemon *d);
void daemon_service_tick(struct daemon *d);
void daemon_service_reload(struct daemon *d);
void daemon_service_stopping(struct daemon *d);
void daemon_service_close(struct daemon *d);
/* query.c, snapshot.c: in threads of their own. */
void daemon_answer_query(struct daemon *d, struct client *client, const json_t *request, struct reply *reply);
void daemon_answer_snapshot(struct daemon *d, struct client *client, const json_t *request, struct reply *reply);

/* settings.c: what settings say, at the start and when they have changed. */
int daemon_read_settings(struct daemon *d);	/* -errno, logged */
void daemon_kinds_wanted(const struct daemon *d, const struct filter *filter, bool ret[N_KINDS]);
struct pipeline_times daemon_pipeline_times(const struct daemon *d);
uint64_t daemon_drain_ns(const struct daemon *d);
uint64_t daemon_alive_ns(const struct daemon *d);
uint64_t daemon_stats_ns(const struct daemon *d);
uint64_t daemon_nap_ns(const struct daemon *d);
uint32_t daemon_write_interval_ms(const struct daemon *d);
uint64_t daemon_way_ns(const struct daemon *d);
uint64_t daemon_request_ms(const struct daemon *d);
unsigned daemon_requests_a_turn(const struct daemon *d);

/* recording.c: the source, its rules and its reader.  -errno with *error set, unless it says something else. */
int daemon_check_audit(struct daemon *d);	/* -errno, logged */
int daemon_open_recording(struct daemon *d, const struct filter *filter, struct filter_error *error);
/* From now on, beside the reader, the kernel is asked for what either filter wants; other may be NULL. */
int daemon_want(struct daemon *d, const struct filter *filter, const struct filter *other, struct filter_error *error);
/* Settings switched a part of a class on or off: what happened before that is told. */
int daemon_switch(struct daemon *d, struct filter_error *error);
void daemon_narrow_passed(struct daemon *d);	/* if that was not to be had at once */
int daemon_start_reading(struct daemon *d, struct filter_error *error);
/* What the kernel has handed over, or kept of what `next` does not want, is in the ring. */
void daemon_catch_up(struct daemon *d, const struct filter *next);
void daemon_look_at_kept(struct daemon *d);	/* once a second: whether there is room to keep what is told later */
void daemon_close_recording(struct daemon *d);	/* nothing of ours is in the kernel any more, all it had told is in the ring */
void daemon_tell_idle(struct daemon *d);
void daemon_begin_idle(struct daemon *d, uint64_t since_ns);	/* nothing is recorded from then on */
/* It has another cause by now, the clock was set back, or a suspension lasts: it is told as far as now_ns, and begins anew.  true: it did. */
bool daemon_follow_idle(struct daemon *d, uint64_t now_ns);
void daemon_count_source(const struct daemon *d, struct source_stats *ret, struct probe_counters *ret_probes);

/* watch.c: what is subscribed and not recorded, but for a suspension, is begun now and then. */
void daemon_try_to_begin(struct daemon *d);

/* change.c */
typedef int (*daemon_persist_fn)(struct daemon *d, void *user, struct file_error *error);
/* Takes over `next` as the subscriptions in force, all or nothing.  persist: the last step that may fail, may be NULL.  0; -EINVAL,
 * -EBUSY, -errno with *error set: all is as it was.  The caller releases what is left of `next`. */
int daemon_change(struct daemon *d, struct subscriptions *next, daemon_persist_fn persist, void *user, struct filter_error *error);
/* Begins to record what is subscribed: at the start, or when it could not be begun before. */
int daemon_begin(struct daemon *d, struct filter_error *error);
/* Nothing is recorded any more, though there are subscriptions; as daemon_change(). */
int daemon_end(struct daemon *d, struct filter_error *error);
void daemon_settle(struct daemon *d);		/* now and then: what the last change left to be done */

/* subscribe.c: subscriptions come and go, by the socket and by the folder. */
int daemon_load_subscriptions(struct daemon *d);	/* at the start; -errno, logged */
int daemon_watch_folder(struct daemon *d);		/* -errno, logged */
void daemon_on_register(void *user, struct client *client, const json_t *request, struct reply *reply);
void daemon_on_get(void *user, struct client *client, const json_t *request, struct reply *reply);
void daemon_on_list(void *user, struct client *client, const json_t *request, struct reply *reply);
void daemon_on_unregister(void *user, struct client *client, const json_t *request, struct reply *reply);
void daemon_on_clear(void *user, struct client *client, const json_t *request, struct reply *reply);
void daemon_check_folder(struct daemon *d);		/* now and then */

/* protection.c: how saved subscriptions are stored. */
int daemon_protect_subscriptions(struct daemon *d);	/* -errno, logged; files that could not be are in `unprotected` */

/* run.c */
int daemon_start_server(struct daemon *d);

/* repair.c: what somebody took away is put back, and told. */
/* What somebody took away from the kernel's audit since the last look. */
struct taken {
	bool is_off;
	struct audit_missing rules;
};
void daemon_look_for_taken(struct daemon *d, struct taken *ret);
void daemon_tell_taken(struct daemon *d, const struct taken *taken, bool is_back);	/* as a gap, and who did it */
void daemon_repair_audit(struct daemon *d);
void daemon_repair_places(struct daemon *d);
void daemon_tell_databases(struct daemon *d);	/* that are gone, or were damaged */

/* budget.c: the memory that it may have, see memory.h. */
void daemon_divide_memory(struct daemon *d);		/* at the start */
size_t daemon_kernel_ring_bytes(const struct daemon *d);	/* of each processor */
void daemon_count_memory(struct daemon *d);
void daemon_tick_memory(struct daemon *d);

/* vitals.c: health, see health.h. */
void daemon_tick_health(struct daemon *d);
void daemon_ask_health(struct daemon *d);	/* somebody wants to know it as it is now */
void daemon_see_health(struct daemon *d);	/* the same, but of what is known here already */

/* canaries.c */
void daemon_start_canaries(struct daemon *d);
void daemon_tick_canaries(struct daemon *d, uint64_t steady_ns);
void daemon_stop_canaries(struct daemon *d);

/* plugin.c: what the source in force asks of auditd. */
void daemon_follow_plugin(struct daemon *d);
void daemon_tick_plugin(struct daemon *d);

/* auditd.c: how the audit daemon of the host is configured. */
void daemon_look_at_auditd(struct daemon *d);	/* now, and make it what the settings want */
void daemon_tick_auditd(struct daemon *d);
pid_t daemon_find_auditd(const struct daemon *d);	/* who holds the stream, if that is it; 0 */
bool daemon_reload_auditd(struct daemon *d);	/* true: it reads its configuration again, in a moment.  false: it does not run */
bool daemon_tell_auditd(struct daemon *d);	/* ...now, or in a second */
void daemon_stop_auditd(struct daemon *d);	/* before audit is read, if the settings want it */
bool daemon_auditd_floods(const struct daemon *d);	/* it would store all that our rules give, and may not */

/* kernel_rules.c */
int daemon_load_rules(struct daemon *d, const char **ret_why);	/* 1: they are; 0: none is needed; what keeps them out is no error */
void daemon_apply_rules(struct daemon *d);		/* the same, if audit is read; < 0 is logged */
void daemon_look_at_rules(struct daemon *d);		/* once a second */
void daemon_tell_host_change(struct daemon *d);		/* before other things are wanted of the rules */
void daemon_withhold_no_more(struct daemon *d);		/* recording ends: what was withheld is told */

/* slot.c */
void daemon_look_at_slot(struct daemon *d);		/* after each look at audit, while it is read */
bool daemon_slot_is_settled(const struct daemon *d);	/* nothing is to become of it but by what others do */
void daemon_leave_slot(struct daemon *d);		/* recording ends: what is missing is told */

/* coverages.c */
void daemon_begin_coverage(struct daemon *d, bool was_on);	/* was_on: audit was, before the rules were loaded */
void daemon_look_at_coverage(struct daemon *d);
void daemon_on_coverage(void *user, struct client *client, const json_t *request, struct reply *reply);

/* rules_file.c */
void daemon_look_at_rule_files(struct daemon *d);	/* the host's: what they say; what was borrowed of that before is gone */
void daemon_tick_rules_file(struct daemon *d);
bool daemon_restart_needed(const struct daemon *d);	/* of the machine: the kernel is locked, and has not read the file yet */

/* watch.c: what the kernel says of itself. */
uint64_t daemon_ring_dropped(const struct daemon *d);	/* records that one of the rings had no room for */
void daemon_on_tick(uv_timer_t *timer);
void daemon_tell_losses(struct daemon *d, bool final);
/* What was let go of so that the rest be whole, by whichever stage; how many of them were records of which nothing was made. */
uint64_t daemon_count_shed(const struct daemon *d, const struct core_stats *core, uint64_t ret[N_CATEGORIES]);
void daemon_since_looked(const struct daemon *d, struct gap *gap);	/* sets begin and end */
void daemon_since_audit_looked(const struct daemon *d, struct gap *gap);
