#pragma once
/* A process as people name it: PID or ENTITY_ID, 16 hexadecimal digits. */

#include "event/context.h"
#include "sink/history.h"

struct process_name {
	bool is_pid;
	uint64_t number;
};

/* 0; -EINVAL: it is neither. */
int process_name_parse(const char *text, struct process_name *ret);
bool process_name_is(const struct process_name *name, const struct context *context);
/* It and its descendants, for the history. */
struct history_lineage process_name_lineage(const struct process_name *name);
