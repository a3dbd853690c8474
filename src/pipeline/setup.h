#pragma once
/* What the pipeline of a live run is told and that of an import cannot know: a record at the beginning of a capture.
 *	recorder(SEC.NS:0): boot_id=UUID boot_time=NS pid=PID manager=PID guarded=HEX timeout=NS prune=NS grace=NS signal_window=NS
 *		redact=1 patterns=HEX not_audit=process.fork,process.exec
 * and, where a setting changed meanwhile, only
 *	recorder(SEC.NS:0): timeout=NS prune=NS grace=NS signal_window=NS */

#include "pipeline/pipeline.h"

struct setup {
	struct span boot_id;		/* borrowed from what was read */
	uint64_t boot_time_ns;
	struct pipeline_times times;
	bool only_times;
	uint32_t own_pid, manager_pid;
	struct span guarded;		/* in hex; borrowed, as boot_id */
	bool not_from_audit[N_KINDS];
	bool says_redaction, redacts;	/* a capture of before does not say it */
	struct span redaction_patterns;	/* in hex, borrowed */
};

/* The whole text of the record, appended. */
void setup_write(struct buffer *text, const struct pipeline_options *options, uint64_t now_ns);
void setup_write_times(struct buffer *text, const struct pipeline_times *times, uint64_t now_ns);
/* The body of it.  0; -EINVAL: it is not whole.  Words and kinds that are not known are passed over. */
int setup_read(struct setup *ret, struct span body);
