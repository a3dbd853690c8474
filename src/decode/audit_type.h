#pragma once
/* What is known of each type of audit record: audit_type.def as a table. */

#include "event/schema.h"

/* What a record is to the event it belongs to. */
enum audit_part {
	PART_SELF,			/* an event of its own, whatever comes with it */
	PART_SYSCALL,
	PART_URINGOP,			/* stands for SYSCALL when io_uring did it */
	PART_PATH,
	PART_CWD,
	PART_EXECVE,
	PART_SOCKADDR,
	PART_PROCTITLE,
	PART_EOE,
	PART_BPRM_FCAPS,
	PART_AVC_PATH,
	PART_SOCKETCALL,
	PART_OBJ_PID,
	PART_CAPSET,
	PART_MMAP,
	PART_KERN_MODULE,
	PART_BPF,
	PART_OPENAT2,
	PART_TASK_CONTEXTS,
	PART_OTHER,			/* its call's own fields say enough */
	N_PARTS,
};

struct audit_type {
	uint16_t number;
	uint16_t kind;
	enum audit_part part;
	struct span name;
	const char *subsystem;
};

/* NULL: nobody knows it. */
const struct audit_type *audit_type_by_number(uint32_t number);
/* By name, `UNKNOWN[1420]` or plain number; 0: none. */
uint32_t audit_type_number(struct span name);
