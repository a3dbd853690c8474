/* See process_name.h. */

#include <errno.h>

#include "cli/process_name.h"

int process_name_parse(const char *text, struct process_name *ret)
{
	struct process_name name = { .is_pid = strlen(text) < 16 };
	int r = name.is_pid	     ? span_to_u64(span_of(text), &name.number) :
		strlen(text) == 16 ? span_hex_to_u64(span_of(text), &name.number) :
				     -EINVAL;

	if (r < 0)
		return -EINVAL;
	*ret = name;
	return 0;
}

bool process_name_is(const struct process_name *name, const struct context *context)
{
	if (name->is_pid)
		return values_has(&context->values, FIELD_pid) && context->pid == name->number;
	return values_has(&context->values, FIELD_entity_id) && context->entity_id == name->number;
}

struct history_lineage process_name_lineage(const struct process_name *name)
{
	return (struct history_lineage){ name->is_pid ? FIELD_pid : FIELD_entity_id, name->number };
}
