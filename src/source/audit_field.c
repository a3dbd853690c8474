/* See audit_field.h.
 *
 * libaudit has the names and numbers. Its audit_rule_fieldpair_data() is not used: it keeps the architecture of the rule before,
 * asks the kernel for its features, prints to the standard error, takes `12abc` for 12, and says of many mistakes no more than that
 * there is one. The golden rules of the tests hold both together. */

#include "source/audit_field.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <libaudit.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
#include "source/audit_rules.h"

#ifndef AUDIT_FILTER_URING_EXIT
#define AUDIT_FILTER_URING_EXIT 7
#endif

static int refuse(struct field_error *error, size_t offset, const char *format, ...) _printf_(3, 4);
static int refuse(struct field_error *error, size_t offset, const char *format, ...)
{
	va_list arguments;

	error->offset = offset;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

void rule_draft_put(struct rule_draft *draft, uint32_t field, uint32_t op, uint32_t value)
{
	struct audit_rule_data *data = &draft->data;

	data->fields[data->field_count] = field;
	data->fieldflags[data->field_count] = op;
	data->values[data->field_count] = value;
	data->field_count++;
}

void rule_draft_put_text(struct rule_draft *draft, uint32_t field, uint32_t op, struct span text)
{
	memcpy(draft->bytes + sizeof(draft->data) + draft->data.buflen, text.data, text.size);
	draft->data.buflen += (uint32_t)text.size;
	rule_draft_put(draft, field, op, (uint32_t)text.size);
}

/* Values: 0 and *ret, or -EINVAL with the reason. */

static bool read_number(const char *text, bool may_be_negative, uint32_t *ret)
{
	bool negative = *text == '-';
	char *end;
	unsigned long long value;

	if (!isdigit((unsigned char)text[negative]) || (negative && !may_be_negative))
		return false;
	errno = 0;
	value = strtoull(text + negative, &end, 0);
	if (errno || *end || value > (negative ? (unsigned long long)INT32_MAX + 1 : UINT32_MAX))
		return false;
	*ret = negative ? (uint32_t)-value : (uint32_t)value;
	return true;
}

static int take_number(const char *text, uint32_t *ret, struct field_error *error)
{
	return read_number(text, false, ret) ? 0 : refuse(error, 0, "'%.64s' is not a number from 0 to %u", text, UINT32_MAX);
}

static int take_signed(const char *text, uint32_t *ret, struct field_error *error)
{
	return read_number(text, true, ret) ? 0 : refuse(error, 0, "'%.64s' is not a number of 32 bits", text);
}

/* The files, not the C library's name services: those may ask the network, and the recorder waits for nobody. */
static int take_user(const char *text, uint32_t *ret, struct field_error *error)
{
	struct passwd *entry;
	bool found = false;
	FILE *file;

	if (strcmp(text, "unset") == 0) {
		*ret = UINT32_MAX;
		return 0;
	}
	if (isdigit((unsigned char)text[text[0] == '-']))
		return take_signed(text, ret, error);
	file = fopen("/etc/passwd", "re");
	while (file && !found && (entry = fgetpwent(file))) {
		found = strcmp(entry->pw_name, text) == 0;
		*ret = entry->pw_uid;
	}
	if (file)
		fclose(file);
	return found ? 0 : refuse(error, 0, "no user '%.64s' in /etc/passwd (give its number)", text);
}

static int take_group(const char *text, uint32_t *ret, struct field_error *error)
{
	struct group *entry;
	bool found = false;
	FILE *file;

	if (isdigit((unsigned char)*text))
		return take_number(text, ret, error);
	file = fopen("/etc/group", "re");
	while (file && !found && (entry = fgetgrent(file))) {
		found = strcmp(entry->gr_name, text) == 0;
		*ret = entry->gr_gid;
	}
	if (file)
		fclose(file);
	return found ? 0 : refuse(error, 0, "no group '%.64s' in /etc/group (give its number)", text);
}

static int take_session(const char *text, uint32_t *ret, struct field_error *error)
{
	if (strcmp(text, "unset") == 0) {
		*ret = UINT32_MAX;
		return 0;
	}
	return take_signed(text, ret, error);
}

static int take_exit(const char *text, uint32_t *ret, struct field_error *error)
{
	int number;

	if (isdigit((unsigned char)text[text[0] == '-']))
		return take_signed(text, ret, error);
	number = audit_name_to_errno(text);
	if (number == 0)
		return refuse(error, 0, "'%.64s' is neither a number nor the name of an error (-EACCES)", text);
	*ret = (uint32_t)number;
	return 0;
}

static int take_record_type(const char *text, uint32_t *ret, struct field_error *error)
{
	int number;

	if (isdigit((unsigned char)*text))
		return take_number(text, ret, error);
	number = audit_name_to_msg_type(text);
	if (number <= 0)
		return refuse(error, 0, "no record type is called '%.64s'", text);
	*ret = (uint32_t)number;
	return 0;
}

static int take_file_type(const char *text, uint32_t *ret, struct field_error *error)
{
	int number = audit_name_to_ftype(text);

	if (number < 0)
		return refuse(error, 0, "no type of file is called '%.64s' (file, dir, socket, link, character, block, fifo)", text);
	*ret = (uint32_t)number;
	return 0;
}

static int take_file_system(const char *text, uint32_t *ret, struct field_error *error)
{
	int number;

	if (isdigit((unsigned char)*text))
		return take_number(text, ret, error);
	number = audit_name_to_fstype(text);
	if (number == -1)
		return refuse(error, 0, "no file system is called '%.64s' (debugfs, tracefs; others by their number)", text);
	*ret = (uint32_t)number;
	return 0;
}

static int take_arch(const char *text, uint32_t *ret, struct field_error *error)
{
	int machine;
	char *end;

	if (isdigit((unsigned char)*text)) {
		machine = audit_elf_to_machine((unsigned)strtoul(text, &end, 0));
		if (*end)
			machine = -1;
	} else {
		machine = audit_determine_machine(text);
	}
	*ret = machine < 0 ? 0 : audit_machine_to_elf(machine);
	return *ret ? 0 : refuse(error, 0, "no architecture of this machine is called '%.64s' (b64, b32)", text);
}

static int take_perm(const char *text, uint32_t *ret, struct field_error *error)
{
	static const struct {
		char letter;
		uint32_t bit;
	} perms[] = { { 'r', AUDIT_PERM_READ }, { 'w', AUDIT_PERM_WRITE }, { 'x', AUDIT_PERM_EXEC }, { 'a', AUDIT_PERM_ATTR } };

	*ret = 0;
	for (size_t at = 0; text[at]; at++) {
		uint32_t bit = 0;

		for (size_t i = 0; i < ARRAY_SIZE(perms); i++)
			if (tolower((unsigned char)text[at]) == perms[i].letter)
				bit = perms[i].bit;
		if (!bit)
			return refuse(error, at, "'%c' is none of r, w, x, a", text[at]);
		*ret |= bit;
	}
	return 0;
}

/* Fields */

/* Operators (kernel: audit_field_valid, and audit_to_watch, audit_make_tree) */
enum { ONLY_EQUAL = 1, EQUAL_OR_NOT = 2, ORDERED = 4, BITS = 8 };
/* Lists. What the kernel takes into account for records of the last is little; all else never holds there. */
enum { CALLS = 1, URING = 2, RECORDS = 4, FILE_SYSTEM = 8 };

enum shape { VALUE, TEXT, PLACE, KEY };

static const struct rule_field {
	uint32_t number;
	enum shape shape;
	int (*take)(const char *text, uint32_t *ret, struct field_error *error);
	unsigned ops, lists;
	bool is_object;
} rule_fields[] = {
#define ANY_CALL (CALLS | URING)
#define UP_TO(op) ((op) * 2 - 1)
	{ AUDIT_PID, VALUE, take_number, UP_TO(ORDERED), ANY_CALL | RECORDS, false },
	{ AUDIT_PPID, VALUE, take_number, UP_TO(ORDERED), CALLS, false },
	{ AUDIT_UID, VALUE, take_user, UP_TO(ORDERED), ANY_CALL | RECORDS, false },
	{ AUDIT_EUID, VALUE, take_user, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_SUID, VALUE, take_user, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_FSUID, VALUE, take_user, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_LOGINUID, VALUE, take_user, UP_TO(ORDERED), ANY_CALL | RECORDS, false },
	{ AUDIT_OBJ_UID, VALUE, take_user, UP_TO(ORDERED), CALLS, false },
	{ AUDIT_GID, VALUE, take_group, UP_TO(ORDERED), ANY_CALL | RECORDS, false },
	{ AUDIT_EGID, VALUE, take_group, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_SGID, VALUE, take_group, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_FSGID, VALUE, take_group, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_OBJ_GID, VALUE, take_group, UP_TO(ORDERED), CALLS, false },
	{ AUDIT_SESSIONID, VALUE, take_session, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_PERS, VALUE, take_number, UP_TO(BITS), ANY_CALL, false },
	{ AUDIT_ARCH, VALUE, take_arch, UP_TO(EQUAL_OR_NOT), CALLS, false },
	{ AUDIT_MSGTYPE, VALUE, take_record_type, UP_TO(ORDERED), RECORDS, false },
	{ AUDIT_DEVMAJOR, VALUE, take_number, UP_TO(ORDERED), CALLS, false },
	{ AUDIT_DEVMINOR, VALUE, take_number, UP_TO(BITS), CALLS, false },
	{ AUDIT_INODE, VALUE, take_number, UP_TO(EQUAL_OR_NOT), CALLS, false },
	{ AUDIT_EXIT, VALUE, take_exit, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_SUCCESS, VALUE, take_number, UP_TO(ORDERED), ANY_CALL, false },
	{ AUDIT_PERM, VALUE, take_perm, UP_TO(ONLY_EQUAL), CALLS, true },
	{ AUDIT_FILETYPE, VALUE, take_file_type, UP_TO(EQUAL_OR_NOT), CALLS, false },
	{ AUDIT_FSTYPE, VALUE, take_file_system, UP_TO(EQUAL_OR_NOT), FILE_SYSTEM, true },
	{ AUDIT_SADDR_FAM, VALUE, take_number, UP_TO(ORDERED), CALLS, false },
	{ AUDIT_ARG0, VALUE, take_signed, UP_TO(BITS), CALLS, false },
	{ AUDIT_ARG1, VALUE, take_signed, UP_TO(BITS), CALLS, false },
	{ AUDIT_ARG2, VALUE, take_signed, UP_TO(BITS), CALLS, false },
	{ AUDIT_ARG3, VALUE, take_signed, UP_TO(BITS), CALLS, false },
	{ AUDIT_WATCH, PLACE, NULL, UP_TO(ONLY_EQUAL), CALLS, true },
	{ AUDIT_DIR, PLACE, NULL, UP_TO(ONLY_EQUAL), CALLS, true },
	{ AUDIT_EXE, PLACE, NULL, UP_TO(EQUAL_OR_NOT), ANY_CALL | RECORDS, true },
	{ AUDIT_SUBJ_USER, TEXT, NULL, UP_TO(EQUAL_OR_NOT), ANY_CALL | RECORDS, false },
	{ AUDIT_SUBJ_ROLE, TEXT, NULL, UP_TO(EQUAL_OR_NOT), ANY_CALL | RECORDS, false },
	{ AUDIT_SUBJ_TYPE, TEXT, NULL, UP_TO(EQUAL_OR_NOT), ANY_CALL | RECORDS, false },
	{ AUDIT_SUBJ_SEN, TEXT, NULL, UP_TO(ORDERED), ANY_CALL | RECORDS, false },
	{ AUDIT_SUBJ_CLR, TEXT, NULL, UP_TO(ORDERED), ANY_CALL | RECORDS, false },
	{ AUDIT_OBJ_USER, TEXT, NULL, UP_TO(EQUAL_OR_NOT), CALLS, false },
	{ AUDIT_OBJ_ROLE, TEXT, NULL, UP_TO(EQUAL_OR_NOT), CALLS, false },
	{ AUDIT_OBJ_TYPE, TEXT, NULL, UP_TO(EQUAL_OR_NOT), CALLS, false },
	{ AUDIT_OBJ_LEV_LOW, TEXT, NULL, UP_TO(ORDERED), CALLS, false },
	{ AUDIT_OBJ_LEV_HIGH, TEXT, NULL, UP_TO(ORDERED), CALLS, false },
	{ AUDIT_FILTERKEY, KEY, NULL, UP_TO(ONLY_EQUAL), ANY_CALL | RECORDS | FILE_SYSTEM, false },
#undef UP_TO
#undef ANY_CALL
};

static const struct operator {
	const char *text;		/* the longer of two that begin alike first */
	uint32_t op;
	unsigned group;
} operators[] = {
	{ "!=", AUDIT_NOT_EQUAL, EQUAL_OR_NOT },   { ">=", AUDIT_GREATER_THAN_OR_EQUAL, ORDERED },
	{ "<=", AUDIT_LESS_THAN_OR_EQUAL, ORDERED }, { "&=", AUDIT_BIT_TEST, BITS },
	{ "=", AUDIT_EQUAL, ONLY_EQUAL },	   { ">", AUDIT_GREATER_THAN, ORDERED },
	{ "<", AUDIT_LESS_THAN, ORDERED },	   { "&", AUDIT_BIT_MASK, BITS },
};

static const char *operators_text(unsigned ops)
{
	return ops & BITS ? "=, !=, <, >, <=, >=, &, &=" : ops & ORDERED ? "=, !=, <, >, <=, >=" : ops & EQUAL_OR_NOT ? "=, !=" : "=";
}

static unsigned list_bit(uint32_t list)
{
	switch (list) {
	case AUDIT_FILTER_EXIT:
		return CALLS;
	case AUDIT_FILTER_URING_EXIT:
		return URING;
	case AUDIT_FILTER_FS:
		return FILE_SYSTEM;
	default:
		return RECORDS;
	}
}

static const char *lists_text(unsigned lists)
{
	return lists & CALLS && lists & RECORDS ? "exit, io_uring, exclude or user" : lists & CALLS && lists & URING ? "exit or io_uring" :
	       lists & CALLS			? "exit" : lists & RECORDS ? "exclude or user" : "filesystem";
}

static const struct rule_field *find_field(const char *name, struct field_error *error)
{
	struct suggestion suggestion = suggestion_for(span_of(name));
	int number = audit_name_to_field(name);
	struct span best;

	for (size_t i = 0; i < ARRAY_SIZE(rule_fields); i++) {
		const char *known = audit_field_to_name((int)rule_fields[i].number);

		if (number >= 0 && rule_fields[i].number == (uint32_t)number)
			return &rule_fields[i];
		if (known)
			suggest_offer(&suggestion, span_of(known));
	}
	best = suggest_best(&suggestion);
	if (best.size)
		refuse(error, 0, "unknown field '%.64s' (did you mean '%.*s'?)", name, (int)best.size, best.data);
	else
		refuse(error, 0, "unknown field '%.64s'", name);
	return NULL;
}

static int check_room(const struct rule_draft *draft, struct field_error *error)
{
	if (draft->data.field_count >= RULE_DRAFT_FIELDS)
		return refuse(error, 0, "more than %d conditions in one rule", RULE_DRAFT_FIELDS);
	return 0;
}

static int check_place(struct rule_draft *draft, const struct rule_field *field, struct span value, struct field_error *error)
{
	if (value.data[0] != '/')
		return refuse(error, 0, "'%.64s' is not an absolute path", value.data);
	if (value.size >= PATH_MAX)
		return refuse(error, 0, "a path has at most %d bytes", PATH_MAX - 1);
	if (field->number != AUDIT_DIR && value.data[value.size - 1] == '/')
		return refuse(error, value.size - 1, "a file is meant, so without the / at the end (a folder: dir=)");
	return 0;
}

static int put_value(struct rule_draft *draft, const struct rule_field *field, uint32_t op, const char *value, struct field_error *error)
{
	struct span text = span_of(value);
	uint32_t number;
	int r;

	if (field->number == AUDIT_WATCH || field->number == AUDIT_DIR || field->number == AUDIT_INODE) {
		if (draft->has_place)
			return refuse(error, 0, "path=, dir= and inode=: the kernel takes one of them a rule");
		draft->has_place = true;
	}
	if (field->shape == VALUE) {
		r = field->take(value, &number, error);
		if (r < 0)
			return r;
		if (field->number == AUDIT_ARCH)
			draft->machine = audit_elf_to_machine(number);
		rule_draft_put(draft, field->number, op, number);
		return 0;
	}
	r = field->shape == PLACE ? check_place(draft, field, text, error) : 0;
	if (r < 0)
		return r;
	if (text.size > RULE_DRAFT_TEXT - sizeof(draft->key) - draft->data.buflen)
		return refuse(error, 0, "the texts of the rule are too long together");
	rule_draft_put_text(draft, field->number, op, text);
	return 0;
}

int audit_field_add(struct rule_draft *draft, char *pair, struct field_error *error)
{
	size_t name_size = strspn(pair, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"), value_at;
	const struct operator *operator = NULL;
	const struct rule_field *field;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(operators) && !operator; i++)
		if (span_starts(span_of(pair + name_size), span_of(operators[i].text)))
			operator = &operators[i];
	if (name_size == 0)
		return refuse(error, 0, "the name of a field is missing in '%.64s' (-F FIELD=VALUE)", pair);
	if (!operator)
		return refuse(error, name_size, "an operator is missing in '%.64s' (=, !=, <, >, <=, >=, &, &=)", pair);
	value_at = name_size + strlen(operator->text);
	pair[name_size] = '\0';
	field = find_field(pair, error);
	if (!field)
		return -EINVAL;
	if (!pair[value_at])
		return refuse(error, value_at, "the value of %s is missing", pair);
	if (!(field->lists & list_bit(draft->data.flags)))
		return refuse(error, 0, "%s goes with the list %s", pair, lists_text(field->lists));
	if (!(field->ops & operator->group))
		return refuse(error, name_size, "%s takes %s", pair, operators_text(field->ops));
	if (field->number == AUDIT_ARCH && draft->has_calls)
		return refuse(error, 0, "arch must stand before -S: it says whose system calls are meant");
	r = field->shape == KEY ? audit_field_key(draft, pair + value_at, error) : check_room(draft, error);
	if (r >= 0 && field->shape != KEY)
		r = put_value(draft, field, operator->op, pair + value_at, error);
	if (r < 0) {
		error->offset += value_at;
		return r;
	}
	draft->has_object |= field->is_object;
	return 0;
}

int audit_field_perm(struct rule_draft *draft, const char *perms, struct field_error *error)
{
	uint32_t bits;
	int r = check_room(draft, error);

	if (r >= 0 && draft->data.flags != AUDIT_FILTER_EXIT)
		r = refuse(error, 0, "-p goes with the list exit");
	if (r >= 0)
		r = take_perm(perms, &bits, error);
	if (r < 0)
		return r;
	rule_draft_put(draft, AUDIT_PERM, AUDIT_EQUAL, bits);
	draft->has_object = true;
	return 0;
}

int audit_field_key(struct rule_draft *draft, const char *key, struct field_error *error)
{
	size_t size = strlen(key), room = AUDIT_MAX_KEY_LEN - sizeof(AUDIT_OWN_KEY) - 1;	/* that, and two separators (user_rules.c) */

	_Static_assert(sizeof(draft->key) >= AUDIT_MAX_KEY_LEN, "room for the keys");
	if (list_bit(draft->data.flags) == RECORDS)	/* kernel/auditfilter.c, audit_filter */
		return refuse(error, 0, "with a key, rules of the lists exclude and user never hold: leave it out");
	if (strcmp(key, AUDIT_OWN_KEY) == 0)
		return refuse(error, 0, "the key '%s' marks the recorder's own rules: take another", key);
	if (draft->key_size + (draft->key_size > 0) + size > room)
		return refuse(error, 0, "the keys of a rule have at most %zu bytes together", room);
	if (draft->key_size > 0)
		draft->key[draft->key_size++] = KEY_SEPARATOR;
	memcpy(draft->key + draft->key_size, key, size);
	draft->key_size += size;
	return 0;
}

/* This one of libaudit keeps nothing and is quiet. */
int audit_field_compare(struct rule_draft *draft, char *pair, struct field_error *error)
{
	static const struct {
		int error;
		const char *why;
	} reasons[] = {
		{ -7, "-C goes with the list exit" },
		{ -13, "-C takes FIELD=FIELD or FIELD!=FIELD" },
		{ -24, "the field before the operator is missing" },
		{ -25, "the field behind the operator is missing" },
		{ -26, "the field before the operator does not exist" },
		{ -27, "the field behind the operator does not exist" },
	};
	struct audit_rule_data *probe;
	int r = check_room(draft, error);

	if (r < 0)
		return r;
	probe = audit_rule_create_data();
	if (!probe)
		return -ENOMEM;
	r = audit_rule_interfield_comp_data(&probe, pair, (int)draft->data.flags);
	if (r == 0)
		rule_draft_put(draft, probe->fields[0], probe->fieldflags[0], probe->values[0]);
	audit_rule_free_data(probe);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (r == reasons[i].error)
			return refuse(error, 0, "%s (as in uid!=euid)", reasons[i].why);
	return r == 0 ? 0 : refuse(error, 0, "these two cannot be compared");	/* -1; later versions -33 */
}
