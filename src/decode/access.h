#pragma once
/* What one process does to another, and opens past files: the same words and judgements for every source. */

#include "decode/decoder.h"

/* In words of process.changes; empty: it neither takes hold of a process nor changes it. */
struct span access_of_request(uint64_t ptrace_request);
struct span access_of_call(const char *name);
void access_set_opened(struct values *values, uint64_t open_flags);

/* The memory of a process as procfs names it.  *ret_pid 0: the one that opens it, whoever that is. */
bool access_is_memory(struct span path, uint32_t *ret_pid);
/* The bytes of a disk or of the machine's memory: `mode` and `device` of the inode, path for what has none of its own. */
bool access_is_raw(uint32_t mode, uint64_t device, struct span path);
