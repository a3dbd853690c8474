/* See auditd.h.  Its files are looked at at the start and every ConfigRefreshConfigIntervalMins, in the control loop: they are small
 * and local.  The first time that one of them is changed, what it was is kept beside it. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/host_file.h"
#include "daemon/daemon.h"
#include "daemon/privileges.h"
#include "source/comm.h"

#define MAX_BYTES (1u << 20)		/* of a file */
#define PROGRAM_NS (5 * NS_PER_SEC)	/* that a program of the host may take */
#define RELOAD_NS NS_PER_SEC		/* between two signals to read its configuration again: auditd 3.0.9 aborts at two at once */
#define END_NS (5 * NS_PER_SEC)		/* that auditd may take to end */

static void fail(struct auditd *auditd, const char *path, const char *why)
{
	if (!*auditd->problem)
		snprintf(auditd->problem, sizeof(auditd->problem), "%s: %s", path, why);
}

/* Programs of the host */

/* Its status; it is killed if it has not ended by then. */
static int wait_for(pid_t pid, uint64_t end_ns)
{
	int status = -1;
	pid_t r;

	while ((r = waitpid(pid, &status, WNOHANG)) == 0 && clock_ns(CLOCK_MONOTONIC) < end_ns)
		clock_sleep_ns(NS_PER_MS);
	if (r == 0) {
		kill(pid, SIGKILL);
		while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
			;
	}
	return r == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A program that is begun, in a thread of its own: what that has dropped the program does not get (capabilities(7): of a process of root too no
 * more than before, since no_new_privs is set), and no other thread lacks it. */
struct start {
	const char *const *words;
	int output;
	pid_t pid;
	int r;
};

/* auditctl does not even tell its version to who may not control audit (audit-userspace: src/auditctl.c, main). */
static uint64_t capabilities_of(const char *program)
{
	return strcmp(program, "auditctl") == 0 ? UINT64_C(1) << CAP_AUDIT_CONTROL : 0;
}

static void *start_bare(void *user)
{
	static char locale[] = "LC_ALL=C";
	struct start *start = user;
	const char *path = getenv("PATH");
	_cleanup_(freep) char *own_path = NULL;
	char *environment[] = { locale, NULL, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t ignored;

	start->r = privileges_keep(capabilities_of(start->words[0]));
	if (start->r < 0)
		return NULL;
	if (asprintf(&own_path, "PATH=%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin") < 0) {
		own_path = NULL;
		start->r = -ENOMEM;
		return NULL;
	}
	environment[1] = own_path;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, start->output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE);		/* by us, not by it */
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &ignored);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	start->r = posix_spawnp(&start->pid, start->words[0], &actions, &attributes, (char *const *)(uintptr_t)start->words, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return NULL;
}

static int start_program(const char *const *words, int output, pid_t *ret)
{
	struct start start = { .words = words, .output = output };
	pthread_t thread;
	int r = pthread_create(&thread, NULL, start_bare, &start);

	if (r != 0)
		return r;
	pthread_join(thread, NULL);
	*ret = start.pid;
	return start.r;
}

/* What it has printed, as far as there is room.  Its exit code; -1: it could not be run, or did not end in time. */
static int run_program(const char *const *words, uint64_t end_ns, char *ret, size_t size)
{
	uint64_t now_ns;
	int ends[2], r;
	struct pollfd of;
	size_t n = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	r = start_program(words, ends[1], &pid);
	close(ends[1]);
	of = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	while (r == 0 && (now_ns = clock_ns(CLOCK_MONOTONIC)) < end_ns) {
		char more[256];
		ssize_t got;

		if (poll(&of, 1, (int)((end_ns - now_ns) / NS_PER_MS) + 1) <= 0)
			continue;
		got = read(ends[0], more, sizeof(more));
		if (got <= 0)
			break;
		for (ssize_t i = 0; i < got && n + 1 < size; i++)
			ret[n++] = more[i];
	}
	ret[n] = 0;
	close(ends[0]);
	return r == 0 ? wait_for(pid, end_ns) : -1;
}

static void ask_version(struct auditd *auditd)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + PROGRAM_NS;
	char said[128];

	if (run_program((const char *const[]){ "auditctl", "-v", NULL }, end_ns, said, sizeof(said)) == 0)
		auditd->version = audit_version_read(span_of(said));
}

/* Its socket for audit is another reader of the kernel's stream, which stores all of it again. */
static void keep_journald(struct daemon *d)
{
	static const char unit[] = "systemd-journald-audit.socket";
	bool wanted = daemon_setting(d, SETTING_JournaldRawLogging) != 0, is_on;
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + PROGRAM_NS;
	char said[128];

	if (!daemon_setting(d, SETTING_JournaldRawLoggingWrite))
		return;
	if (run_program((const char *const[]){ "systemctl", "is-active", unit, NULL }, end_ns, said, sizeof(said)) < 0) {
		fail(&d->auditd, "systemctl", "it cannot be run");
		return;
	}
	is_on = span_starts(span_of(said), SPAN("active"));
	if (is_on == wanted)
		return;
	if ((wanted && run_program((const char *const[]){ "systemctl", "unmask", unit, NULL }, end_ns, said, sizeof(said)) != 0) ||
	    run_program((const char *const[]){ "systemctl", wanted ? "start" : "mask", wanted ? unit : "--now", wanted ? NULL : unit, NULL },
			end_ns, said, sizeof(said)) != 0) {
		fail(&d->auditd, unit, wanted ? "it cannot be started" : "it cannot be masked");
		return;
	}
	log_info("%s is %s, as CX.recorder.JournaldRawLogging wants it", unit, wanted ? "on" : "off");
	notes_say(&d->notes, "config", "%s is %s", unit, wanted ? "on" : "off");
}

/* Files */

static int path_of(const struct daemon *d, enum audit_file file, char **ret)
{
	return asprintf(ret, "%s%s", d->places.host_root, audit_file_paths[file]) < 0 ? -ENOMEM : 0;
}

/* 0, or -errno. */
static int read_file(struct daemon *d, const char *path, struct buffer *ret)
{
	struct file_error error = { "" };
	struct stat st;
	int fd = file_open(path, &st, &error), r = fd;

	if (fd >= 0) {
		r = file_read(ret, fd, MAX_BYTES, &error);
		close(fd);
	}
	if (r >= 0)
		return 0;
	buffer_release(ret);
	if (r != -ENOENT && r != -ENOTDIR)
		fail(&d->auditd, path, error.message);
	return r;
}

/* auditd */

pid_t auditd_find(uint32_t pid)
{
	char name[COMM_BYTES];

	return pid > 0 && comm_read(pid, name) && strcmp(name, "auditd") == 0 ? (pid_t)pid : 0;
}

pid_t daemon_find_auditd(const struct daemon *d)
{
	return d->audit ? auditd_find(d->audit_state.pid) : 0;
}

/* What is written at the start is told at its end, all at once. */
bool daemon_reload_auditd(struct daemon *d)
{
	d->auditd.reload_waits = daemon_find_auditd(d) > 0;
	return d->auditd.reload_waits && (!d->has_begun || daemon_tell_auditd(d));
}

bool daemon_tell_auditd(struct daemon *d)
{
	uint64_t since_ns = clock_ns(CLOCK_MONOTONIC) - d->auditd.reloaded_ns;
	pid_t pid = daemon_find_auditd(d);

	if (d->auditd.reloaded_ns > 0 && since_ns < RELOAD_NS) {
		if (d->stopping_ns == 0)
			return true;		/* in a second */
		clock_sleep_ns(RELOAD_NS - since_ns);
	}
	d->auditd.reload_waits = false;
	d->auditd.reloaded_ns = clock_ns(CLOCK_MONOTONIC);
	return pid > 0 && kill(pid, SIGHUP) == 0;
}

bool daemon_auditd_floods(const struct daemon *d)
{
	return d->auditd.raw_logging && !daemon_setting(d, SETTING_AuditdEnableRawLoggingRuleLoading) && daemon_find_auditd(d) > 0;
}

static struct audit_wish wish(const struct daemon *d, enum setting_id value, enum setting_id write)
{
	return (struct audit_wish){ .value = daemon_setting(d, value), .write = daemon_setting(d, write) != 0 };
}

/* false: it runs and could not be told. */
static bool tell_changes(struct daemon *d, struct span did)
{
	pid_t pid = daemon_find_auditd(d);
	bool reloaded = daemon_reload_auditd(d);

	log_info("The configuration of auditd is changed: %.*s%s", (int)did.size, did.data,
		 reloaded ? "; it reads it again" : "");
	notes_say(&d->notes, "config", "auditd: %.*s%s", (int)did.size, did.data, reloaded ? "; reloaded" : "");
	return reloaded || pid == 0;
}

/* Each that can be is: what has been done. */
static void change_files(struct daemon *d, const struct audit_host *host, char *const paths[N_AUDIT_FILES], struct buffer *did,
			 bool ret_changed[N_AUDIT_FILES])
{
	for (enum audit_file file = 0; file < N_AUDIT_FILES; file++) {
		int r = host->plan[file].size == 0 ? 0 :
			host_file_change(paths[file], buffer_span(&host->text[file]), buffer_span(&host->plan[file]));

		ret_changed[file] = r >= 0;
		if (r < 0) {
			fail(&d->auditd, paths[file], strerror(-r));
		} else if (host->did[file].size > 0) {
			buffer_append_text(did, did->size > 0 ? ", " : "");
			buffer_append_span(did, buffer_span(&host->did[file]));
		}
	}
}

void daemon_look_at_auditd(struct daemon *d)
{
	struct audit_wishes wishes = {
		.migrate = daemon_setting(d, SETTING_AuditdEnableAuditdConfMigration) != 0,
		.raw_logging = wish(d, SETTING_AuditdRawLogging, SETTING_AuditdRawLoggingWrite),
		.queue_depth = wish(d, SETTING_AudispdQueueDepth, SETTING_AudispdQueueDepthWrite),
		.max_restarts = wish(d, SETTING_AudispdMaxRestarts, SETTING_AudispdMaxRestartsWrite),
		.priority_boost = wish(d, SETTING_AudispdPriorityBoost, SETTING_AudispdPriorityBoostWrite),
		.overflow_action = wish(d, SETTING_AudispdOverflowAction, SETTING_AudispdOverflowActionWrite),
		.syslog = wish(d, SETTING_SyslogPluginRawLogging, SETTING_SyslogPluginRawLoggingWrite),
	};
	_cleanup_(audit_host_release) struct audit_host host = { 0 };
	_cleanup_(buffer_release) struct buffer did = { 0 };
	struct auditd *auditd = &d->auditd;
	bool changed[N_AUDIT_FILES];
	char *paths[N_AUDIT_FILES] = { NULL };
	int r = 0, r_read;

	auditd->looked_ns = clock_ns(CLOCK_MONOTONIC);
	*auditd->problem = 0;
	buffer_release(&auditd->left);
	for (enum audit_file file = 0; file < N_AUDIT_FILES && r >= 0; file++) {
		r = path_of(d, file, &paths[file]);
		r_read = r >= 0 ? read_file(d, paths[file], &host.text[file]) : 0;
		/* Without a file auditd writes all; but of a recorder that is tried out only the files in its folder are known. */
		if (file == AUDIT_FILE_AUDITD && r_read < 0)
			host.unknown = r_read != -ENOENT || *d->places.host_root == 0;
	}
	auditd->is_there = host.text[AUDIT_FILE_AUDITD].size > 0;
	if (auditd->is_there)
		ask_version(auditd);
	wishes.version = auditd->version;
	if (r >= 0)
		r = audit_host_plan(&host, &wishes);
	if (r >= 0) {
		change_files(d, &host, paths, &did, changed);
		if (did.size > 0)
			changed[AUDIT_FILE_AUDITD] &= tell_changes(d, buffer_span(&did));
		auditd->raw_logging = changed[AUDIT_FILE_AUDITD] ? host.raw_logging : host.raw_logging_before;
	}
	auditd->left = host.left;
	host.left = (struct buffer){ 0 };
	keep_journald(d);
	for (enum audit_file file = 0; file < N_AUDIT_FILES; file++)
		free(paths[file]);
}

void daemon_tick_auditd(struct daemon *d)
{
	uint64_t interval_ns = (uint64_t)daemon_setting(d, SETTING_ConfigRefreshConfigIntervalMins) * 60 * NS_PER_SEC;

	if (clock_ns(CLOCK_MONOTONIC) - d->auditd.looked_ns >= interval_ns)
		daemon_look_at_auditd(d);
	if (d->auditd.reload_waits)
		daemon_tell_auditd(d);
}

/* It ends by itself when it is asked to; whoever starts it again has it again. */
void daemon_stop_auditd(struct daemon *d)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + END_NS;
	pid_t pid;
	int r = 0;

	if (!d->audit || !daemon_setting(d, SETTING_AuditdStopAuditdService) || audit_control_state(d->audit, &d->audit_state) < 0)
		return;
	pid = daemon_find_auditd(d);
	if (pid <= 0)
		return;
	/* While it starts it ignores that. */
	for (unsigned i = 0; daemon_find_auditd(d) == pid && clock_ns(CLOCK_MONOTONIC) < end_ns; i++) {
		r = i % 50 == 0 && kill(pid, SIGTERM) < 0 && errno != ESRCH ? -errno : 0;
		clock_sleep_ns(10 * NS_PER_MS);
		if (r < 0 || audit_control_state(d->audit, &d->audit_state) < 0)
			break;
	}
	if (daemon_find_auditd(d) == pid) {
		log_errno(r < 0 ? r : -ETIMEDOUT, "Failed to stop auditd, pid %d, as CX.recorder.AuditdStopAuditdService wants it", pid);
		return;
	}
	log_info("auditd, pid %d, was stopped, as CX.recorder.AuditdStopAuditdService wants it", pid);
	notes_say(&d->notes, "config", "auditd, pid %d, was stopped", pid);
}
