/* Every field is looked for under its name, by the table: nothing here names one, but for what makes the
 * event itself. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "cli/event_read.h"
#include "event/json_text.h"
#include "filter/term_value.h"

static const json_t *find(const json_t *object, const char *name)
{
	char key[64];

	while (object) {
		size_t n = strcspn(name, ".");

		if (n >= sizeof(key))
			return NULL;
		memcpy(key, name, n);
		key[n] = '\0';
		object = json_object_get(object, key);
		if (name[n] == '\0')
			return object;
		name += n + 1;
	}
	return NULL;
}

static struct span string_of(const json_t *json)
{
	return (struct span){ json_string_value(json), json_string_length(json) };
}

static const char *first_text(const json_t *json, const char *name)
{
	const json_t *value = find(json, name);

	if (json_is_array(value))
		value = json_array_get(value, 0);
	return json_string_value(value);
}

/* ECS categories are coarser than ours, but with the action they tell. */
static unsigned find_kind(const json_t *json)
{
	const char *category = first_text(json, "event.category"), *action = first_text(json, "event.action");

	if (!category || !action)
		return N_KINDS;
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (strcmp(kinds[kind].ecs_category, category) == 0 &&
		    strcmp(kinds[kind].action, action) == 0)
			return kind;
	return N_KINDS;
}

static bool is_escaped(const json_t *escaped, const char *name)
{
	size_t i;
	const json_t *item;

	json_array_foreach(escaped, i, item)
		if (strcmp(json_string_value(item) ? json_string_value(item) : "", name) == 0)
			return true;
	return false;
}

static void set_text(struct values *values, enum field field, struct span text, bool escaped)
{
	struct buffer plain = { 0 };

	if (escaped) {
		percent_unescape(&plain, text);
		text = buffer_span(&plain);
	}
	if (fields[field].type == TYPE_LIST)
		values_append_list(values, field, text);
	else
		values_set_text(values, field, text);
	buffer_release(&plain);
}

static void set_address(struct values *values, enum field field, const char *text)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		values_set_text(values, field, (struct span){ (const char *)bytes, 4 });
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		values_set_text(values, field, (struct span){ (const char *)bytes, 16 });
}

static void set_field(struct values *values, enum field field, const json_t *value, bool escaped)
{
	enum field_type type = fields[field].type;
	uint64_t number;
	size_t i;
	const json_t *item;

	if (json_is_array(value) && type == TYPE_LIST) {
		json_array_foreach(value, i, item)
			if (json_is_string(item))
				set_text(values, field, string_of(item), escaped);
	} else if (json_is_string(value) && type == TYPE_IP) {
		set_address(values, field, json_string_value(value));
	} else if (json_is_string(value) && field_type_is_text(type)) {
		set_text(values, field, string_of(value), escaped);
	} else if (json_is_string(value) && value_parse_number(type, string_of(value), &number) == 0) {
		values_set_number(values, field, number);
	} else if (json_is_integer(value) && !field_type_is_text(type)) {
		values_set_number(values, field, (uint64_t)json_integer_value(value));
	} else if (json_is_boolean(value) && !field_type_is_text(type)) {
		values_set_number(values, field, json_is_true(value));
	}
}

static void set_fields(struct values *values, const json_t *json, unsigned begin, unsigned end,
		       enum category category)
{
	const json_t *escaped = find(json, "recorder.escaped");

	for (unsigned field = begin; field < end; field++) {
		const json_t *value;

		if (!(fields[field].categories >> category & 1))
			continue;
		value = find(json, fields[field].name);
		if (value)
			set_field(values, field, value, is_escaped(escaped, fields[field].name));
	}
}

/* The parent and its ancestors, of whom a line tells a few fields each. */

static const struct {
	const char *name;
	enum field field;
} person[] = {
	{ "entity_id", FIELD_entity_id },	{ "pid", FIELD_pid },
	{ "name", FIELD_name },			{ "executable", FIELD_executable },
	{ "command_line", FIELD_command_line }, { "user.id", FIELD_uid },
	{ "user.name", FIELD_user_name },
};

/* `place`: as in recorder.escaped. */
static void set_person(struct context *context, const json_t *json, const char *place, const json_t *escaped)
{
	for (unsigned i = 0; i < ARRAY_SIZE(person); i++) {
		const json_t *value = find(json, person[i].name);
		char name[64];

		snprintf(name, sizeof(name), "%s.%s", place, person[i].name);
		if (value)
			set_field(&context->values, person[i].field, value, is_escaped(escaped, name));
	}
}

/* The farthest first, since a context is never changed once it is somebody's parent. */
static int read_ancestry(struct context *context, const json_t *json)
{
	const json_t *ancestry = find(json, "process.ancestry"), *parent = find(json, "process.parent");
	const json_t *escaped = find(json, "recorder.escaped"), *ppid = find(parent, "pid");
	_cleanup_(context_unrefp) struct context *above = NULL;

	if (ppid)
		set_field(&context->values, FIELD_ppid, ppid, false);
	for (size_t i = MIN(json_array_size(ancestry), (size_t)CONTEXT_MAX_DEPTH); i-- > 0;) {
		struct context *ancestor = context_new();
		char place[64];

		if (!ancestor)
			return -ENOMEM;
		snprintf(place, sizeof(place), "process.ancestry[%zu]", i);
		set_person(ancestor, json_array_get(ancestry, i), place, escaped);
		if (i == 0)
			set_person(ancestor, parent, "process.parent", escaped);
		context_set_parent(ancestor, above);
		context_unref(above);
		above = ancestor;
		if (ancestor->values.failed)
			return -ENOMEM;
	}
	context_set_parent(context, above);
	return 0;
}

int event_read(struct event **ret, const json_t *json)
{
	_cleanup_(event_freep) struct event *event = NULL;
	unsigned kind = find_kind(json);
	const char *time = first_text(json, "@timestamp"), *id = first_text(json, "event.id");
	uint64_t time_ns, id_time;

	if (kind == N_KINDS || !time || value_parse_number(TYPE_TIME, span_of(time), &time_ns) < 0)
		return -EINVAL;
	event = event_new((uint16_t)kind, time_ns);
	if (!event || !(event->context = context_new()))
		return -ENOMEM;
	if (id && event_id_parse(span_of(id), &id_time, &event->origin) < 0)
		event->origin = 0;
	event->sequence = (uint64_t)json_integer_value(find(json, "event.sequence"));
	set_fields(&event->values, json, N_CONTEXT_FIELDS, N_FIELDS, kinds[kind].category);
	set_fields(&event->context->values, json, 0, N_CONTEXT_FIELDS, kinds[kind].category);
	if (read_ancestry(event->context, json) < 0 || event->values.failed || event->context->values.failed)
		return -ENOMEM;
	*ret = TAKE(event);
	return 0;
}
