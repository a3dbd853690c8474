#pragma once
/* A process as people name it: PID or ENTITY_ID, 16 hexadecimal digits. */

#include "event/context.h"

struct process_name {
	bool is_pid;
	uint64_t number;
};

/* 0; -EINVAL: it is neither. */
int process_name_parse(const char *text, struct process_name *ret);
bool process_name_is(const struct process_name *name, const struct context *context);
