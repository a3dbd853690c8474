/* Whom the recorder trusts: itself, if it is what was signed; its files, as long as nobody else changes them; its threads, as long as they
 * ask for what they need alone.  What does not hold is told as security/tamper (pipeline/guard.h says by whom, where that is known). */

#include "daemon/trust.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/settings_edit.h"
#include "daemon/confine.h"
#include "daemon/daemon.h"
#include "daemon/self.h"

int daemon_check_self(struct daemon *d)
{
	struct self_report report;

	if (!daemon_setting(d, SETTING_EnableSelfVerification))
		return 0;
	self_verify(d->places.signing_keys, NULL, &report);
	switch (report.outcome) {
	case SELF_SIGNED:
		log_info("%s is %s", report.program, report.why);
		return 0;
	case SELF_NO_KEY:
		log_warning("%s is %s", report.program, report.why);
		snprintf(d->trust.unproved, sizeof(d->trust.unproved), "the program is %.400s", report.why);
		return 0;
	case SELF_REFUSED:
		log_error("%s is not proved to be what was released: %s (install it anew; " SETTING_PREFIX "EnableSelfVerification = 0 runs it all "
			  "the same)", report.program, report.why);
		return -EPERM;
	default:
		return 0;
	}
}

/* What lies there */

static void find_program(struct trust *trust)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[MAX(n, 0)] = 0;
	if (n <= 0 || access(path, F_OK) < 0)	/* it was replaced while it started */
		return;
	trust->program = strdup(path);
	if (asprintf(&trust->signature, "%s.sig", path) < 0)
		trust->signature = NULL;
}

/* As the events name it: links resolved. */
static void guard(struct trust *trust, const char *path)
{
	_cleanup_(freep) char *real = path ? realpath(path, NULL) : NULL;

	if (path)
		buffer_append(&trust->guarded, real ? real : path, strlen(real ? real : path) + 1);
}

static const char *path_of(const struct daemon *d, enum kept kept)
{
	switch (kept) {
	case KEPT_CONFIG:
		return d->places.config_file;
	case KEPT_REDACTION:
		return d->places.redaction_file;
	case KEPT_REDACTION_KEY:
		return d->places.redaction_key;
	case KEPT_HISTORY_KEY:
		return d->places.history_key;
	case KEPT_SUBSCRIPTIONS_KEY:
		return d->places.subscriptions_key;
	case KEPT_SIGNING_KEYS:
		return d->places.signing_keys;
	case KEPT_PROGRAM:
		return d->trust.program;
	case KEPT_SIGNATURE:
		return d->trust.signature;
	default:
		return NULL;
	}
}

static struct conf_file look(const struct daemon *d, enum kept kept)
{
	const char *path = path_of(d, kept);

	return path ? conf_file_look(path) : (struct conf_file){ .is_there = false };
}

/* It is a slip of ours, or somebody in our memory. */
static void tell_refused(struct daemon *d)
{
	struct refused_call refused[N_CONFINED];
	unsigned n = confine_refused(refused);

	for (unsigned i = 0; i < n; i++) {
		const char *name = refused_call_name(&refused[i]);

		snprintf(d->trust.refused, sizeof(d->trust.refused), "the thread '%s' was refused the system call %s, for which it has no use",
			 confined_name(refused[i].thread), name);
		d->trust.refused_calls += refused[i].more;
		if (d->core)
			daemon_tell_tampering(d, "system_call", name, "%s", d->trust.refused);
		else	/* at the stop there is nobody left to store it */
			log_warning("Tampering: %s", d->trust.refused);
	}
}

int daemon_begin_trust(struct daemon *d)
{
	struct trust *trust = &d->trust;

	find_program(trust);
	guard(trust, d->places.state_dir);
	guard(trust, d->places.journals_dir);
	for (enum kept i = 0; i < N_KEPT; i++) {
		guard(trust, path_of(d, i));
		trust->kept[i] = look(d, i);
	}
	return buffer_error(&trust->guarded) < 0 ? log_errno(ENOMEM, "Failed to start") : 0;
}

void daemon_end_trust(struct daemon *d)
{
	tell_refused(d);
	buffer_release(&d->trust.guarded);
	free(TAKE(d->trust.program));
	free(TAKE(d->trust.signature));
}

/* Keys are made when one is first needed; the settings are what the recorder itself wrote. */
static bool is_our_doing(const struct daemon *d, enum kept kept, const struct conf_file *now)
{
	bool was_there = d->trust.kept[kept].is_there;

	if (kept == KEPT_CONFIG)
		return conf_file_is_same(now, &d->conf.written);
	return (kept == KEPT_HISTORY_KEY || kept == KEPT_SUBSCRIPTIONS_KEY) && !was_there;
}

static void look_at_files(struct daemon *d)
{
	for (enum kept i = 0; i < N_KEPT; i++) {
		const struct conf_file now = look(d, i);

		if (conf_file_is_same(&now, &d->trust.kept[i]))
			continue;
		if (!is_our_doing(d, i, &now))
			daemon_tell_tampering(d, "file", path_of(d, i), "somebody %s %s", now.is_there ? "changed or replaced" : "removed",
					      path_of(d, i));
		d->trust.kept[i] = now;
	}
}

void daemon_tick_trust(struct daemon *d)
{
	look_at_files(d);
	tell_refused(d);
}

void daemon_tell_tampering(struct daemon *d, const char *operation, const char *object, const char *format, ...)
{
	struct trust *trust = &d->trust;
	va_list ap;

	va_start(ap, format);
	vsnprintf(trust->tampered, sizeof(trust->tampered), format, ap);
	va_end(ap);
	trust->tampered_ns = clock_now_ns();
	log_warning("Tampering: %s", trust->tampered);
	notes_tamper(&d->notes, operation, object, trust->tampered);
}
