/* See gap_cause.h.  A cause without a line here is shown by its name alone. */

#include "sink/gap_cause.h"

#include <string.h>

#include "base/macro.h"

#define KEEP_UP "give it more of the processor or subscribe to less; `recorder query --group-by event.category,event.action` tells of what"
#define PUT_BACK "find who did it: `recorder query --since TIME` around its begin; the recorder has put it back"

const struct gap_cause gap_causes[N_GAP_CAUSES] = {
	{ "kernel_lost", "the kernel's queue of audit records was full, or it had no memory for them",
	  "raise CX.recorder.AuditdRulesBufferSize, or subscribe to less" },
	{ "receive_overrun", "records of the kernel's audit came faster than they were taken: the buffer of their socket was full", KEEP_UP },
	{ "connector_overrun", "forks and exits came faster than they were taken: the buffer of their socket was full", KEEP_UP },
	{ "reader_released", "the kernel let go of the recorder as the reader of its audit, as it does with one that does not read",
	  KEEP_UP },
	{ "plugin_full", "the recorder was away, or behind, for longer than auditd's plugin could keep records for it", KEEP_UP },
	{ "plugin_away", "auditd did not run, or did not run its plugin, by which the records of the kernel's audit come",
	  "keep auditd running; `recorder health` says what is the matter with the plugin" },
	{ "slot_taken", "another process held the audit stream that the recorder had been told to read, and it got nothing",
	  "stop that one, or record with --source auto, which reads beside" },
	{ "serial_gap", "records that the kernel numbered never came", "raise CX.recorder.AuditdRulesBufferSize, or subscribe to less" },
	{ "serial_jump", "the numbers of the kernel's records jumped; how many there were in between is not known",
	  "look whether the kernel's audit or another reader of it began anew then" },
	{ "bpf_ring_full", "a ring of the programs in the kernel was full", "raise CX.recorder.EbpfRingBufferSizeKB, or subscribe to less" },
	{ "kept_untold", "the programs in the kernel could not tell, when they went, what was written to files that were still open",
	  "see the log for the error, or for what killed the recorder" },
	{ "closed_unseen", "files were written to and closed where no program in the kernel looks (io_uring, processes that share descriptors), "
	  "or are open in a ring of io_uring alone", "which they were is not known; each counts once, other writes to them may be told" },
	{ "ring_full", "the recorder could not keep up with what the kernel handed over", KEEP_UP },
	{ "queue_full", "the recorder or the disk could not keep up: events of this class were let go of before others",
	  "give it more of the processor or a faster disk, or subscribe to less of this class" },
	{ "noisy_source", "the recorder could not keep up, and one source made most of it: of that source only the numbers were kept",
	  "leave it out or look at it: the gap names it, and `recorder top` shows what it does" },
	{ "cpu_target", "the recorder took more of the processors than it is to: events of this class were let go of before others",
	  "raise CX.recorder.CpuThrottleTargetPercent, or subscribe to less of this class" },
	{ "suspended", "the recorder had taken too much of the processors for too long: recording was suspended",
	  "subscribe to less of what makes the noise, or raise CX.recorder.ResourceMonitorCPUPercent; `recorder resume` ends it" },
	{ "no_memory", "the host had no memory for the recorder", "leave it more memory (MemoryMax= of its unit, limits of the host)" },
	{ "database_error", "the database could not be written: the disk is full or failing", "make room, and see the log for the error" },
	{ "journal_error", "a journal could not be written: it lacks these events, the history has them",
	  "see `recorder health` and the log for which, and why" },
	{ "database_held", "somebody read an old state of the database for so long that its -wal took all the room it may have",
	  "end that reader (`fuser -v recorder.db`), or have it read in shorter transactions" },
	{ "database_damaged", "the database was damaged: it was set aside, and this one was begun",
	  "see the log for its name; `sqlite3 FILE .recover` reads what can be read" },
	{ "database_reset", "the setting CX.recorder.DatabaseReset had the database deleted; this one was begun",
	  "take a snapshot before the next time" },
	{ "database_removed", "somebody removed the file of the database; this one was begun",
	  "find who did it: security and file events around its end" },
	{ "rules_missing", "somebody removed audit rules of the recorder", PUT_BACK },
	{ "rules_locked", "the kernel's audit was locked (`-e 2`) and took no rule of the recorder",
	  "have the recorder's rules in front of `-e 2` in /etc/audit/rules.d, then restart the machine" },
	{ "rules_panic", "the kernel was set to panic when it loses a record (`-f 2`): no rules were loaded",
	  "auditctl -f 1, or CX.recorder.AuditdDisableKernelPanicProtection = 1" },
	{ "rules_flood", "auditd would have stored all that the recorder's rules give: none were loaded",
	  "CX.recorder.AuditdRawLoggingWrite = 1, or CX.recorder.AuditdEnableRawLoggingRuleLoading = 1" },
	{ "rules_behind", "a folder or mount that audit's rules look into went or was replaced, or a user's number: they look where it was then",
	  "nothing, if it was meant; CX.recorder.AuditdRulesDisableWatchSpecificPaths = 1 has them look everywhere" },
	{ "audit_disabled", "somebody switched the kernel's audit off", PUT_BACK },
	{ "clock_step", "the clock was set: times before and after do not fit together", "let a time service keep it (slewing, not stepping)" },
	{ "stop", "there was no time to store all when the recorder was stopped", "see why the disk was slow; the stop waits for seconds only" },
	{ "recorder_stopped", "the recorder was stopped", "keep it running: systemctl enable --now recorder" },
	{ "recorder_died", "the recorder was killed or crashed", "see its log, and the kernel's for the out-of-memory killer" },
	{ "host_restarted", "the host was down, or up without the recorder", "have it start with the host: systemctl enable recorder" },
	{ "not_subscribed", "there was no subscription: nothing was recorded", "register one: recorder subscription register FILE" },
	{ "cleaned", "events of the class made room for newer ones; the history has others of that time",
	  "raise CX.recorder.DatabaseMaxSizeMB or the class's share of it (DatabaseShare...Percent), or subscribe to less of it" },
	{ "before the history begins", "what was before was cleaned, or never recorded",
	  "raise CX.recorder.DatabaseMaxSizeMB to keep more, or take snapshots" },
};

const struct gap_cause *gap_cause_find(const char *name)
{
	for (unsigned i = 0; name && i < ARRAY_SIZE(gap_causes); i++)
		if (strcmp(gap_causes[i].name, name) == 0)
			return &gap_causes[i];
	return NULL;
}
