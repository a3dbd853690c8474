/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* Instructions that change a number and give what it was before, in one: what two processors do to it at once is neither lost nor seen
 * twice.  The kernel has them since 5.12 (5ffa25502b5a), on arm64 since 5.18 (1902472b4fa9); the loader tries.  clang makes them for
 * processors of version 3 alone, of which the others' verifiers need not know, so they are put down as numbers (little-endian): r2 =
 * atomic_fetch_...((u64 *)(r1 + 0), r2). */

#include "kernel.h"

const volatile unsigned char can_fetch;

#define FETCH_ADD 0x01ull		/* include/uapi/linux/bpf.h: BPF_ADD | BPF_FETCH... */
#define FETCH_OR 0x41ull
#define FETCH_AND 0x51ull

#define FETCH(kind, at, value)                                                                                             \
	({                                                                                                                 \
		u64 fetched_ = (value);                                                                                    \
		asm volatile("r1 = %1; r2 = %0; .8byte %2; %0 = r2"                                                        \
			     : "+r"(fetched_)                                                                              \
			     : "r"(at), "i"((kind) << 32 | 0x21db)                                                         \
			     : "r1", "r2", "memory");                                                                      \
		fetched_;                                                                                                  \
	})

/* Without: two at once may be lost, as rarely as they meet between two instructions. */
static __always_inline u64 fetch_add(u64 *at, u64 value)
{
	u64 before;

	if (can_fetch)
		return FETCH(FETCH_ADD, at, value);
	before = *at;
	__sync_fetch_and_add(at, value);
	return before;
}

static __always_inline u64 fetch_or(u64 *at, u64 value)
{
	u64 before;

	if (can_fetch)
		return FETCH(FETCH_OR, at, value);
	before = *at;
	*at = before | value;
	return before;
}

static __always_inline u64 fetch_and(u64 *at, u64 value)
{
	u64 before;

	if (can_fetch)
		return FETCH(FETCH_AND, at, value);
	before = *at;
	*at = before & value;
	return before;
}
