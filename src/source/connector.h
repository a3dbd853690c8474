#pragma once
/* Internals of connector.c, for tests. */

#include "base/macro.h"

/* The clocks of one moment: what turns the times of the kernel's messages into ours. */
struct connector_clocks {
	uint64_t monotonic_to_real_ns;	/* to add, modulo 2^64 */
	uint64_t monotonic_to_boot_ns;
};

/* Field 22 of /proc/PID/stat; 0: there is no such process. */
typedef uint64_t (*start_ticks_fn)(void *user, uint32_t pid);

/* One datagram -> text of a record (RECORD_FORK, RECORD_EXIT). Returns the type, 0 if it is of no interest.
 * `text` has room for OWN_TEXT_MAX bytes. */
uint32_t connector_text(const char *data, size_t size, const struct connector_clocks *clocks,
			start_ticks_fn start_ticks, void *user, char *text, size_t *ret_size);
