/* See audit_host.h.
 *
 * auditd wrote no log with log_format = NOLOG until 2.5.1, with write_logs = no since 2.5.2 (its ChangeLog); each version refuses, or
 * starts no dispatcher with, what is the other's.  The dispatcher became a part of auditd with audit 3, and its settings moved from
 * audispd.conf into auditd.conf. */

#include "source/audit_host.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/macro.h"
#include "source/conf_text.h"

const char *const audit_overflow_actions[] = { "", "ignore", "syslog", "suspend", "single", "halt", NULL };

const char *const audit_file_paths[N_AUDIT_FILES] = {
	[AUDIT_FILE_AUDITD] = "/etc/audit/auditd.conf",
	[AUDIT_FILE_AUDISPD] = "/etc/audisp/audispd.conf",
	[AUDIT_FILE_SYSLOG] = "/etc/audit/plugins.d/syslog.conf",
	[AUDIT_FILE_SYSLOG_2] = "/etc/audisp/plugins.d/syslog.conf",
};

struct audit_version audit_version_read(struct span text)
{
	struct audit_version version = { 0 };
	char copy[64];
	size_t n = MIN(text.size, sizeof(copy) - 1);

	memcpy(copy, text.data, n);
	copy[n] = 0;
	if (sscanf(copy, "auditctl version %u.%u.%u", &version.major, &version.minor, &version.patch) < 2)
		return (struct audit_version){ 0 };
	return version;
}

static bool is_known(struct audit_version v)
{
	return v.major > 0;
}

static bool is_since(struct audit_version v, unsigned major, unsigned minor, unsigned patch)
{
	if (v.major != major)
		return v.major > major;
	return v.minor != minor ? v.minor > minor : v.patch >= patch;
}

static struct span now(const struct audit_host *host, enum audit_file file)
{
	return buffer_span(host->plan[file].size > 0 ? &host->plan[file] : &host->text[file]);
}

static bool says(struct span value, const char *word)
{
	return value.size == strlen(word) && strncasecmp(value.data, word, value.size) == 0;
}

static struct span get(const struct audit_host *host, enum audit_file file, const char *key)
{
	return conf_text_get(now(host, file), key);
}

static void say(struct buffer *to, const char *key, struct span was, const char *value)
{
	buffer_printf(to, "%s%s", to->size > 0 ? ", " : "", key);
	buffer_printf(to, value ? " = %s" : " removed", value);
	if (was.size > 0)
		buffer_printf(to, " (was %.*s)", (int)MIN(was.size, (size_t)64), was.data);
	else
		buffer_append_text(to, " (was not set)");
}

/* value NULL: it goes. */
static void change(struct audit_host *host, enum audit_file file, const char *key, const char *value, bool write)
{
	struct buffer *plan = &host->plan[file], next = { 0 };

	say(write ? &host->did[file] : &host->left, key, get(host, file, key), value);
	if (!write)
		return;
	conf_text_set(&next, now(host, file), key, value);
	buffer_release(plan);
	*plan = next;
}

/* What one version wrote and another does not understand. */
static void migrate(struct audit_host *host, struct audit_version version)
{
	struct span format = get(host, AUDIT_FILE_AUDITD, "log_format"), logs = get(host, AUDIT_FILE_AUDITD, "write_logs");

	if (!is_since(version, 2, 5, 2)) {
		if (logs.size > 0)
			change(host, AUDIT_FILE_AUDITD, "write_logs", NULL, true);
		return;
	}
	if (!says(format, "NOLOG") && !says(format, "RAW"))
		return;
	if (logs.size == 0)
		change(host, AUDIT_FILE_AUDITD, "write_logs", says(format, "NOLOG") ? "NO" : "YES", true);
	if (says(get(host, AUDIT_FILE_AUDITD, "log_format"), "NOLOG"))
		change(host, AUDIT_FILE_AUDITD, "log_format", "RAW", true);
}

static bool writes_log(const struct audit_host *host)
{
	if (host->text[AUDIT_FILE_AUDITD].size == 0)
		return host->unknown;
	return !says(get(host, AUDIT_FILE_AUDITD, "log_format"), "NOLOG") &&
	       !says(get(host, AUDIT_FILE_AUDITD, "write_logs"), "no");
}

static void wish_raw_logging(struct audit_host *host, const struct audit_wishes *wishes)
{
	bool wanted = wishes->raw_logging.value != 0, write = wishes->raw_logging.write;

	if (writes_log(host) == wanted)
		return;
	if (!is_since(wishes->version, 2, 5, 2))
		change(host, AUDIT_FILE_AUDITD, "log_format", wanted ? "RAW" : "NOLOG", write && is_known(wishes->version));
	else if (wanted && says(get(host, AUDIT_FILE_AUDITD, "log_format"), "NOLOG"))
		change(host, AUDIT_FILE_AUDITD, "log_format", "RAW", write);
	if (is_since(wishes->version, 2, 5, 2) && (!wanted || says(get(host, AUDIT_FILE_AUDITD, "write_logs"), "no")))
		change(host, AUDIT_FILE_AUDITD, "write_logs", wanted ? "YES" : "NO", write);
}

static void wish_least(struct audit_host *host, enum audit_file file, const char *key, struct audit_wish least)
{
	struct span value = get(host, file, key);
	char text[24];
	uint64_t is;

	if (value.size > 0 && span_to_u64(value, &is) >= 0 && is >= (uint64_t)least.value)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)least.value);
	change(host, file, key, text, least.write);
}

static void wish_dispatcher(struct audit_host *host, const struct audit_wishes *wishes)
{
	enum audit_file file = host->text[AUDIT_FILE_AUDISPD].size > 0 && wishes->version.major < 3 ? AUDIT_FILE_AUDISPD : AUDIT_FILE_AUDITD;
	const char *action = audit_overflow_actions[wishes->overflow_action.value];

	/* Until audit 3 they are nothing that auditd.conf knows. */
	if (host->text[file].size == 0 || (file == AUDIT_FILE_AUDITD && wishes->version.major < 3))
		return;
	wish_least(host, file, "q_depth", wishes->queue_depth);
	wish_least(host, file, "max_restarts", wishes->max_restarts);
	wish_least(host, file, "priority_boost", wishes->priority_boost);
	if (*action && !says(get(host, file, "overflow_action"), action))
		change(host, file, "overflow_action", action, wishes->overflow_action.write);
}

static void wish_syslog(struct audit_host *host, enum audit_file file, struct audit_wish wish)
{
	if (host->text[file].size > 0 && says(get(host, file, "active"), "yes") != (wish.value != 0))
		change(host, file, "active", wish.value ? "yes" : "no", wish.write);
}

int audit_file_is_as_before(enum audit_file file, struct span text, struct span before)
{
	/* As they are written, in that order. */
	static const char *const of_daemon[] = { "write_logs", "log_format", "q_depth", "max_restarts", "priority_boost",
						 "overflow_action", NULL },
				*const of_syslog[] = { "active", NULL };
	const char *const *keys = file == AUDIT_FILE_SYSLOG || file == AUDIT_FILE_SYSLOG_2 ? of_syslog : of_daemon;
	struct buffer made = { 0 };
	int r;

	buffer_append_span(&made, before);
	for (; *keys; keys++) {
		struct span is = conf_text_get(text, *keys), was = conf_text_get(before, *keys);
		struct buffer next = { 0 };
		char value[64];

		if (span_eq(is, was) || is.size >= sizeof(value))
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)is.size, is.size > 0 ? is.data : "");
		conf_text_set(&next, buffer_span(&made), *keys, is.size > 0 ? value : NULL);
		buffer_release(&made);
		made = next;
	}
	r = buffer_error(&made) < 0 ? -ENOMEM : span_eq(buffer_span(&made), text);
	buffer_release(&made);
	return r;
}

int audit_host_plan(struct audit_host *host, const struct audit_wishes *wishes)
{
	int r = 0;

	for (size_t i = 0; i < N_AUDIT_FILES; i++) {
		buffer_release(&host->plan[i]);
		buffer_release(&host->did[i]);
	}
	buffer_release(&host->left);
	host->raw_logging_before = writes_log(host);
	if (host->text[AUDIT_FILE_AUDITD].size > 0) {
		if (wishes->migrate && is_known(wishes->version))
			migrate(host, wishes->version);
		wish_raw_logging(host, wishes);
		wish_dispatcher(host, wishes);
	}
	wish_syslog(host, AUDIT_FILE_SYSLOG, wishes->syslog);
	wish_syslog(host, AUDIT_FILE_SYSLOG_2, wishes->syslog);
	host->raw_logging = writes_log(host);
	for (size_t i = 0; i < N_AUDIT_FILES && r >= 0; i++)
		r = buffer_error(&host->plan[i]) < 0 ? -ENOMEM : buffer_error(&host->did[i]);
	return r < 0 || buffer_error(&host->left) < 0 ? -ENOMEM : 0;
}

void audit_host_release(struct audit_host *host)
{
	for (size_t i = 0; i < N_AUDIT_FILES; i++) {
		buffer_release(&host->text[i]);
		buffer_release(&host->plan[i]);
		buffer_release(&host->did[i]);
	}
	buffer_release(&host->left);
}
