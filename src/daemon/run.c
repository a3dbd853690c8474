/* `recorder run`.  Opens everything, starts reader, core and writer, and is itself the control thread: signals, the
 * socket, and once a second a look at what the kernel says it lost.
 *
 * Order of the start: what can fail for reasons a person can mend comes first and touches nothing; then the database,
 * the kernel's audit (cleaned of what a run that died left behind), the threads, the rules.  The stop is the reverse, so
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
#include "daemon/daemon.h"
#include "daemon/exclusions.h"
#include "daemon/privileges.h"
#include "daemon/rival.h"
#include "source/bpf.h"
#include "source/users.h"

/* Virtual until used, given back when drained. A file storm writes 170,000 records a second, 40 MB: three seconds of a
 * core that comes behind everybody else. */
#define RING_BYTES (128u << 20)
#define NOTES_BYTES (1u << 16)
#define QUEUE_EVENTS 8192
#define TICK_MS 1000

static const struct source_choice {
	const char *name;		/* of --source */
	const struct source_ops *ops;
	const char *mode;
	enum { BPF_NO, BPF_IF_POSSIBLE, BPF_MUST } bpf;
} source_choices[] = {
	{ "auto", &source_live, NULL, BPF_IF_POSSIBLE },
	{ "ebpf", &source_live, NULL, BPF_MUST },
	{ "audit", &source_live, NULL, BPF_NO },
	{ "audit-unicast", &source_live, "unicast", BPF_NO },
	{ "audit-multicast", &source_live, "multicast", BPF_NO },
};

static void on_signal(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	if (number == SIGHUP)
		conf_reload(&d->conf);
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

/* The line of the table; NULL, logged: there is none. */
static const struct source_choice *choose_source(const struct daemon *d)
{
	const char *wish = d->options->source ? d->options->source : "auto";

	for (size_t i = 0; i < ARRAY_SIZE(source_choices); i++)
		if (strcmp(source_choices[i].name, wish) == 0)
			return &source_choices[i];
	log_error("No source is called '%s' (there are auto, ebpf, audit, audit-unicast, audit-multicast)", wish);
	return NULL;
}

/* The programs come if they can and somebody wants anything of them. */
static bool wants_bpf(const struct daemon *d, const struct source_choice *choice)
{
	return d->subscriptions.n > 0 && (choice->bpf == BPF_MUST ||
					  (choice->bpf == BPF_IF_POSSIBLE && daemon_setting(d, SETTING_EnableEbpf)));
}

static int explain_source(struct daemon *d, const struct source_choice *choice, bool want_bpf)
{
	int r = want_bpf ? source_live_bpf(d->source) : 0;

	if (r < 0 && choice->bpf == BPF_MUST) {
		log_error("The eBPF source cannot be had: %s", bpf_why(r));
		return r;
	}
	if (r < 0)
		log_warning("No eBPF: %s; recording with audit, which costs more and shows less", bpf_why(r));
	source_live_bpf_serves(d->source, d->by_bpf);
	memcpy(d->not_from_audit, d->by_bpf, sizeof(d->not_from_audit));
	d->not_from_audit[KIND_ID(driver, unload)] = false;	/* that a bpf program goes nobody else tells */
	r = source_live_connector(d->source);
	if (r < 0 && source_live_bpf(d->source) < 0)
		log_errno(r, "No process connector (forks and exits come from audit; those of killed processes are "
			     "not seen)");
	return 0;
}

static int open_source(struct daemon *d)
{
	const struct source_choice *choice = choose_source(d);
	struct exclusions exclusions;
	struct source_options options = {
		.want_connector = true,
		.wanted = d->wanted,
		.has_user_rules = daemon_has_user_rules(d),
		.own_pid = (uint32_t)getpid(),
		.write_interval_ms = daemon_write_interval_ms(d),
		.bpf_ring_bytes = (size_t)daemon_setting(d, SETTING_EbpfRingBufferSizeKB) << 10,
	};
	int r;

	if (!choice)
		return -EINVAL;
	exclusions_find(&exclusions, d->subscriptions.filter);
	options.excluded_paths = exclusions.paths;
	options.n_excluded_paths = exclusions.n_paths;
	options.excluded_names = exclusions.names;
	options.n_excluded_names = exclusions.n_names;
	options.mode = choice->mode;
	options.want_bpf = wants_bpf(d, choice);
	options.want_audit = d->audit && daemon_setting(d, SETTING_AuditdEnableNetlink);
	if (!options.want_audit && !options.want_bpf) {
		log_error("The netlink source is switched off (CX.recorder.AuditdEnableNetlink = 0) and there is no other");
		return -EINVAL;
	}
	d->source_ops = choice->ops;
	r = d->source_ops->open(&d->source, &options);
	if (r < 0) {
		log_error("Failed to open the kernel's audit: %s", audit_control_why(r));
		return r;
	}
	return explain_source(d, choice, options.want_bpf);
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

/* Without audit there are no logins; all the rest the programs in the kernel can show. */
static int check_audit(struct daemon *d)
{
	const struct source_choice *choice = choose_source(d);
	int r;

	if (!choice)
		return -EINVAL;
	r = audit_control_open(&d->audit);
	if (r >= 0)
		r = audit_control_state(d->audit, &d->audit_state);
	if (r >= 0)
		return 0;
	d->audit = audit_control_free(d->audit);
	if (choice->bpf == BPF_NO || !daemon_setting(d, SETTING_EnableEbpf)) {
		log_error("The kernel's audit cannot be used: %s", audit_control_why(r));
		return r;
	}
	log_warning("The kernel's audit cannot be used, so no logins are seen: %s", audit_control_why(r));
	return 0;
}

static int start_threads(struct daemon *d)
{
	const struct pipeline_times times = daemon_pipeline_times(d);
	struct core_options core = {
		.pipeline = {
			.assembler = ASSEMBLER_DEFAULTS,
			.decoder = { .own_key = AUDIT_OWN_KEY },
			.tracker = { .boot_id = span_of(d->boot_id), .boot_time_ns = d->boot_time_ns,
				     .ticks_per_second = 100, .grace_ns = times.grace_ns },
			.prune_ns = times.prune_ns,
			.filter = d->subscriptions.filter,
			.wanted = d->wanted,
			.own_pid = (uint32_t)getpid(),
			.not_from_audit = d->not_from_audit,
		},
		.procfs = d->procfs,
		.users = d->users,
	};
	int r;

	core.pipeline.assembler.timeout_ns = times.timeout_ns;
	r = ring_new(&d->ring, RING_BYTES);
	if (r >= 0)
		r = ring_new(&d->notes_ring, NOTES_BYTES);
	if (r >= 0)
		r = event_queue_new(&d->queue, QUEUE_EVENTS);
	if (r < 0)
		return log_errno(r, "Failed to make the queues");
	d->notes = (struct notes){ .ring = d->notes_ring, .wake = d->ring };
	d->writer_options.queue = d->queue;
	d->writer_options.taps = d->taps;
	d->writer_options.json = (struct event_json_options){ .host_id = span_of(d->host_id),
							      .host_name = span_of(d->host_name),
							      .boot_id = span_of(d->boot_id) };
	d->writer_options.drain_ns = daemon_drain_ns(d);
	d->writer_options.alive_ns = daemon_alive_ns(d);
	r = writer_start(&d->writer, &d->writer_options);
	if (r < 0)
		return log_errno(r, "Failed to start the writer");
	core.ring = d->ring;
	core.notes = d->notes_ring;
	core.queue = d->queue;
	core.capture = d->capture;
	r = core_start(&d->core, &core);
	if (r < 0) {
		event_queue_close(d->queue);
		return log_errno(r, "Failed to start the core");
	}
	return 0;
}

static int start_recording(struct daemon *d)
{
	const char *why = "";
	int r;

	if (d->subscriptions.n > 0 && source_live_has_audit(d->source)) {
		if (d->audit_state.enabled == 0 && source_live_bpf(d->source) < 0)
			log_warning("The kernel's audit was off: programs that already ran when it was first switched on since boot "
				    "are never audited, only what they start is (`audit=1` on the kernel's command line mends that)");
		r = daemon_load_rules(d, &why);
		if (r < 0) {
			log_error("Failed to load the audit rules: %s", why);
			return r;
		}
		d->rules_loaded = true;
		r = audit_control_state(d->audit, &d->audit_state);
		if (r < 0)
			return log_errno(r, "Failed to read the state of the kernel's audit");
		if (audit_rules_blind(d->audit) > 0)
			log_warning("A rule `-a task,never` is loaded: processes born under it are never audited "
				    "(remove it: auditctl -d task,never)");
	}
	ledger_begin(&d->ledger, clock_now_ns(), LOSS_KERNEL, d->audit_state.lost);
	r = reader_start(&d->reader, &(struct reader_options){ .ops = d->source_ops, .source = d->source,
							       .ring = d->ring, .procfs = d->procfs,
							       .nap_ns = daemon_nap_ns(d) });
	if (r < 0)
		return log_errno(r, "Failed to start the reader");
	notes_say(&d->notes, "start", "recording with %s, %zu subscription%s", d->source_ops->mode(d->source),
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
	uv_timer_init(&d->loop, &d->tick);
	d->tick.data = d;
	r = uv_timer_start(&d->tick, daemon_on_tick, TICK_MS, TICK_MS);
	if (r < 0)
		return log_errno(r, "Failed to start the timer");
	r = daemon_start_server(d);
	if (r < 0)
		return r;
	if (d->options->tail && pthread_create(&d->tail_thread, NULL, run_tail, d) == 0)
		d->tailing = true;
	return 0;
}

/* Stop: the reverse, and each step copes with a start that did not come so far. */

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

static void stop(struct daemon *d)
{
	if (d->reader)
		notes_say(&d->notes, "stop", "stopped");
	if (d->audit && d->rules_loaded && audit_rules_unload(d->audit, d->places.kernel_state) < 0)
		log_error("Failed to put the kernel's audit back as it was; the next start, or `auditctl -D -k %s`, does",
			  AUDIT_OWN_KEY);
	d->reader = reader_stop(d->reader);
	if (d->core) {
		if (d->audit)
			audit_control_state(d->audit, &d->audit_state);
		daemon_tell_losses(d, true);
		daemon_tell_removed(d);
	}
	if (d->core)
		d->core = core_stop(d->core);
	if (d->writer)
		d->writer = writer_stop(d->writer);
	else
		daemon_close_sinks(d);
	d->server = server_free(d->server);
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	if (d->tailing)
		pthread_join(d->tail_thread, NULL);
	if (d->source)
		d->source = d->source_ops->free(d->source);
	d->audit = audit_control_free(d->audit);
	d->procfs = procfs_free(d->procfs);
	d->users = users_free(d->users);
	close_capture(d);
	d->queue = event_queue_free(d->queue);
	d->ring = ring_free(d->ring);
	d->notes_ring = ring_free(d->notes_ring);
	d->taps = taps_free(d->taps);
	subscriptions_release(&d->subscriptions);
	daemon_forget_user_rules(d);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	places_release(&d->places);
}

static int start(struct daemon *d)
{
	int r;

	r = places_init(&d->places, d->options->config_dir, d->options->state_dir);
	if (r >= 0)
		r = read_settings(d);
	if (r >= 0)
		r = check_audit(d);
	if (r >= 0)
		r = places_make(&d->places);
	if (r >= 0)
		r = d->lock_fd = places_lock(&d->places);
	if (r >= 0)
		r = check_rival();
	if (r >= 0)
		r = subscriptions_load(&d->subscriptions, d->places.subscriptions_dir, d->options->subscription_path);
	if (r < 0)
		return r;
	daemon_read_user_rules(d);
	daemon_narrow_wanted(d);
	memcpy(d->wanted_at_start, d->wanted, sizeof(d->wanted));
	host_identity(d);
	r = procfs_boot(d->boot_id, &d->boot_time_ns);
	if (r >= 0)
		r = procfs_open(&d->procfs);
	if (r < 0)
		return log_errno(r, "Failed to read /proc");
	r = users_new(&d->users, "/etc/passwd", "/etc/group");
	if (r < 0)
		return log_errno(r, "Failed to start");
	if (d->options->capture_path) {
		r = capture_open(&d->capture, d->options->capture_path);
		if (r < 0)
			return log_errno(r, "Failed to open the capture %s", d->options->capture_path);
	}
	r = daemon_open_sinks(d);
	if (r < 0)
		return r;
	if (d->audit && audit_rules_clean(d->audit, d->places.kernel_state) > 0)
		log_info("Cleaned up what a run that died had left in the kernel's audit");
	r = open_source(d);
	if (r >= 0)
		r = privileges_drop();
	if (r >= 0) {
		r = taps_new(&d->taps, daemon_notify_tapped, &d->tapped);
		if (r < 0)
			log_errno(r, "Failed to start");
	}
	if (r >= 0)
		r = start_threads(d);
	if (r < 0)
		return r;
	daemon_tell_the_past(d);
	daemon_tell_user_rules(d);
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
	struct daemon d = { .options = options, .lock_fd = -1, .started_ns = clock_now_ns() };
	int r;

	choose_heap();
	signal(SIGPIPE, SIG_IGN);
	r = uv_loop_init(&d.loop);
	if (r < 0) {
		log_errno(r, "Failed to start");
		return 1;
	}
	uv_async_init(&d.loop, &d.tapped, daemon_on_tapped);
	d.tapped.data = &d;
	r = start(&d);
	if (r < 0) {
		d.exit_code = exit_code_of(r);
	} else {
		log_info("Recording with %s into %s", d.source_ops->mode(d.source), d.places.state_dir);
		uv_run(&d.loop, UV_RUN_DEFAULT);
	}
	stop(&d);
	return d.exit_code;
}
