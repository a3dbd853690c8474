#pragma once
/* Another recorder on this host.  The kernel's audit rules are one set for all: two that each keep to their own would take
 * them from each other. */

/* Its pid; 0: there is none; -errno. */
int rival_find(void);
