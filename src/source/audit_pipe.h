#pragma once
/* Records that auditd hands over by way of our plugin (`recorder audit-pipe`): its own end of a socket, which one plugin at a time may
 * have.  As source_audit: two halves, for live.c. */

#include "source/audit_stream.h"

extern const struct source_ops source_audit_pipe;	/* options: pipe_path */

int audit_pipe_receive(struct source *source, size_t max);
int audit_pipe_emit(struct source *source, record_fn emit, void *user);
struct audit_stream *audit_pipe_stream_of(struct source *source);	/* to go on where it ended, or it where another did */
/* A plugin is there; by any thread. */
bool audit_pipe_is_connected(const struct source *source);
