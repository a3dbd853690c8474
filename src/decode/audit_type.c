/* Names and numbers of record types.  Our own table, since libaudit's is as old as the distribution: types of
 * a newer kernel would have no name. What our table does not have is asked of libaudit, which may be newer
 * than we. */

#include "decode/audit_type.h"

#include <libaudit.h>
#include <stdio.h>

#include "decode/audit.h"
#include "event/record.h"

static const struct audit_type types[] = {
#define TYPE(number_, name_, part_, kind_, subsystem_) \
	{ number_, kind_, part_, { #name_, sizeof(#name_) - 1 }, subsystem_ },
#include "decode/audit_type.def"
};

enum {
#define TYPE(number, name, part, kind, subsystem) TYPE_INDEX_##name,
#include "decode/audit_type.def"
	N_TYPES,
};
_Static_assert(N_TYPES < UINT8_MAX, "by_number holds places in a byte");

/* Place in `types` + 1. */
static const uint8_t by_number[] = {
#define TYPE(number, name, part, kind, subsystem) [number] = TYPE_INDEX_##name + 1,
#include "decode/audit_type.def"
};

const struct audit_type *audit_type_by_number(uint32_t number)
{
	if (number >= ARRAY_SIZE(by_number) || by_number[number] == 0)
		return NULL;
	return &types[by_number[number] - 1];
}

const char *audit_type_name(uint32_t type, char ret[static 24])
{
	const struct audit_type *known = audit_type_by_number(type);
	const char *name = known ? known->name.data : record_own_name(type);

	if (!name && type < RECORD_OWN_FIRST)
		name = audit_msg_type_to_name((int)type);
	if (!name) {
		snprintf(ret, 24, "UNKNOWN[%u]", type);
		name = ret;
	}
	return name;
}

static uint32_t number_in(struct span text)
{
	uint64_t number;

	return span_to_u64(text, &number) == 0 && number < RECORD_OWN_FIRST ? (uint32_t)number : 0;
}

uint32_t audit_type_number(struct span name)
{
	static const struct span unknown = { "UNKNOWN[", 8 };
	char text[64];
	int number;

	if (name.size == 0 || name.size >= sizeof(text))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].name.size == name.size && types[i].name.data[0] == name.data[0] &&
		    memcmp(types[i].name.data, name.data, name.size) == 0)
			return types[i].number;
	if (span_starts(name, unknown) && name.data[name.size - 1] == ']')
		return number_in((struct span){ name.data + 8, name.size - 9 });
	if (name.data[0] >= '0' && name.data[0] <= '9')
		return number_in(name);
	if (record_own_type(name) != 0)
		return record_own_type(name);
	memcpy(text, name.data, name.size);
	text[name.size] = 0;
	number = audit_name_to_msg_type(text);
	return number > 0 && number < (int)RECORD_OWN_FIRST ? (uint32_t)number : 0;
}
