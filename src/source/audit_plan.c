/* From kinds of events to rules, see audit_plan.h and the table in audit_rules.def.
 *
 * Every line of the table that is wanted adds its calls to the rule with the same list, architecture and
 * conditions. Then a call is taken out of a rule when another rule has it under weaker conditions: it would
 * be reported by that one anyway (openings for writing, when all openings are wanted). */

#include "source/audit_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "source/call_number.h"
#include "source/kernel_version.h"

enum when { ALWAYS, WITHOUT_CONNECTOR, WITHOUT_READS, WITHOUT_WRITES };

#define ALL_CALLS ""

struct line {
	enum kind_id kind;
	enum when when;
	const char *calls;		/* NULL: an operation of io_uring */
	int uring_operation;
	bool by_path;			/* audit is told the names of the files */
	struct audit_condition conditions[AUDIT_RULE_CONDITIONS];
};

#define NONE { 0 }
#define SUCCEEDED { AUDIT_SUCCESS, AUDIT_EQUAL, 1, NULL }
#define ARG(n, op, value) { AUDIT_ARG0 + (n), AUDIT_##op, (uint32_t)(value), NULL }
#define ADDRESS_FAMILY(family) { AUDIT_SADDR_FAM, AUDIT_EQUAL, (family), NULL }
#define FILETYPE(type) { AUDIT_FILETYPE, AUDIT_EQUAL, (type), NULL }
#define PERM(bits) { AUDIT_PERM, AUDIT_EQUAL, (bits), NULL }
#define PATH(path) { AUDIT_WATCH, AUDIT_EQUAL, sizeof(path) - 1, path }
#define DIR(path) { AUDIT_DIR, AUDIT_EQUAL, sizeof(path) - 1, path }

/* Types of records, and the kinds that are made of them. */
struct records {
	uint32_t first, last;
	enum kind_id kinds[2];
};

static const struct line lines[] = {
#define CALLS(kind, when, calls, ...) { kind, when, calls, -1, false, { __VA_ARGS__ } },
#define PATHS(kind, when, calls, ...) { kind, when, calls, -1, true, { __VA_ARGS__ } },
#define FILES(kind, when, ...) { kind, when, ALL_CALLS, -1, false, { __VA_ARGS__ } },
#define URING(kind, operation, ...) { kind, ALWAYS, NULL, operation, false, { __VA_ARGS__ } },
#define URING_PATHS(kind, operation, ...) { kind, ALWAYS, NULL, operation, true, { __VA_ARGS__ } },
#define RECORDS(...)
#include "source/audit_rules.def"
};

static const struct records records[] = {
#define CALLS(...)
#define PATHS(...)
#define FILES(...)
#define URING(...)
#define URING_PATHS(...)
#define RECORDS(first, last, ...) { first, last, { __VA_ARGS__ } },
#include "source/audit_rules.def"
};

/* Making */

static bool condition_equal(const struct audit_condition *a, const struct audit_condition *b)
{
	return a->field == b->field && a->op == b->op && a->value == b->value && !a->path == !b->path &&
	       (!a->path || strcmp(a->path, b->path) == 0);
}

static bool conditions_equal(const struct audit_rule *a, const struct audit_rule *b)
{
	for (size_t i = 0; i < AUDIT_RULE_CONDITIONS; i++)
		if (!condition_equal(&a->conditions[i], &b->conditions[i]))
			return false;
	return true;
}

static struct audit_rule *plan_rule(struct audit_plan *plan, const struct audit_rule *like)
{
	for (size_t i = 0; i < plan->n_rules; i++) {
		struct audit_rule *rule = &plan->rules[i];

		if (rule->list == like->list && rule->arch == like->arch && conditions_equal(rule, like))
			return rule;
	}
	if (plan->n_rules == AUDIT_PLAN_RULES)
		return NULL;
	plan->rules[plan->n_rules] = *like;
	return &plan->rules[plan->n_rules++];
}

static void add_call(struct audit_rule *rule, uint32_t number)
{
	rule->calls[AUDIT_WORD(number)] |= AUDIT_BIT(number);
}

static bool has_condition(const struct line *line, uint32_t field)
{
	for (size_t i = 0; i < AUDIT_RULE_CONDITIONS; i++) {
		if (line->conditions[i].op && line->conditions[i].field == field)
			return true;
	}
	return false;
}

static int add_calls(struct audit_plan *plan, const struct line *line, const struct audit_condition *conditions, int machine)
{
	struct audit_rule like = {
		.list = AUDIT_FILTER_EXIT,
		.arch = (uint32_t)audit_machine_to_elf(machine),
		.optional = has_condition(line, AUDIT_SADDR_FAM),	/* since 5.3 */
	};
	const char *p = line->calls;

	memcpy(like.conditions, conditions, sizeof(like.conditions));
	while (*p) {
		size_t size = strcspn(p, " ");
		struct audit_rule *rule;
		char name[32];
		int number;

		if (size >= sizeof(name))
			return -EINVAL;
		memcpy(name, p, size);
		name[size] = '\0';
		p += size + strspn(p + size, " ");
		number = call_number(name, machine);
		if (number < 0 || number >= AUDIT_BITMASK_SIZE * 32)
			continue;
		rule = plan_rule(plan, &like);
		if (!rule)
			return -E2BIG;
		add_call(rule, (uint32_t)number);
	}
	return 0;
}

static int add_uring(struct audit_plan *plan, const struct line *line, const struct audit_condition *conditions)
{
	struct audit_rule like = { .list = AUDIT_FILTER_URING_EXIT, .optional = true };	/* since 5.16 */
	struct audit_rule *rule;

	memcpy(like.conditions, conditions, sizeof(like.conditions));
	rule = plan_rule(plan, &like);
	if (!rule)
		return -E2BIG;
	add_call(rule, (uint32_t)line->uring_operation);
	return 0;
}

/* All, as auditctl says it; the kernel takes the 16 highest for classes of calls and clears them. */
static void set_all_calls(struct audit_rule *rule)
{
	memset(rule->calls, 0xff, sizeof(rule->calls));
	rule->calls[AUDIT_BITMASK_SIZE - 1] = 0xffff;
}

static int add_files(struct audit_plan *plan, const struct line *line, const struct audit_condition *conditions)
{
	struct audit_rule like = {
		.list = AUDIT_FILTER_EXIT,
		.optional = has_condition(line, AUDIT_WATCH),	/* there may be no such folder */
	};

	memcpy(like.conditions, conditions, sizeof(like.conditions));
	set_all_calls(&like);
	return plan_rule(plan, &like) ? 0 : -E2BIG;
}

/* Records of some types, or of a process, are not made at all. The mark comes last: the kernel stops at the first
 * condition that does not hold. */
static int add_exclude(struct audit_plan *plan, struct audit_condition from, struct audit_condition to)
{
	static const struct audit_condition mark = { AUDIT_PID, AUDIT_NOT_EQUAL, AUDIT_EXCLUDE_MARK, NULL };
	struct audit_rule rule = { .list = AUDIT_FILTER_EXCLUDE, .conditions = { from, to.op ? to : mark, to.op ? mark : to } };

	set_all_calls(&rule);
	return plan_rule(plan, &rule) ? 0 : -E2BIG;
}

static int add_excludes(struct audit_plan *plan, const struct audit_rules_options *options)
{
	static const struct audit_condition none;
	int r = add_exclude(plan, (struct audit_condition){ AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_PROCTITLE, NULL }, none);

	if (r >= 0 && options->own_pid)
		r = add_exclude(plan, (struct audit_condition){ AUDIT_PID, AUDIT_EQUAL, options->own_pid, NULL }, none);
	for (size_t i = 0; i < ARRAY_SIZE(records) && r >= 0; i++)
		if (!options->wanted[records[i].kinds[0]] && !options->wanted[records[i].kinds[1]])
			r = add_exclude(plan, (struct audit_condition){ AUDIT_MSGTYPE, AUDIT_GREATER_THAN_OR_EQUAL, records[i].first, NULL },
					(struct audit_condition){ AUDIT_MSGTYPE, AUDIT_LESS_THAN_OR_EQUAL, records[i].last, NULL });
	return r;
}

/* Does b hold whenever a does? */
static bool condition_implies(const struct audit_condition *a, const struct audit_condition *b)
{
	if (condition_equal(a, b))
		return true;
	return a->field == b->field && a->op == AUDIT_BIT_MASK && b->op == AUDIT_BIT_MASK && !(a->value & ~b->value);
}

static bool rule_implies(const struct audit_rule *a, const struct audit_rule *b)
{
	for (size_t j = 0; j < AUDIT_RULE_CONDITIONS && b->conditions[j].op; j++) {
		bool implied = false;

		for (size_t i = 0; i < AUDIT_RULE_CONDITIONS && a->conditions[i].op; i++)
			implied |= condition_implies(&a->conditions[i], &b->conditions[j]);
		if (!implied)
			return false;
	}
	return true;
}

/* Rules are all different, so no two imply each other but with conditions in another order: the first
 * stays. */
static void remove_implied(struct audit_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_rules; i++) {
		struct audit_rule *a = &plan->rules[i];

		for (size_t j = 0; j < plan->n_rules; j++) {
			const struct audit_rule *b = &plan->rules[j];

			if (i == j || a->list != b->list || a->arch != b->arch || !rule_implies(a, b))
				continue;
			for (size_t word = 0; word < AUDIT_BITMASK_SIZE; word++)
				a->calls[word] &= ~b->calls[word];
		}
	}
	for (size_t i = 0; i < plan->n_rules; i++) {
		uint32_t any = 0;

		for (size_t word = 0; word < AUDIT_BITMASK_SIZE; word++)
			any |= plan->rules[i].calls[word];
		if (any)
			plan->rules[n++] = plan->rules[i];
	}
	plan->n_rules = n;
}

/* Our own messages are always wanted and need nothing. */
bool audit_plan_any(const struct audit_rules_options *options)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (options->wanted[i] && kinds[i].category != CATEGORY_recorder)
			return true;
	}
	return options->for_user;
}

/* All of the kind is asked for, wherever it is and whoever does it. */
static bool is_whole(const struct audit_rules_options *options, enum kind_id kind)
{
	const struct audit_scope *scope = options->scope;

	return options->wanted[kind] && (!scope || (!scope->by_folder[kind] && !scope->by_user[kind] && !scope->outcome[kind]));
}

/* options: all that is wanted, be the plan for less of it. */
static bool is_needed(const struct line *line, const struct audit_rules_options *options)
{
	switch (line->when) {
	case WITHOUT_CONNECTOR:
		return !options->have_connector;
	case WITHOUT_READS:
		return !is_whole(options, KIND_ID(file, read));
	case WITHOUT_WRITES:
		return !is_whole(options, KIND_ID(file, read)) && !is_whole(options, KIND_ID(file, write));
	default:
		return true;
	}
}

/* What other events say of a process hangs on these: they are asked for whole. */
static bool is_of_life(enum kind_id kind)
{
	switch (kind) {
	case KIND_ID(process, exec):
	case KIND_ID(process, fork):
	case KIND_ID(process, exit):
	case KIND_ID(process, setuid):
	case KIND_ID(process, setgid):
	case KIND_ID(process, setns):
	case KIND_ID(process, unshare):
		return true;
	default:
		return false;
	}
}

static int add_condition(struct audit_condition conditions[AUDIT_RULE_CONDITIONS], struct audit_condition condition)
{
	for (size_t i = 0; i < AUDIT_RULE_CONDITIONS; i++) {
		if (conditions[i].op)
			continue;
		conditions[i] = condition;
		return 0;
	}
	return -E2BIG;
}

static int add_line(struct audit_plan *plan, const struct line *line, const struct audit_condition *conditions)
{
	struct call_machines machines = call_machines();
	int r;

	if (!line->calls)
		return add_uring(plan, line, conditions);
	if (line->calls[0] == 0)
		return add_files(plan, line, conditions);
	r = add_calls(plan, line, conditions, machines.native);
	if (r >= 0 && machines.narrow >= 0)
		r = add_calls(plan, line, conditions, machines.narrow);
	return r;
}

/* There is no OR: a rule for each user... */
static int add_for_users(struct audit_plan *plan, const struct line *line, const struct audit_scope *scope,
			 const struct audit_condition *conditions)
{
	int r = 0;

	if (!scope->by_user[line->kind] || is_of_life(line->kind))
		return add_line(plan, line, conditions);
	for (size_t i = 0; i < scope->n_users && r >= 0; i++) {
		struct audit_condition of_user[AUDIT_RULE_CONDITIONS];

		memcpy(of_user, conditions, sizeof(of_user));
		r = add_condition(of_user, (struct audit_condition){ scope->user_field, AUDIT_EQUAL, scope->users[i], NULL });
		if (r >= 0)
			r = add_line(plan, line, of_user);
	}
	return r;
}

/* ...in each folder. */
static int add_in_folders(struct audit_plan *plan, const struct line *line, const struct audit_scope *scope,
			  const struct audit_condition *conditions)
{
	int r = 0;

	if (!scope->by_folder[line->kind] || !line->by_path)
		return add_for_users(plan, line, scope, conditions);
	for (size_t i = 0; i < scope->n_folders + (scope->root != 0) && r >= 0; i++) {
		struct audit_condition there[AUDIT_RULE_CONDITIONS];
		struct audit_condition in = { AUDIT_INODE, AUDIT_EQUAL, scope->root, NULL };

		if (i < scope->n_folders)
			in = (struct audit_condition){ AUDIT_DIR, AUDIT_EQUAL, (uint32_t)strlen(plan->folders[i]), plan->folders[i] };
		memcpy(there, conditions, sizeof(there));
		r = add_condition(there, in);
		if (r >= 0)
			r = add_for_users(plan, line, scope, there);
	}
	return r;
}

static int add_scoped(struct audit_plan *plan, const struct line *line, const struct audit_scope *scope)
{
	enum audit_outcome outcome = is_of_life(line->kind) ? AUDIT_OUTCOME_ANY : scope->outcome[line->kind];
	struct audit_condition conditions[AUDIT_RULE_CONDITIONS];
	int r = 0;

	memcpy(conditions, line->conditions, sizeof(conditions));
	if (has_condition(line, AUDIT_SUCCESS)) {
		if (outcome == AUDIT_OUTCOME_FAILURE)	/* of which this line tells none */
			return 0;
	} else if (outcome != AUDIT_OUTCOME_ANY) {
		r = add_condition(conditions, (struct audit_condition){ AUDIT_SUCCESS, AUDIT_EQUAL, outcome == AUDIT_OUTCOME_SUCCESS, NULL });
	}
	return r < 0 ? r : add_in_folders(plan, line, scope, conditions);
}

static int keep_folders(struct audit_plan *plan, const struct audit_scope *scope)
{
	if (scope->n_folders > AUDIT_SCOPE_FOLDERS || scope->n_users > AUDIT_SCOPE_USERS)
		return -E2BIG;
	for (size_t i = 0; i < scope->n_folders; i++) {
		if (strlen(scope->folders[i]) >= sizeof(plan->folders[i]))
			return -ENAMETOOLONG;
		strcpy(plan->folders[i], scope->folders[i]);
	}
	return 0;
}

static int make(struct audit_plan *ret, const struct audit_rules_options *options, const bool *wanted)
{
	static const struct audit_scope whole;
	const struct audit_scope *scope = options->scope ? options->scope : &whole;
	int r = keep_folders(ret, scope);

	ret->n_rules = 0;
	for (size_t i = 0; i < ARRAY_SIZE(lines) && r >= 0; i++)
		if (wanted[lines[i].kind] && is_needed(&lines[i], options))
			r = add_scoped(ret, &lines[i], scope);
	if (r < 0)
		return r;
	remove_implied(ret);
	return 0;
}

int audit_plan_make(struct audit_plan *ret, const struct audit_rules_options *options)
{
	int r = make(ret, options, options->wanted);

	return r >= 0 && options->alone && audit_plan_any(options) ? add_excludes(ret, options) : r;
}

/* Rules that a kernel may not know, or have nothing to watch for, are none that it lacks. */
static bool may_lack(const struct audit_rule *rule)
{
	return rule->optional && (rule->list != AUDIT_FILTER_URING_EXIT || !kernel_is_since(5, 16));
}

/* What of the calls no rule of the plan asks for under these or weaker conditions. */
static bool is_lacking(const struct audit_plan *plan, const struct audit_rule *rule)
{
	uint32_t calls[AUDIT_BITMASK_SIZE], any = 0;

	memcpy(calls, rule->calls, sizeof(calls));
	for (size_t i = 0; plan && i < plan->n_rules; i++) {
		const struct audit_rule *of = &plan->rules[i];

		if (of->absent || of->list != rule->list || of->arch != rule->arch || !rule_implies(rule, of))
			continue;
		for (size_t word = 0; word < AUDIT_BITMASK_SIZE; word++)
			calls[word] &= ~of->calls[word];
	}
	for (size_t word = 0; word < AUDIT_BITMASK_SIZE; word++)
		any |= calls[word];
	return any != 0;
}

int audit_plan_lacks(const struct audit_plan *plan, const struct audit_rules_options *options, enum kind_id kind)
{
	_cleanup_(freep) struct audit_plan *needed = malloc(sizeof(*needed));
	bool wanted[N_KINDS] = { false };
	int r;

	if (!needed)
		return -ENOMEM;
	wanted[kind] = true;
	r = make(needed, options, wanted);
	for (size_t i = 0; i < needed->n_rules && r == 0; i++)
		r = !may_lack(&needed->rules[i]) && is_lacking(plan, &needed->rules[i]);
	return r;
}

/* As text */

static const char *op_text(uint32_t op)
{
	static const struct {
		uint32_t op;
		const char *text;
	} ops[] = {
		{ AUDIT_EQUAL, "=" },
		{ AUDIT_NOT_EQUAL, "!=" },
		{ AUDIT_GREATER_THAN_OR_EQUAL, ">=" },
		{ AUDIT_LESS_THAN_OR_EQUAL, "<=" },
		{ AUDIT_BIT_MASK, "&" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].op == op)
			return ops[i].text;
	}
	return "?";
}

static void calls_text(struct buffer *buffer, const struct audit_rule *rule)
{
	int machine = audit_elf_to_machine(rule->arch);
	const char *separator = " -S ";

	if (!rule->arch && rule->list == AUDIT_FILTER_EXIT) {
		buffer_append_text(buffer, " -S all");
		return;
	}
	for (uint32_t number = 0; number < AUDIT_BITMASK_SIZE * 32; number++) {
		const char *name = NULL;

		if (!(rule->calls[AUDIT_WORD(number)] & AUDIT_BIT(number)))
			continue;
		buffer_append_text(buffer, separator);
		separator = ",";
		if (rule->list == AUDIT_FILTER_EXIT)
			name = audit_syscall_to_name((int)number, machine);	/* what is newer than auditctl it takes as a number */
		if (name)
			buffer_append_text(buffer, name);
		else
			buffer_append_u64(buffer, number);
	}
}

static void perm_text(struct buffer *buffer, uint32_t perm)
{
	static const struct {
		uint32_t perm;
		char letter;
	} letters[] = {
		{ AUDIT_PERM_READ, 'r' }, { AUDIT_PERM_WRITE, 'w' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (perm & letters[i].perm)
			buffer_append_byte(buffer, letters[i].letter);
}

static void condition_text(struct buffer *buffer, const struct audit_condition *condition)
{
	const char *name = audit_field_to_name((int)condition->field);
	const char *type = condition->field == AUDIT_MSGTYPE ? audit_msg_type_to_name((int)condition->value)
							     : NULL;

	buffer_printf(buffer, " -F %s%s", name ? name : "?", op_text(condition->op));
	if (condition->field == AUDIT_FILETYPE)
		type = audit_ftype_to_name((int)condition->value);
	else if (condition->path)
		type = condition->path;
	if (type)
		buffer_append_text(buffer, type);
	else if (condition->field == AUDIT_PERM)
		perm_text(buffer, condition->value);
	else if (condition->field >= AUDIT_ARG0 && condition->field <= AUDIT_ARG3)
		buffer_printf(buffer, "0x%x", condition->value);
	else
		buffer_append_u64(buffer, condition->value);
}

void audit_rule_text(struct buffer *buffer, const struct audit_rule *rule)
{
	static const char *const lists[] = {
		[AUDIT_FILTER_EXIT] = "exit",
		[AUDIT_FILTER_EXCLUDE] = "exclude",
		[AUDIT_FILTER_URING_EXIT] = "io_uring",
	};

	buffer_printf(buffer, "-a always,%s", lists[rule->list]);
	if (rule->arch)
		buffer_printf(buffer, " -F arch=b%d", rule->arch & __AUDIT_ARCH_64BIT ? 64 : 32);
	if (rule->list != AUDIT_FILTER_EXCLUDE)
		calls_text(buffer, rule);
	for (size_t i = 0; i < AUDIT_RULE_CONDITIONS && rule->conditions[i].op; i++)
		condition_text(buffer, &rule->conditions[i]);
	if (rule->list != AUDIT_FILTER_EXCLUDE)
		buffer_append_text(buffer, " -F key=" AUDIT_OWN_KEY);
}

/* As the kernel's struct */

static void add_field(struct audit_rule_data *data, uint32_t field, uint32_t op, uint32_t value)
{
	data->fields[data->field_count] = field;
	data->fieldflags[data->field_count] = op;
	data->values[data->field_count] = value;
	data->field_count++;
}

static void add_text(struct audit_rule_data *data, const char *text, uint32_t size)
{
	memcpy((char *)data + sizeof(*data) + data->buflen, text, size);
	data->buflen += size;
}

size_t audit_rule_data_make(struct audit_rule_data *ret, const struct audit_rule *rule)
{
	memset(ret, 0, sizeof(*ret));
	ret->flags = rule->list;
	ret->action = AUDIT_ALWAYS;
	memcpy(ret->mask, rule->calls, sizeof(ret->mask));
	if (rule->arch)
		add_field(ret, AUDIT_ARCH, AUDIT_EQUAL, rule->arch);
	for (size_t i = 0; i < AUDIT_RULE_CONDITIONS && rule->conditions[i].op; i++) {
		const struct audit_condition *condition = &rule->conditions[i];

		add_field(ret, condition->field, condition->op, condition->value);
		if (condition->path)
			add_text(ret, condition->path, condition->value);
	}
	if (rule->list != AUDIT_FILTER_EXCLUDE) {
		add_field(ret, AUDIT_FILTERKEY, AUDIT_EQUAL, sizeof(AUDIT_OWN_KEY) - 1);
		add_text(ret, AUDIT_OWN_KEY, sizeof(AUDIT_OWN_KEY) - 1);
	}
	return sizeof(*ret) + ret->buflen;
}

bool audit_rule_field_is_text(uint32_t field)
{
	switch (field) {	/* kernel/auditfilter.c, audit_data_to_entry */
	case AUDIT_FILTERKEY:
	case AUDIT_SUBJ_USER ... AUDIT_SUBJ_CLR:
	case AUDIT_OBJ_USER ... AUDIT_OBJ_LEV_HIGH:
	case AUDIT_WATCH:
	case AUDIT_DIR:
	case AUDIT_EXE:
		return true;
	default:
		return false;
	}
}

/* Ours alone, or as the last of several. */
static bool key_is_own(struct span key)
{
	return span_eq(key, SPAN(AUDIT_OWN_KEY)) || span_ends(key, SPAN("\x01" AUDIT_OWN_KEY));
}

bool audit_rule_data_is_planned(const struct audit_rule_data *data)
{
	const size_t size = sizeof(AUDIT_OWN_KEY) - 1;

	for (uint32_t i = 0; i < data->field_count; i++)	/* the key is the last of the texts */
		if (data->fields[i] == AUDIT_FILTERKEY)
			return data->values[i] == size && data->buflen >= size && memcmp(data->buf + data->buflen - size, AUDIT_OWN_KEY, size) == 0;
	return false;
}

bool audit_rule_data_is_own(const struct audit_rule_data *data, size_t size)
{
	size_t offset = 0;

	if (size < sizeof(*data) || data->buflen > size - sizeof(*data) ||
	    data->field_count > AUDIT_MAX_FIELDS)
		return false;
	for (uint32_t i = 0; i < data->field_count; i++) {
		uint32_t value = data->values[i];

		if (data->fields[i] == AUDIT_PID && data->fieldflags[i] == AUDIT_NOT_EQUAL && value == AUDIT_EXCLUDE_MARK)
			return true;
		if (!audit_rule_field_is_text(data->fields[i]))
			continue;
		if (value > data->buflen - offset)
			return false;
		if (data->fields[i] == AUDIT_FILTERKEY && key_is_own((struct span){ data->buf + offset, value }))
			return true;
		offset += value;
	}
	return false;
}

bool audit_rule_data_equal(const struct audit_rule_data *a, const struct audit_rule_data *b)
{
	/* All but the text: fields the kernel does not use are zero in its answers as in ours. */
	return memcmp(a, b, sizeof(*a)) == 0 && memcmp(a->buf, b->buf, a->buflen) == 0;
}
