/* What a changed setting changes in a recorder that runs.  Each is told as an event, with what it was. */

#include "base/clock.h"
#include "base/leisure.h"
#include "base/log.h"
#include "daemon/daemon.h"

/* An ended process is remembered so long, and what ProcessorPruneAdjustmentSecs says: audit's last records of it come up to a
 * second late under load. */
#define GRACE_NS (20 * NS_PER_SEC)

/* Settings switch a part of a class off. */
void daemon_kinds_wanted(const struct daemon *d, const struct filter *filter, bool ret[N_KINDS])
{
	static const struct {
		enum setting_id setting;
		unsigned kind;
	} switches[] = {
		{ SETTING_AuditdEnableForkTracking, KIND_ID(process, fork) },
		{ SETTING_AuditdEnableIncomingNetwork, KIND_ID(network, accept) },
		{ SETTING_AuditdEnableIncomingNetwork, KIND_ID(network, bind) },
		{ SETTING_AuditdEnableIncomingNetwork, KIND_ID(network, listen) },
		{ SETTING_AuditdEnableOutgoingNetwork, KIND_ID(network, connect) },
	};

	filter_wanted(filter, ret);
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (!daemon_setting(d, switches[i].setting))
			ret[switches[i].kind] = false;
}

static uint64_t setting_times(const struct daemon *d, enum setting_id id, uint64_t unit)
{
	return (uint64_t)daemon_setting(d, id) * unit;
}

struct pipeline_times daemon_pipeline_times(const struct daemon *d)
{
	return (struct pipeline_times){
		.timeout_ns = setting_times(d, SETTING_EventAssemblerTimeoutMs, NS_PER_MS),
		.prune_ns = setting_times(d, SETTING_ProcessorCleanupIntervalSecs, NS_PER_SEC),
		.grace_ns = GRACE_NS + setting_times(d, SETTING_ProcessorPruneAdjustmentSecs, NS_PER_SEC),
		.path_ns = setting_times(d, SETTING_PathReassemblyTimeoutSecs, NS_PER_SEC),
		.signal_window_ns = setting_times(d, SETTING_SignalWindowSecs, NS_PER_SEC),
		.collate_ns = MAX(setting_times(d, SETTING_CollateWindowMs, NS_PER_MS), 1u),
	};
}

uint64_t daemon_drain_ns(const struct daemon *d)
{
	return setting_times(d, SETTING_PersistenceQueueDrainIntervalMs, NS_PER_MS);
}

uint64_t daemon_alive_ns(const struct daemon *d)
{
	return setting_times(d, SETTING_StatusUpdateInterval, NS_PER_SEC);
}

uint64_t daemon_stats_ns(const struct daemon *d)
{
	return setting_times(d, SETTING_DatabaseStatsUpdateSecs, NS_PER_SEC);
}

uint64_t daemon_nap_ns(const struct daemon *d)
{
	return setting_times(d, SETTING_Stage1WorkQueueInterval, NS_PER_MS);
}

uint32_t daemon_write_interval_ms(const struct daemon *d)
{
	return (uint32_t)daemon_setting(d, SETTING_EmitFileWriteIntervalSecs) * 1000;
}

/* An event is stored that long after it happened, at most; a second is for the threads' own pace. */
uint64_t daemon_way_ns(const struct daemon *d)
{
	return setting_times(d, SETTING_EventAssemblerTimeoutMs, NS_PER_MS) +
	       setting_times(d, SETTING_PersistenceQueueDrainIntervalMs, NS_PER_MS) + NS_PER_SEC;
}

uint64_t daemon_request_ms(const struct daemon *d)
{
	return setting_times(d, SETTING_MailboxQueryTimeoutMs, 1);
}

unsigned daemon_requests_a_turn(const struct daemon *d)
{
	return (unsigned)daemon_setting(d, SETTING_MaxMailboxItemsPerCheck);
}

/* What each category keeps, scaled down if somebody gave away more than there is. */
static void find_shares(const struct daemon *d, uint8_t ret[N_CATEGORIES])
{
	static const enum setting_id settings[N_CATEGORIES] = {
		[CATEGORY_process] = SETTING_DatabaseShareProcessPercent,   [CATEGORY_file] = SETTING_DatabaseShareFilePercent,
		[CATEGORY_network] = SETTING_DatabaseShareNetworkPercent,   [CATEGORY_dns] = SETTING_DatabaseShareDnsPercent,
		[CATEGORY_image] = SETTING_DatabaseShareImagePercent,	    [CATEGORY_driver] = SETTING_DatabaseShareDriverPercent,
		[CATEGORY_security] = SETTING_DatabaseShareSecurityPercent, [CATEGORY_system] = SETTING_DatabaseShareSystemPercent,
		[CATEGORY_registry] = SETTING_DatabaseShareRegistryPercent, [CATEGORY_http] = SETTING_DatabaseShareHttpPercent,
		[CATEGORY_recorder] = SETTING_DatabaseShareRecorderPercent, [CATEGORY_signal] = SETTING_DatabaseShareSignalPercent,
	};
	unsigned sum = 0;

	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sum += (unsigned)daemon_setting(d, settings[i]);
	if (sum > 100)
		log_warning("The settings " SETTING_PREFIX "DatabaseShare...Percent give away %u %% of the database; each is scaled down", sum);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		ret[i] = (uint8_t)(daemon_setting(d, settings[i]) * 100 / MAX(sum, 100u));
}

struct database_limits daemon_database_limits(const struct daemon *d)
{
	const uint64_t mb = UINT64_C(1) << 20;
	/* What can wait does so while something else takes what the recorder may. */
	unsigned slower = LEISURE_PERCENT / leisure_percent();
	struct database_limits limits = {
		.max_bytes = setting_times(d, SETTING_DatabaseMaxSizeMB, mb),
		.chunk_bytes = setting_times(d, SETTING_DatabaseChunkSize, mb),
		.clean_interval_ns = setting_times(d, SETTING_DatabaseCleanIntervalSecs, NS_PER_SEC) * slower,
		.clean_pause_ns = setting_times(d, SETTING_DatabaseCleanContinueIntervalMs, NS_PER_MS) * slower,
		.min_clean_percent = (unsigned)daemon_setting(d, SETTING_DatabaseMinCleanPercent),
		.max_clean_percent = (unsigned)daemon_setting(d, SETTING_DatabaseMaxCleanPercent),
		.vacuum_interval_ns = slower > 1 ? 0 : setting_times(d, SETTING_VacuumIntervalDays, 24 * 3600 * NS_PER_SEC),
	};

	find_shares(d, limits.shares);
	return limits;
}

/* Changes */

static void apply_wanted(struct daemon *d)
{
	struct filter_error error = { "" };

	if (daemon_switch(d, &error) < 0)
		log_error("%s", error.message);
}

static void apply_times(struct daemon *d)
{
	d->times_changed = true;
	daemon_settle(d);
}

static void apply_writer(struct daemon *d)
{
	writer_set_intervals(d->writer, daemon_drain_ns(d), daemon_alive_ns(d));
}

static void apply_database(struct daemon *d)
{
	const struct database_limits limits = daemon_database_limits(d);

	writer_set_database(d->writer, &limits);
}

static void apply_reader(struct daemon *d)
{
	if (d->reader)
		reader_set_nap(d->reader, daemon_nap_ns(d));
}

static void apply_source(struct daemon *d)
{
	if (d->source)
		source_live_set_write_interval(d->source, daemon_write_interval_ms(d));
}

static void apply_server(struct daemon *d)
{
	if (d->server)
		server_set_limits(d->server, daemon_request_ms(d), daemon_requests_a_turn(d));
}

static void apply_hasher(struct daemon *d)
{
	if (d->hasher)
		hasher_set_texts(d->hasher, daemon_setting(d, SETTING_EnableScriptContent));
}

static void apply_protection(struct daemon *d)
{
	daemon_protect_subscriptions(d);
}

static void apply_suspension(struct daemon *d)
{
	daemon_tick_suspension(d);
}

static void apply_sockets(struct daemon *d)
{
	atomic_store(&d->resolve_sockets, daemon_setting(d, SETTING_AuditdEnableResolveLocalAddress) != 0);
}

static void apply_log(struct daemon *d)
{
	log_set_level((enum log_level)daemon_setting(d, SETTING_LogLevel));
}

/* Those that act at once and are not asked for anew each time. */
static const struct {
	enum setting_id setting;
	void (*apply)(struct daemon *d);
} changes[] = {
	{ SETTING_AudispdMaxRestarts, daemon_look_at_auditd },
	{ SETTING_AudispdMaxRestartsWrite, daemon_look_at_auditd },
	{ SETTING_AudispdOverflowAction, daemon_look_at_auditd },
	{ SETTING_AudispdOverflowActionWrite, daemon_look_at_auditd },
	{ SETTING_AudispdPriorityBoost, daemon_look_at_auditd },
	{ SETTING_AudispdPriorityBoostWrite, daemon_look_at_auditd },
	{ SETTING_AudispdQueueDepth, daemon_look_at_auditd },
	{ SETTING_AudispdQueueDepthWrite, daemon_look_at_auditd },
	{ SETTING_AuditdEnableAuditdConfMigration, daemon_look_at_auditd },
	{ SETTING_AuditdRawLogging, daemon_look_at_auditd },
	{ SETTING_AuditdRawLoggingWrite, daemon_look_at_auditd },
	{ SETTING_JournaldRawLogging, daemon_look_at_auditd },
	{ SETTING_JournaldRawLoggingWrite, daemon_look_at_auditd },
	{ SETTING_SyslogPluginRawLogging, daemon_look_at_auditd },
	{ SETTING_SyslogPluginRawLoggingWrite, daemon_look_at_auditd },
	{ SETTING_AuditdDisableKernelPanicProtection, daemon_apply_rules },
	{ SETTING_AuditdEnableRawLoggingRuleLoading, daemon_apply_rules },
	{ SETTING_AuditDMaxWatchedPaths, apply_wanted },
	{ SETTING_AuditdRulesDisableWatchSpecificPaths, apply_wanted },
	{ SETTING_AuditdEnableForkTracking, apply_wanted },
	{ SETTING_AuditdEnableIncomingNetwork, apply_wanted },
	{ SETTING_AuditdEnableOutgoingNetwork, apply_wanted },
	{ SETTING_AuditdEnableResolveLocalAddress, apply_sockets },
	{ SETTING_AuditdRulesBufferSize, daemon_apply_rules },
	{ SETTING_CpuThrottleCalculateTotalSystem, daemon_set_throttle },
	{ SETTING_CpuThrottleMaximumSampleMilliseconds, daemon_set_throttle },
	{ SETTING_CpuThrottleMinimumSampleMilliseconds, daemon_set_throttle },
	{ SETTING_CpuThrottleTargetPercent, daemon_set_throttle },
	{ SETTING_ProcessorQueueDrainIntervalMs, daemon_set_throttle },
	{ SETTING_DisableResourceMonitor, apply_suspension },
	{ SETTING_CollateWindowMs, apply_times },
	{ SETTING_EventAssemblerTimeoutMs, apply_times },
	{ SETTING_PathReassemblyTimeoutSecs, apply_times },
	{ SETTING_ProcessorCleanupIntervalSecs, apply_times },
	{ SETTING_ProcessorPruneAdjustmentSecs, apply_times },
	{ SETTING_SignalWindowSecs, apply_times },
	{ SETTING_PersistenceQueueDrainIntervalMs, apply_writer },
	{ SETTING_StatusUpdateInterval, apply_writer },
	{ SETTING_DatabaseChunkSize, apply_database },
	{ SETTING_DatabaseCleanContinueIntervalMs, apply_database },
	{ SETTING_DatabaseCleanIntervalSecs, apply_database },
	{ SETTING_DatabaseMaxCleanPercent, apply_database },
	{ SETTING_DatabaseMaxSizeMB, apply_database },
	{ SETTING_DatabaseMinCleanPercent, apply_database },
	{ SETTING_DatabaseShareDnsPercent, apply_database },
	{ SETTING_DatabaseShareDriverPercent, apply_database },
	{ SETTING_DatabaseShareFilePercent, apply_database },
	{ SETTING_DatabaseShareHttpPercent, apply_database },
	{ SETTING_DatabaseShareImagePercent, apply_database },
	{ SETTING_DatabaseShareNetworkPercent, apply_database },
	{ SETTING_DatabaseShareProcessPercent, apply_database },
	{ SETTING_DatabaseShareRecorderPercent, apply_database },
	{ SETTING_DatabaseShareRegistryPercent, apply_database },
	{ SETTING_DatabaseShareSecurityPercent, apply_database },
	{ SETTING_DatabaseShareSignalPercent, apply_database },
	{ SETTING_DatabaseShareSystemPercent, apply_database },
	{ SETTING_VacuumIntervalDays, apply_database },
	{ SETTING_Stage1WorkQueueInterval, apply_reader },
	{ SETTING_EmitFileWriteIntervalSecs, apply_source },
	{ SETTING_EnableScriptContent, apply_hasher },
	{ SETTING_EnableSignalSubscriptionProtection, apply_protection },
	{ SETTING_EnableSubscriptionProtection, apply_protection },
	{ SETTING_LogLevel, apply_log },
	{ SETTING_MailboxQueryTimeoutMs, apply_server },
	{ SETTING_MaxMailboxItemsPerCheck, apply_server },
};

static void tell(struct daemon *d, const struct settings *before, enum setting_id id)
{
	_cleanup_(buffer_release) struct buffer old = { 0 }, new = { 0 };

	setting_append_value(&old, before, id);
	setting_append_value(&new, &d->conf.settings, id);
	log_info("%s%s is '%s', it was '%s' (%s)", SETTING_PREFIX, setting_infos[id].name, buffer_text(&new), buffer_text(&old),
		 setting_acts_words(id));
	notes_say(&d->notes, "config", "%s%s: '%s', was '%s' (%s)", SETTING_PREFIX, setting_infos[id].name, buffer_text(&new),
		  buffer_text(&old), setting_acts_words(id));
}

static void on_changed(void *user, const struct settings *before)
{
	struct daemon *d = user;
	void (*last)(struct daemon *d) = NULL;

	for (unsigned i = 0; i < N_SETTINGS; i++)
		if (!setting_is_same(before, &d->conf.settings, (enum setting_id)i))
			tell(d, before, (enum setting_id)i);
	/* What is applied together stands together in the table, and is applied once. */
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].apply != last && !setting_is_same(before, &d->conf.settings, changes[i].setting)) {
			last = changes[i].apply;
			last(d);
		}
}

static void on_refused(void *user, const char *why)
{
	struct daemon *d = user;

	if (why) {
		log_error("%s (the settings before it stay in force)", why);
		notes_say(&d->notes, "config", "settings refused: %s", why);
	} else {
		log_info("The settings file is right again");
		notes_say(&d->notes, "config", "settings accepted again");
	}
}

/* What nobody obeys is not to be believed in. */
static void tell_without_effect(const struct daemon *d)
{
	for (unsigned i = 0; i < N_SETTINGS; i++)
		if (d->conf.settings.origin[i] != ORIGIN_DEFAULT && setting_infos[i].acts == ACTS_NEVER)
			log_warning("%s%s is set, but has no effect %s", SETTING_PREFIX, setting_infos[i].name,
				    setting_is_here((enum setting_id)i) ? "in this version" : "on this platform");
}

int daemon_read_settings(struct daemon *d)
{
	const struct conf_options options = {
		.path = d->places.config_file,
		.assignments = d->options->settings,
		.n_assignments = d->options->n_settings,
		.changed = on_changed,
		.refused = on_refused,
		.user = d,
	};
	struct settings_error error = { "" };
	int r = conf_init(&d->conf, &options, clock_ns(CLOCK_MONOTONIC), &error);

	if (r < 0) {
		log_error("%s", error.message);
		return r;
	}
	apply_log(d);
	tell_without_effect(d);
	return r;
}
