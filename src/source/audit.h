#pragma once
/* The two halves of source_audit.read(), for live.c, which does something in between, and for tests. */

#include "source/source.h"

/* Takes at most `max` messages into the source's buffers.  How many, 0: nothing there; -errno. */
int audit_receive(struct source *source, size_t max);
/* Hands on what audit_receive() took, and the gaps that it shows.  As source_ops.read. */
int audit_emit(struct source *source, record_fn emit, void *user);

/* See source_live_hold(). */
int audit_hold(struct source *source, uint32_t slot_pid);

/* One datagram as it came from `sender_port` -> a record that borrows from it; newlines in it become blanks.
 * 0; -EPERM: not from the kernel; -ENOMSG: no record (an answer, a ping). */
int audit_datagram(char *data, size_t size, uint32_t sender_port, struct record *ret);
