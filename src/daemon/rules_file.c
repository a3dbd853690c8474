/* See rules_file.h.
 *
 * It is written where augenrules exists, when the rules have changed, and looked at every ConfigRefreshConfigIntervalMins.  It goes when
 * nothing is subscribed to, when no rule may be loaded (hindrance.h), now or by what the files beside it make of the kernel when the
 * machine starts, and with `recorder uninstall`; at a stop it stays: a kernel that is locked while the machine starts has the recorder's
 * rules from that file or not at all, and whoever has augenrules load all rules while the recorder records takes nothing from it. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/host_file.h"
#include "daemon/daemon.h"
#include "source/rule_files.h"
#include "source/rule_lines.h"

#define MAX_BYTES (1u << 20)
#define MODE 0640			/* at most, and as those beside it */

static const char head[] = OWN_RULES_SIGN ", which loads these rules itself when it starts, and replaces this file when they change.\n"
			   "# Here they are for a kernel that is locked (-e 2) when it does: augenrules puts them in front of that.\n"
			   "# `recorder uninstall` removes it.\n";

static int _printf_(2, 3) fail(struct rules_file *file, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(file->problem, sizeof(file->problem), format, ap);
	va_end(ap);
	return -EINVAL;
}

/* A kernel that is locked with them before the recorder starts would have them for good. */
static bool would_make_panic(const struct daemon *d)
{
	return d->rules_file.will_panic && !daemon_setting(d, SETTING_AuditdDisableKernelPanicProtection);
}

/* What is to stand there; empty: no file is to be there. */
static int make_text(struct daemon *d, struct buffer *ret)
{
	struct rules_file *file = &d->rules_file;
	bool has_user = d->withheld.by == HINDRANCE_NONE || d->withheld.by == HINDRANCE_LOCKED;
	_cleanup_(buffer_release) struct buffer lines = { 0 };
	int r = 0;

	file->n_lines = file->n_absent = 0;
	if (d->rules_loaded)
		r = rule_lines_make(&lines, d->audit, has_user ? d->user_audit.rules : NULL, buffer_span(&d->user_audit.text),
				    &file->n_absent);
	if (r < 0 || lines.size == 0)
		return r;
	for (size_t i = 0; i < lines.size; i++)
		file->n_lines += lines.data[i] == '\n';
	if (would_make_panic(d))
		return 0;
	buffer_append_text(ret, head);
	buffer_append_span(ret, buffer_span(&lines));
	return buffer_error(ret);
}

/* The mode of any other file there, if that is narrower. */
static int look_beside(void *user, const char *path, struct span text, int error)
{
	struct stat st;

	if (strstr(path, RULES_FOLDER "/") && stat(path, &st) == 0)
		*(mode_t *)user &= st.st_mode;
	return 0;
}

static int read_text(const char *path, struct buffer *ret, struct rules_file *file)
{
	struct file_error error = { "" };
	struct stat st;
	_cleanup_(file_close) int fd = file_open(path, &st, &error);
	int r = fd < 0 ? fd : file_read(ret, fd, MAX_BYTES, &error);

	if (r >= 0 && !span_starts(buffer_span(ret), SPAN(OWN_RULES_SIGN)))
		return fail(file, "%s is somebody else's file", path);
	return r >= 0 || r == -ENOENT ? 0 : fail(file, "%s: %s", path, error.message);
}

static int write_text(struct daemon *d, const char *path, struct span text)
{
	struct stat like = { .st_mode = MODE, .st_uid = geteuid(), .st_gid = getegid() };
	int r = 0;

	if (text.size == 0) {
		r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	} else {
		rule_files_each(d->places.host_root, look_beside, &like.st_mode);
		r = host_file_write(path, &like, text);
	}
	if (r < 0)
		return fail(&d->rules_file, "%s: %s", path, strerror(-r));
	if (text.size > 0)
		log_info("%s is written: %u rules", path, d->rules_file.n_lines);
	else
		log_info("%s is removed: %s", path, d->rules_file.n_lines > 0 ?
			 "with the files beside it the kernel panics when it loses a record (-f 2)" : "no rules are wanted");
	notes_say(&d->notes, "config", text.size > 0 ? "%s written: %u rules" : "%s removed", path, d->rules_file.n_lines);
	return 0;
}

static void keep_file(struct daemon *d)
{
	_cleanup_(buffer_release) struct buffer text = { 0 }, now = { 0 };
	_cleanup_(freep) char *path = NULL;
	struct rules_file *file = &d->rules_file;
	int r = make_text(d, &text);

	*file->problem = 0;
	file->is_there = false;
	if (!rule_files_are_joined(d->places.host_root))
		return;
	if (r < 0 || asprintf(&path, "%s" OWN_RULES_FILE, d->places.host_root) < 0) {
		fail(file, "out of memory");
		return;
	}
	r = read_text(path, &now, file);
	if (r >= 0 && !span_eq(buffer_span(&now), buffer_span(&text)))
		r = write_text(d, path, buffer_span(&text));
	file->is_there = r >= 0 && text.size > 0;
}

void daemon_look_at_rule_files(struct daemon *d)
{
	bool would = would_make_panic(d);

	rule_facts_release(&d->rule_facts);
	if (rule_files_facts(d->places.host_root, &d->rule_facts) < 0)
		log_error("The host's files of audit rules cannot be read: out of memory");
	d->rules_file.will_lock = d->rule_facts.places[RULE_LOCKS].n > 0 && rule_files_are_joined(d->places.host_root);
	d->rules_file.will_panic = d->rule_facts.places[RULE_PANICS].n > 0;
	d->rules_file.stale |= would_make_panic(d) != would;
}

bool daemon_restart_needed(const struct daemon *d)
{
	return d->audit_state.enabled == 2 && d->rules_file.is_there && d->rules_file.n_absent > 0;
}

void daemon_tick_rules_file(struct daemon *d)
{
	uint64_t interval_ns = (uint64_t)daemon_setting(d, SETTING_ConfigRefreshConfigIntervalMins) * 60 * NS_PER_SEC;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (!d->rules_file.stale && d->rules_file.looked_ns > 0 && now_ns - d->rules_file.looked_ns < interval_ns)
		return;
	/* What cannot be recorded just now is tried again. */
	if (!d->audit || (!d->source && d->subscriptions.n > 0))
		return;
	d->rules_file.stale = false;
	d->rules_file.looked_ns = now_ns;
	keep_file(d);
}
