#pragma once
/* What the audit daemon of the host is configured to do, and what of that is to be otherwise: the files auditd.conf, audispd.conf (of
 * audit 2) and plugins.d/syslog.conf as text.  Nothing here touches a file. */

#include "base/buffer.h"

struct audit_version {
	unsigned major, minor, patch;	/* 0.0.0: not known */
};

/* `auditctl version 3.0.9`.  0.0.0: it is none. */
struct audit_version audit_version_read(struct span text);

/* A value as the settings want it, and whether it may be written. */
struct audit_wish {
	int64_t value;
	bool write;
};

struct audit_wishes {
	struct audit_version version;
	bool migrate;				/* AuditdEnableAuditdConfMigration */
	struct audit_wish raw_logging;		/* of auditd: 0 or 1 */
	struct audit_wish queue_depth, max_restarts, priority_boost;	/* least values */
	struct audit_wish overflow_action;	/* of audit_overflow_actions; 0: no wish */
	struct audit_wish syslog;		/* of its syslog plugin: 0 or 1 */
};

extern const char *const audit_overflow_actions[];	/* "", ignore, syslog, suspend, single, halt */

enum audit_file { AUDIT_FILE_AUDITD, AUDIT_FILE_AUDISPD, AUDIT_FILE_SYSLOG, AUDIT_FILE_SYSLOG_2, N_AUDIT_FILES };
/* Below the root of the host; audispd.conf and the second of the plugin are of audit 2. */
extern const char *const audit_file_paths[N_AUDIT_FILES];

struct audit_host {
	struct buffer text[N_AUDIT_FILES];	/* as it is; empty: there is none */
	struct buffer plan[N_AUDIT_FILES];	/* as it is to be; empty: as it is */
	struct buffer did[N_AUDIT_FILES];	/* what differs from the wishes and is changed: `q_depth = 32768 (was 2000), ...` */
	bool unknown;				/* auditd.conf cannot be read, or is where nobody knows: auditd may write all */
	struct buffer left;			/* and what is not, since that may not be written */
	bool raw_logging_before, raw_logging;	/* auditd writes all it gets to its log: as it is, and as it is to be */
};

/* Whether a file is what it was before but for what the recorder writes there: nothing else is lost if it becomes that again.  1, 0 or
 * -ENOMEM. */
int audit_file_is_as_before(enum audit_file file, struct span text, struct span before);

/* From `text` all else.  0 or -ENOMEM. */
int audit_host_plan(struct audit_host *host, const struct audit_wishes *wishes);
void audit_host_release(struct audit_host *host);
