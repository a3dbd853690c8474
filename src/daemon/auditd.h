#pragma once
/* The audit daemon of the host: how it is configured, and what of that the settings want otherwise. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "source/audit_host.h"

struct auditd {
	struct audit_version version;
	uint64_t looked_ns;		/* CLOCK_MONOTONIC; 0: never */
	bool is_there;			/* it has a configuration */
	bool raw_logging;		/* it writes all it gets to its log */
	struct buffer left;		/* what is otherwise than wanted, and may not be written */
	char problem[384];		/* what could not be written; empty: nothing */
};
