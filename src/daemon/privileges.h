#pragma once
/* What is left of root's power after start. */

/* Keeps in every thread made later only the capabilities that recording needs: CAP_AUDIT_CONTROL (rules, state),
 * CAP_AUDIT_READ (multicast), CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (/proc of others, folders of others on the way to
 * ours), CAP_SYS_NICE; and no_new_privs.  -errno, logged. */
int privileges_drop(void);
