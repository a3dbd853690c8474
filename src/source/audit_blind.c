/* See audit_blind.h.  They are other people's, so nothing removes them but the wish of a person (`recorder health --fix`). */

#include "source/audit_blind.h"

#include <errno.h>
#include <stdlib.h>

#include "source/audit_loaded.h"

#define RULES_MAX 64

struct blind {
	struct audit_rule_data *rules[RULES_MAX];
	unsigned n;
	bool failed;			/* no memory */
};

static void take_rule(void *user, uint16_t type, const void *payload, size_t size)
{
	const struct audit_rule_data *data = payload;
	struct blind *blind = user;
	struct audit_rule_data *copy;

	if (type != AUDIT_LIST_RULES || size < sizeof(*data) || data->buflen > size - sizeof(*data) || blind->n == RULES_MAX)
		return;
	if ((data->flags & ~(uint32_t)AUDIT_FILTER_PREPEND) != AUDIT_FILTER_TASK || data->action != AUDIT_NEVER)
		return;
	copy = malloc(size);
	if (copy)
		blind->rules[blind->n++] = memcpy(copy, data, size);
	blind->failed |= !copy;
}

static int find(struct audit_control *control, struct blind *ret)
{
	int r = audit_control_query(control, AUDIT_LIST_RULES, take_rule, ret);

	return r < 0 ? r : ret->failed ? -ENOMEM : 0;
}

static void release(struct blind *blind)
{
	for (unsigned i = 0; i < blind->n; i++)
		free(blind->rules[i]);
}

int audit_blind_count(struct audit_control *control)
{
	_cleanup_(release) struct blind blind = { .n = 0 };
	int r = find(control, &blind);

	return r < 0 ? r : (int)blind.n;
}

int audit_blind_remove(struct audit_control *control)
{
	_cleanup_(release) struct blind blind = { .n = 0 };
	int r = find(control, &blind);

	for (unsigned i = 0; i < blind.n && r >= 0; i++)
		r = loaded_delete(control, blind.rules[i]);
	return r < 0 ? r : (int)blind.n;
}
