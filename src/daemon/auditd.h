#pragma once
/* The audit daemon of the host: how it is configured, and what of that the settings want otherwise. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "source/audit_host.h"

/* Of whoever holds the kernel's stream: it, if that is auditd; 0. */
pid_t auditd_find(uint32_t pid);

struct auditd {
	struct audit_version version;
	uint64_t looked_ns;		/* CLOCK_MONOTONIC; 0: never */
	uint64_t reloaded_ns;		/* CLOCK_MONOTONIC: told last to read its configuration again; 0: never */
	bool reload_waits;		/* it is to be told so */
	bool is_there;			/* it has a configuration */
	bool raw_logging;		/* it writes all it gets to its log */
	struct buffer left;		/* what is otherwise than wanted, and may not be written */
	char problem[384];		/* what could not be written; empty: nothing */
};
