/* `recorder run`.  Opens everything, starts reader, core and writer, and is itself the control thread: signals, the
 * socket, and once a second a look at what the kernel says it lost.
 *
 * Order of the start: what can fail for reasons a person can mend comes first and touches nothing; then the database,
 * the kernel's audit (cleaned of what a run that died left behind), the threads, the source.  The stop is the reverse, so
 * that everything the kernel has seen until the rules went is stored. */

#include "daemon/run.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/books.h"
#include "daemon/confine.h"
#include "daemon/daemon.h"
#include "daemon/privileges.h"
#include "daemon/rival.h"
#include "source/own_files.h"
#include "source/users.h"

/* Virtual until used, given back when drained. A file storm writes 170,000 records a second, 40 MB: three seconds of a
 * core that comes behind everybody else. */
#define NOTES_BYTES (1u << 16)
#define QUEUE_EVENTS 8192
#define TICK_MS 1000
#define DRAIN_NS (3 * NS_PER_SEC)	/* from the stop on, for what waits in the ring; the queue and the disk come then */

static void on_signal(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	if (number == SIGHUP)
		daemon_service_reload(d);
	else
		uv_stop(&d->loop);
}

/* Start. */

static void host_identity(struct daemon *d)
{
	FILE *f = fopen("/etc/machine-id", "re");

	if (f) {
		if (fscanf(f, "%63[0-9a-f]", d->host_id) != 1)
			d->host_id[0] = 0;
		fclose(f);
	}
	if (gethostname(d->host_name, sizeof(d->host_name) - 1) < 0)
		d->host_name[0] = 0;
}

static int read_settings(struct daemon *d)
{
	int r = daemon_read_settings(d);

	if (r >= 0 && daemon_setting(d, SETTING_EnableSingleCpuRequirement) && sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		log_error("This machine has one processor; recording would slow it down "
			  "(CX.recorder.EnableSingleCpuRequirement = 0 in %s records all the same)", d->places.config_file);
		r = -EPERM;
	}
	return r;
}

static int check_rival(void)
{
	int pid = rival_find();

	if (pid <= 0)
		return 0;	/* no /proc to look into: the lock of the folder has to do */
	log_error("Another recorder, pid %d, records on this host (stop it; the kernel's audit rules are one set for all)",
		  pid);
	return -EBUSY;
}

/* In the thread of the core, while stop() waits for it: what the draining has cost is told too. */
static void last_words(void *user)
{
	struct daemon *d = user;

	daemon_tell_losses(d, true);
	daemon_tell_databases(d);
	if (d->has_begun)
		notes_stopped(&d->notes, d->stopping_ns);
}

static int start_threads(struct daemon *d)
{
	const struct pipeline_times times = daemon_pipeline_times(d);
	struct core_options core = {
		.pipeline = {
			.assembler = ASSEMBLER_DEFAULTS,
			.decoder = { .own_key = AUDIT_OWN_KEY },
			.tracker = { .boot_id = span_of(d->boot_id), .boot_time_ns = d->boot_time_ns,
				     .ticks_per_second = 100, .grace_ns = times.grace_ns, .path_ns = times.path_ns },
			.prune_ns = times.prune_ns,
			.signal_window_ns = times.signal_window_ns,
			.collate_ns = times.collate_ns,
			.filter = d->subscriptions.filter,
			.wanted = d->passed,
			.own_pid = (uint32_t)getpid(),
			.manager_pid = (uint32_t)getppid(),
			.guarded = buffer_span(&d->trust.guarded),
			.not_from_audit = d->not_from_audit,
		},
		.procfs = d->procfs,
		.users = d->users,
		.pacer = &d->pacer,
		.thinning = &d->thinning,
	};
	struct writer_options writer = {
		.taps = d->taps,
		.pacer = &d->pacer,
		.json = { .host_id = span_of(d->host_id), .host_name = span_of(d->host_name), .boot_id = span_of(d->boot_id) },
		.drain_ns = daemon_drain_ns(d),
		.alive_ns = daemon_alive_ns(d),
	};
	int r;

	core.pipeline.assembler.timeout_ns = times.timeout_ns;
	daemon_redact(d, &core.pipeline);
	pacer_init(&d->pacer);
	thinning_init(&d->thinning);
	daemon_divide_memory(d);
	core.pipeline.tracker.max_bytes = d->memory.room[MEMORY_PROCESSES];
	core.pipeline.assembler.max_bytes = d->memory.room[MEMORY_ASSEMBLY];
	core.pipeline.held_bytes = d->memory.room[MEMORY_HELD];
	core.pipeline.waiting_bytes = d->memory.room[MEMORY_WAITING];
	r = ring_new(&d->ring, d->memory.room[MEMORY_RING]);
	if (r >= 0)
		r = ring_new(&d->notes_ring, NOTES_BYTES);
	if (r >= 0)
		r = event_queue_new(&d->queue, QUEUE_EVENTS, d->memory.room[MEMORY_QUEUE]);
	if (r < 0)
		return log_errno(r, "Failed to make the queues");
	d->notes = (struct notes){ .ring = d->notes_ring, .wake = d->ring };
	writer.queue = d->queue;
	daemon_look_at_the_past(d);
	daemon_forget_ended(d);
	memcpy(writer.sinks, d->sinks->routes.sinks, sizeof(writer.sinks));
	writer.n_sinks = d->sinks->routes.n_sinks;
	r = writer_start(&d->writer, &writer);
	if (r < 0)
		return log_errno(r, "Failed to start the writer");
	r = daemon_start_hasher(d);
	if (r < 0) {
		event_queue_close(d->queue);
		return r;
	}
	core.hasher = d->hasher;
	core.digests = d->digests_ring;
	core.pipeline.tracker.hash_libraries = daemon_setting(d, SETTING_EnableLibraryHashing);
	core.ring = d->ring;
	core.notes = d->notes_ring;
	core.unread = &d->reader_shed;
	core.queue = d->queue;
	core.writer = d->writer;
	core.capture = d->capture;
	core.canary = &d->canary_watch;
	core.processes = &d->processes;
	atomic_store(&d->resolve_sockets, daemon_setting(d, SETTING_AuditdEnableResolveLocalAddress) != 0);
	core.resolve_sockets = &d->resolve_sockets;
	core.last_words = last_words;
	core.user = d;
	r = core_start(&d->core, &core);
	if (r < 0) {
		event_queue_close(d->queue);
		return log_errno(r, "Failed to start the core");
	}
	return 0;
}

static int start_recording(struct daemon *d)
{
	struct filter_error error = { "" };
	bool records = d->subscriptions.n > 0 && !daemon_is_suspended(d);
	int r;

	if (records)
		daemon_stop_auditd(d);		/* else it would be told to read what is written now */
	if (d->audit)
		(void)audit_control_state(d->audit, &d->audit_state);
	daemon_look_at_auditd(d);
	daemon_look_at_rule_files(d);		/* on which it hangs how rules are made */
	if (!records) {
		daemon_begin_idle(d, d->started_ns);
	} else {
		r = daemon_begin(d, &error);
		if (d->auditd.reload_waits)
			daemon_tell_auditd(d);
		if (r < 0) {
			log_error("%s", error.message);
			return r;
		}
	}
	daemon_tell_the_past(d);
	daemon_tell_processes(d);
	d->has_begun = true;
	pacer_begin(&d->pacer);
	notes_say(&d->notes, "start", "recording with %s, %zu subscription%s", d->source ? d->source_ops->mode(d->source) : "nothing",
		  d->subscriptions.n, d->subscriptions.n == 1 ? "" : "s");
	return 0;
}

static void *run_tail(void *user)
{
	struct daemon *d = user;

	d->options->tail_follow(d->places.socket);
	return NULL;
}

int daemon_start_server(struct daemon *d)
{
	int r = server_new(&d->server, &(struct server_options){
				.loop = &d->loop, .path = d->places.socket, .commands = daemon_commands,
				.n_commands = n_daemon_commands, .user = d, .gone = daemon_client_gone,
				.drained = daemon_client_drained,
				.timeout_ms = daemon_request_ms(d), .max_requests_a_turn = daemon_requests_a_turn(d) });

	return r < 0 ? log_errno(r, "Failed to open the socket %s", d->places.socket) : 0;
}

static int start_control(struct daemon *d)
{
	static const int numbers[ARRAY_SIZE(d->signals)] = { SIGINT, SIGTERM, SIGHUP };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		r = uv_signal_start(&d->signals[i], on_signal, numbers[i]);
		if (r < 0)
			return log_errno(r, "Failed to listen for signals");
	}
	daemon_start_canaries(d);
	daemon_start_throttle(d);
	uv_timer_init(&d->loop, &d->tick);
	d->tick.data = d;
	r = uv_timer_start(&d->tick, daemon_on_tick, TICK_MS, TICK_MS);
	if (r < 0)
		return log_errno(r, "Failed to start the timer");
	r = daemon_watch_folder(d);
	if (r >= 0)
		r = daemon_start_server(d);
	if (r < 0)
		return r;
	daemon_ask_health(d);
	if (d->options->tail && pthread_create(&d->tail_thread, NULL, run_tail, d) == 0)
		d->tailing = true;
	return 0;
}

/* Stop: the reverse, and each step copes with a start that did not come so far. */

static unsigned long long elapsed_ms(uint64_t since_ns)
{
	return (clock_ns(CLOCK_MONOTONIC) - since_ns) / NS_PER_MS;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* What the core wrote and could not. */
static void close_capture(struct daemon *d)
{
	int r = d->capture ? capture_flush(d->capture) : 0;

	if (r < 0)
		log_errno(r, "The capture %s is not whole", d->options->capture_path);
	d->capture = capture_free(d->capture);
}

/* Nothing waits any more: of all that was received it is known what became of it. */
static void close_books(struct daemon *d, struct core_stats *core, const struct writer_stats *writer)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct balance *balance = &core->pipeline.balance;

	books_add_sinks(balance, writer->events, d->queue);
	balance->records_waiting = balance->events_waiting = balance->emitted_waiting = 0;
	balance->records_uncertain = hasher_is_left(d->hasher);
	balance_text(balance, &text);
	log_info("The balance: %s", buffer_text(&text));
	balance_demand(balance, core->flaw);
}

static void stop(struct daemon *d)
{
	struct core_stats core = { 0 };
	struct writer_stats writer = { 0 };
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	bool was_recording = d->reader != NULL, has_core = d->core != NULL;

	d->stopping_ns = clock_now_ns();
	daemon_service_stopping(d);
	pacer_set(&d->pacer, PACE_BEFORE);
	daemon_stop_canaries(d);
	if (d->core && d->idle_since_ns > 0)
		daemon_tell_idle(d);
	daemon_keep_suspension(d);
	daemon_close_recording(d);
	log_debug("The kernel's rules and the reader are gone after %llu ms, %zu bytes wait in the ring", elapsed_ms(began_ns),
		  d->ring ? ring_used_bytes(d->ring) : 0);
	daemon_stop_hasher(d);
	d->core = core_stop(d->core, began_ns + DRAIN_NS, &core);
	daemon_free_hasher(d);
	daemon_save_processes(d, was_recording);
	log_debug("The core ended after %llu ms", elapsed_ms(began_ns));
	if (d->writer) {
		d->writer = writer_stop(d->writer, &writer);
		if (has_core)
			close_books(d, &core, &writer);
		d->sinks = sinks_free(d->sinks);
	} else {
		sinks_abandon(TAKE(d->sinks), NULL);
	}
	d->change.sinks_before = sinks_free(d->change.sinks_before);
	if (d->has_begun)
		daemon_tell_last_head(d, &writer);
	if (d->has_begun && writer.last_error < 0)
		daemon_leave_words(d, &writer);
	if (d->has_begun)
		log_info("Stopped after %llu ms: %llu events stored, %llu in journals, %llu lost for want of storage, %llu records "
			 "for want of time", elapsed_ms(began_ns), (unsigned long long)writer.stored,
			 (unsigned long long)writer.journaled, (unsigned long long)writer.lost, (unsigned long long)core.let_go);
	d->server = server_free(d->server);
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	if (d->tailing)
		pthread_join(d->tail_thread, NULL);
	d->audit = audit_control_free(d->audit);
	d->procfs = procfs_free(d->procfs);
	d->users = users_free(d->users);
	narrowing_release(&d->narrowing);
	close_capture(d);
	redaction_conf_release(&d->redaction);
	d->queue = event_queue_free(d->queue);
	/* A hasher that is left behind may be telling something just now. */
	if (!hasher_is_left(d->hasher))
		d->ring = ring_free(d->ring);
	d->notes_ring = ring_free(d->notes_ring);
	d->taps = taps_free(d->taps);
	pacer_release(&d->pacer);
	subscriptions_release(&d->change.before);
	subscriptions_release(&d->subscriptions);
	folder_release(&d->folder);
	refusals_release(&d->unprotected, &d->n_unprotected);
	daemon_forget_user_rules(d);
	daemon_end_trust(d);
	buffer_release(&d->auditd.left);
	rule_facts_release(&d->rule_facts);
	if (d->lock_fd >= 0 && !d->has_begun)
		daemon_keep_words(d);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	places_release(&d->places);
	daemon_service_close(d);
}

static int open_sinks(struct daemon *d)
{
	const struct sinks_host host = daemon_sinks_host(d);
	struct filter_error error = { "" };
	int r = sinks_for(&d->sinks, NULL, &d->subscriptions, &host, &error);

	if (r < 0)
		log_error("%s", r == -ENOMEM ? strerror(ENOMEM) : error.message);
	return r;
}

static int start(struct daemon *d)
{
	int r;

	r = places_init(&d->places, d->options->config_dir, d->options->state_dir);
	if (r >= 0)
		r = read_settings(d);
	if (r >= 0)
		r = daemon_check_audit(d);
	if (r >= 0)
		r = places_make(&d->places);
	if (r >= 0)
		r = places_check(&d->places, &d->doubt);
	if (r >= 0) {
		r = procfs_boot(d->boot_id, &d->boot_time_ns);
		if (r < 0)
			log_errno(r, "Failed to read /proc");
	}
	if (r >= 0)
		r = daemon_check_self(d);
	if (r >= 0)
		r = d->lock_fd = places_lock(&d->places, d->words_before);
	if (r >= 0 && d->options->log_path) {
		r = log_open_file(d->options->log_path);
		if (r < 0)
			log_errno(r, "Failed to open the log file %s", d->options->log_path);
	}
	if (r >= 0 && d->options->capture_path) {
		r = capture_open(&d->capture, d->options->capture_path);
		if (r < 0)
			log_errno(r, "Failed to open the capture %s", d->options->capture_path);
		else
			log_warning("The capture %s has what the kernel told as it told it: secrets in it are not replaced", d->options->capture_path);
	}
	if (r >= 0)
		r = check_rival();
	/* Before anything is read that others can have written, and before there is a second thread. */
	if (r >= 0)
		r = privileges_drop();
	if (r >= 0)
		r = daemon_load_subscriptions(d);
	if (r < 0)
		return r;
	daemon_read_user_rules(d);
	host_identity(d);
	r = procfs_open(&d->procfs, daemon_setting(d, SETTING_EnableSupplementaryGroups));
	if (r < 0)
		return log_errno(r, "Failed to read /proc");
	r = users_new(&d->users, "/etc/passwd", "/etc/group");
	if (r < 0)
		return log_errno(r, "Failed to start");
	r = daemon_prepare_redaction(d);
	if (r < 0)
		return r;
	daemon_read_suspension(d);
	daemon_read_processes(d);
	r = own_files_set(d->places.database);
	if (r >= 0)
		r = daemon_prepare_history(d);
	if (r >= 0)
		r = open_sinks(d);
	daemon_forget_key(d);
	if (r < 0)
		return r;
	if (d->audit && audit_rules_clean(d->audit, d->places.kernel_state) > 0)
		log_info("Cleaned up what a run that died had left in the kernel's audit");
	r = taps_new(&d->taps, daemon_notify_tapped, &d->tapped);
	if (r < 0)
		return log_errno(r, "Failed to start");
	r = daemon_begin_trust(d);
	if (r < 0)
		return r;
	(void)confine_prepare();
	r = start_threads(d);
	if (r < 0)
		return r;
	r = start_recording(d);
	if (r >= 0)
		r = start_control(d);
	return r;
}

static int exit_code_of(int error)
{
	switch (error) {
	case -EINVAL:
		return 2;
	case -EPERM:
	case -EACCES:
		return 4;
	default:
		return 1;
	}
}

/* glibc gives each thread a heap that grows and shrinks by single pages, a system call each: a third of the time of a
 * process storm.  One heap for all grows in steps; what the threads hand to each other has pools of its own.  An import gains
 * nothing by it: measured, the same for an audit.log, a tenth slower for a capture. */
static void choose_heap(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

int daemon_run(const struct run_options *options)
{
	struct daemon d = { .options = options, .lock_fd = -1, .started_ns = clock_now_ns(), .looking = moment_now(), .looked = moment_now(),
			    .audit_look = { .before = moment_now(), .last = moment_now() },
			    .oldest_lost_ns = UINT64_MAX };
	int r;

	log_find_journal();
	daemon_service_open(&d);
	choose_heap();
	signal(SIGPIPE, SIG_IGN);
	r = uv_loop_init(&d.loop);
	if (r < 0) {
		log_errno(r, "Failed to start");
		return 1;
	}
	uv_async_init(&d.loop, &d.tapped, daemon_on_tapped);
	d.tapped.data = &d;
	jobs_init(&d.jobs, &d.loop);
	r = start(&d);
	if (r < 0) {
		d.exit_code = exit_code_of(r);
	} else {
		log_begin_service();
		log_info("Recording with %s into %s", d.source ? d.source_ops->mode(d.source) : "nothing (no subscription)",
			 d.places.state_dir);
		daemon_service_ready(&d);
		uv_run(&d.loop, UV_RUN_DEFAULT);
	}
	stop(&d);
	return d.exit_code;
}
