/* See record_type.h. */

#include <libaudit.h>
#include <strings.h>

#include "base/suggest.h"
#include "event/record.h"
#include "filter/record_type.h"

/* Newer than the libaudit of some distributions (linux/audit.h). */
static const struct {
	uint32_t type;
	const char *name;
} newer[] = {
	{ 1334, "BPF" }, { 1335, "EVENT_LISTENER" }, { 1336, "URINGOP" }, { 1337, "OPENAT2" },
	{ 1338, "DM_CTRL" }, { 1339, "DM_EVENT" },
};

/* Of our programs in the kernel. */
static const char *const probe_codes[] = { "CALL", "EXEC" };

/* All that linux/audit.h and libaudit.h leave room for. */
#define AUDIT_TYPES_END 3000

static const char *name_of(uint64_t type)
{
	const char *name = type < AUDIT_TYPES_END ? audit_msg_type_to_name((int)type) : NULL;

	if (!name && type <= UINT32_MAX)
		name = record_own_name((uint32_t)type);
	for (size_t i = 0; !name && i < ARRAY_SIZE(newer); i++)
		if (newer[i].type == type)
			name = newer[i].name;
	return name;
}

size_t record_type_texts(const struct span *values, size_t n, struct span *ret)
{
	size_t n_texts = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = NULL;
		uint64_t type;

		ret[n_texts++] = values[i];
		if (span_to_u64(values[i], &type) == 0)
			name = name_of(type);
		if (name)
			ret[n_texts++] = span_of(name);
	}
	return n_texts;
}

static bool is_named(struct span value, const char *name)
{
	return strlen(name) == value.size && strncasecmp(name, value.data, value.size) == 0;
}

/* UNKNOWN[1999]: of a type without a name. */
static bool is_unknown(struct span value)
{
	uint64_t type;

	return value.size > 9 && strncasecmp(value.data, "UNKNOWN[", 8) == 0 && value.data[value.size - 1] == ']' &&
	       span_to_u64((struct span){ value.data + 8, value.size - 9 }, &type) == 0;
}

int record_type_check(struct span value, struct filter_error *error)
{
	struct suggestion suggestion = suggestion_for(value);
	uint64_t number;

	if (span_to_u64(value, &number) == 0 || is_unknown(value))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(probe_codes); i++)
		if (is_named(value, probe_codes[i]))
			return 0;
	for (uint32_t type = 0; type < RECORD_OWN_END; type == AUDIT_TYPES_END ? type = RECORD_OWN_FIRST : type++) {
		const char *name = name_of(type);

		if (!name)
			continue;
		if (is_named(value, name))
			return 0;
		suggest_offer(&suggestion, span_of(name));
	}
	return filter_fail(error, "%s is no type of record%s", quote(value).text,
			   quote_suggestion(suggest_best(&suggestion)).text);
}
