#pragma once
/* What is left of root's power after start. */

#include <stdint.h>

/* Keeps in every thread made later only the capabilities that recording needs: CAP_AUDIT_CONTROL (rules, state),
 * CAP_AUDIT_READ (multicast), CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (/proc of others, folders of others on the way to
 * ours), CAP_SYS_NICE; and no_new_privs.
 *
 * What it takes to open the sources stays at hand, since a subscription may come that wants others: CAP_BPF and CAP_PERFMON
 * (programs in the kernel), CAP_NET_ADMIN (process connector, receive buffers).  It is in force only between
 * privileges_raise() and privileges_lower(), in the thread that calls them.  A process of their own for these would gain
 * nothing: CAP_SYS_PTRACE, which nobody can read other processes without, is worth as much to who has taken this one over.
 * -errno, logged. */
int privileges_drop(void);
/* Of what this thread has it keeps these (bits), in force, for good.  -errno */
int privileges_keep(uint64_t capabilities);
int privileges_drop_all(void);	/* all of them, and no_new_privs: for a process that needs none.  -errno */
void privileges_raise(void);
void privileges_lower(void);
