#pragma once
/* The two halves of source_audit.read(), for live.c, which does something in between, and for tests. */

#include "source/audit_stream.h"

/* Takes at most `max` messages into the source's buffers.  How many, 0: nothing there; -errno. */
int audit_receive(struct source *source, size_t max);
/* Hands on what audit_receive() took, and the gaps that it shows.  As source_ops.read. */
int audit_emit(struct source *source, record_fn emit, void *user);

/* See source_live_hold(). */
int audit_hold(struct source *source, uint32_t slot_pid);
/* Who asked the kernel for the slot that we hold, since the last call, by any thread: a pid as it sees it; 0: nobody. */
uint32_t audit_wanted_by(struct source *source);

/* By any thread: nobody is the audit daemon, so the kernel keeps up to n_records for the next, who may be we; 0: somebody is. */
void audit_expect_holder(struct source *source, uint32_t n_records);

/* From one source to another beside it, so that each record is handed on once.  In this order: */
/* 1, by any thread, before the next one is opened: what comes from now on may come by that one too.  false: there is none after all. */
void audit_begin_move(struct source *source, bool begins);
/* 2, by whoever may set audit, which the reader may not (daemon/confine.h), once the next one is open: the kernel sends no more to this one but what it is at.
 * -errno: it goes on as it was. */
int audit_leave(struct source *source);
/* 3, by the reader, once nothing is left to be received: the next one goes on where this one ended. */
void audit_take_over(struct source *next, struct source *source);
/* Instead, if it goes over to another kind of source, or comes from one: by audit_stream_take_over(). */
struct audit_stream *audit_stream_of(struct source *source);

/* One datagram as it came from `sender_port` -> a record that borrows from it; newlines in it become blanks.
 * 0; -EPERM: not from the kernel; -ENOMSG: no record (an answer, a ping). */
int audit_datagram(char *data, size_t size, uint32_t sender_port, struct record *ret);
