#pragma once
/* The bytes of a RECORD_PROBE: from a ring of the kernel, or from a capture that anybody may have written. */

#include "base/span.h"
#include "bpf/probe.h"

/* 0: a whole record, its texts lie within the bytes and the bytes are aligned; -EINVAL. */
int probe_check(struct span bytes);
/* Text n of a record that was checked; of an exec's arguments all that is left of it. */
struct span probe_text(struct span bytes, unsigned n);
