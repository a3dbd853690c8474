/* The .def files as tables. */

#include "event/schema.h"

#include "event/event.h"

const struct category_info categories[N_CATEGORIES] = {
#define CATEGORY(name, subject, detail) { #name, subject, detail },
#include "event/kinds.def"
};

const struct kind kinds[N_KINDS] = {
#define KIND(category, number, action, ecs_category, ecs_type, shed, meaning) \
	{ CATEGORY_##category * KINDS_PER_CATEGORY + (number), CATEGORY_##category, #action, ecs_category, \
	  ecs_type, shed, meaning },
#include "event/kinds.def"
};

/* A signal has the fields of the event that set it off, which may be any but the recorder's own. */
enum {
	IN_ALL = (1 << N_CATEGORIES) - 1,
	IN_SIGNAL = CATEGORY_BIT_signal,
	IN_PROCESS = CATEGORY_BIT_process | IN_SIGNAL,
	IN_FILE = CATEGORY_BIT_file | IN_SIGNAL,
	IN_NETWORK = CATEGORY_BIT_network | IN_SIGNAL,
	IN_DNS = CATEGORY_BIT_dns | IN_SIGNAL,
	IN_IMAGE = CATEGORY_BIT_image | IN_SIGNAL,
	IN_DRIVER = CATEGORY_BIT_driver | IN_SIGNAL,
	IN_SECURITY = CATEGORY_BIT_security | IN_SIGNAL,
	IN_SYSTEM = CATEGORY_BIT_system | IN_SIGNAL,
	IN_REGISTRY = CATEGORY_BIT_registry | IN_SIGNAL,
	IN_HTTP = CATEGORY_BIT_http | IN_SIGNAL,
	IN_RECORDER = CATEGORY_BIT_recorder,
};

const struct field_info fields[N_FIELDS] = {
#define CONTEXT(member, type, name, meaning) \
	{ #member, name, meaning, TYPE_##type, offsetof(struct context, member), IN_ALL, true },
#include "event/fields.def"
#define EVENT(member, type, name, categories, meaning) \
	{ #member, name, meaning, TYPE_##type, offsetof(struct event, member), categories, false },
#include "event/fields.def"
};

const char *const field_type_names[] = {
	[TYPE_U32] = "number",	   [TYPE_U64] = "number",	[TYPE_I32] = "number",
	[TYPE_I64] = "number",	   [TYPE_BOOL] = "true/false",	[TYPE_TIME] = "time",
	[TYPE_ID] = "id",	   [TYPE_MODE] = "octal mode",	[TYPE_DEVICE] = "device",
	[TYPE_TEXT] = "text",	   [TYPE_STRING] = "text",	[TYPE_PATH] = "path",
	[TYPE_LIST] = "list",	   [TYPE_IP] = "address",
};

unsigned kind_lookup(struct span category, struct span action)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		if (span_eq(span_of(kinds[i].action), action) &&
		    span_eq(span_of(categories[kinds[i].category].name), category))
			return i;
	return N_KINDS;
}

unsigned kind_by_number(uint16_t number)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].number == number)
			return i;
	return N_KINDS;
}

enum category category_lookup(struct span name)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		if (span_eq(span_of(categories[i].name), name))
			return (enum category)i;
	return N_CATEGORIES;
}

enum field field_lookup(struct span name)
{
	for (unsigned i = 0; i < N_FIELDS; i++)
		if (span_eq(span_of(fields[i].name), name))
			return (enum field)i;
	return FIELD_NONE;
}

void field_column(enum field field, char ret[static FIELD_COLUMN_MAX])
{
	size_t i = 0;

	for (const char *p = fields[field].name; *p && i + 1 < FIELD_COLUMN_MAX; p++)
		ret[i++] = *p == '.' ? '_' : *p;
	ret[i] = 0;
}
