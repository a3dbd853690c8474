/* See rule_lines.h.  Rules of the list exclude are left out: ours say a pid of now, or hold only as long as no auditd reads along. */

#include "source/rule_lines.h"

#include <errno.h>
#include <libaudit.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>

#include "source/audit_control.h"
#include "source/kernel_version.h"
#include "source/user_rules.h"

/* When auditctl reads it the root is mounted, and what the kernel itself makes; of the rest nobody knows. */
static bool is_there_early(struct span path)
{
	static const char *const early[] = { "/proc/", "/dev/", "/sys/" };
	char copy[PATH_MAX];
	struct stat root, st;

	for (size_t i = 0; i < ARRAY_SIZE(early); i++)
		if (span_starts(path, span_of(early[i])) || (path.size == strlen(early[i]) - 1 && span_starts(span_of(early[i]), path)))
			return true;
	if (path.size >= sizeof(copy) || stat("/", &root) < 0)
		return false;
	memcpy(copy, path.data, path.size);
	copy[path.size] = '\0';
	return stat(copy, &st) == 0 && st.st_dev == root.st_dev && (S_ISDIR(st.st_mode) || stat(dirname(copy), &st) == 0);
}

/* What a kernel that can be asked refused is known; a locked one takes none. */
static bool is_sure(const struct audit_rule *rule)
{
	if (rule->refused || rule->list == AUDIT_FILTER_EXCLUDE)
		return false;
	/* auditctl is mostly built without it, as is its library then. */
	if (rule->list == AUDIT_FILTER_URING_EXIT && (audit_name_to_flag("io_uring") < 0 || !kernel_is_since(5, 16)))
		return false;
	for (size_t i = 0; i < AUDIT_RULE_CONDITIONS && rule->conditions[i].op; i++) {
		const struct audit_condition *condition = &rule->conditions[i];

		if (condition->field == AUDIT_SADDR_FAM && !kernel_is_since(5, 3))
			return false;
		if (condition->path && !is_there_early((struct span){ condition->path, condition->value }))
			return false;
	}
	return true;
}

static bool user_is_sure(const struct audit_rule_data *data)
{
	const char *text = data->buf;

	if (data->flags == AUDIT_FILTER_URING_EXIT && audit_name_to_flag("io_uring") < 0)
		return false;
	for (uint32_t i = 0; i < data->field_count; i++) {
		if ((data->fields[i] == AUDIT_WATCH || data->fields[i] == AUDIT_DIR) &&
		    !is_there_early((struct span){ text, data->values[i] }))
			return false;
		if (audit_rule_field_is_text(data->fields[i]))
			text += data->values[i];
	}
	return true;
}

int rule_lines_make(struct buffer *ret, const struct audit_control *control, const struct user_rules *user, struct span user_text,
		    unsigned *ret_absent)
{
	const struct audit_plan *plan = control->plan;
	unsigned absent = 0;

	for (size_t i = 0; plan && i < plan->n_rules; i++) {
		if (!is_sure(&plan->rules[i]))
			continue;
		audit_rule_text(ret, &plan->rules[i]);
		buffer_append_byte(ret, '\n');
		absent += plan->rules[i].absent;
	}
	for (size_t i = 0; user && i < user->n; i++) {
		if (!user_is_sure(user->rules[i].data))
			continue;
		user_rule_line(ret, &user->rules[i], user_text);
		absent += control->user != user;
	}
	*ret_absent = absent;
	return buffer_error(ret);
}
