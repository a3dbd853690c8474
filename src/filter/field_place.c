/* What an event has under a name: where its values lie, and which kinds of events can have any. */

#include "filter/field_name.h"

/* Fields that not all kinds of a category have: who asks for one asks the kernel for no other kind of it. */
static const struct {
	enum category category;
	enum field first, last;		/* as they stand in fields.def */
	enum kind_id kinds[4];
	unsigned n_kinds;
} kinds_of_fields[] = {
	{ CATEGORY_process, FIELD_exit_code, FIELD_duration, { KIND_ID(process, exit) }, 1 },
	{ CATEGORY_process, FIELD_access_count, FIELD_access_last, { KIND_ID(process, ptrace) }, 1 },
	{ CATEGORY_security, FIELD_path, FIELD_device_number, { KIND_ID(security, raw_access) }, 1 },
	{ CATEGORY_file, FIELD_target_path, FIELD_target_path,
	  { KIND_ID(file, rename), KIND_ID(file, link), KIND_ID(file, symlink), KIND_ID(file, mount) }, 4 },
	{ CATEGORY_file, FIELD_xattr, FIELD_xattr, { KIND_ID(file, xattr) }, 1 },
	{ CATEGORY_file, FIELD_write_count, FIELD_write_bytes, { KIND_ID(file, write) }, 1 },
};

static bool kind_can_have(enum field field, unsigned kind)
{
	bool can = fields[field].is_context || fields[field].categories & 1u << kinds[kind].category;

	/* A signal has those of any kind. */
	for (size_t i = 0; can && kinds[kind].category != CATEGORY_signal && i < ARRAY_SIZE(kinds_of_fields); i++) {
		if (kinds_of_fields[i].category != kinds[kind].category || field < kinds_of_fields[i].first ||
		    field > kinds_of_fields[i].last)
			continue;
		for (unsigned k = 0; k < kinds_of_fields[i].n_kinds; k++)
			if (kinds_of_fields[i].kinds[k] == kind)
				return true;
		return false;
	}
	return can;
}

bool field_name_is_of(const struct field_name *name, unsigned kind)
{
	if (!(name->categories & 1u << kinds[kind].category))
		return false;
	for (unsigned i = 0; i < name->n_fields; i++)
		if (kind_can_have(name->fields[i], kind))
			return true;
	return name->n_fields == 0;
}

bool event_is_ingress(const struct event *event)
{
	if (values_has(&event->values, FIELD_direction))
		return span_eq(values_text(&event->values, FIELD_direction), SPAN("ingress"));
	return event->kind == KIND_ID(network, accept);
}

struct finding {
	const struct field_name *name;
	struct field_place *places;
	size_t n;
};

static bool take(struct finding *finding, const struct values *values, enum field field)
{
	if (!values_has(values, field))
		return false;
	finding->places[finding->n++] = (struct field_place){ values, field };
	return true;
}

static void take_all(struct finding *finding, const struct values *values)
{
	for (unsigned i = 0; i < finding->name->n_fields; i++)
		take(finding, values, finding->name->fields[i]);
}

static void take_ancestry(struct finding *finding, const struct context *context)
{
	for (unsigned depth = 0; context && depth < CONTEXT_MAX_DEPTH; depth++, context = context->parent)
		take_all(finding, &context->values);
}

size_t field_name_places(const struct field_name *name, const struct event *event,
			 struct field_place ret[static FIELD_PLACES_MAX])
{
	static const struct context nobody;
	const struct context *context = event->context ? event->context : &nobody;
	struct finding finding = { .name = name, .places = ret };

	switch (name->place) {
	case PLACE_event:
		take_all(&finding, &event->values);
		break;
	case PLACE_process:
		take_all(&finding, &context->values);
		break;
	case PLACE_parent:
		if (context->parent)
			take_all(&finding, &context->parent->values);
		break;
	case PLACE_ancestry:
		take_ancestry(&finding, context->parent);
		break;
	case PLACE_current:
		if (!take(&finding, &event->values, name->fields[0]))
			take(&finding, &context->values, name->fields[1]);
		break;
	case PLACE_remote:
		take(&finding, &event->values, name->fields[!event_is_ingress(event)]);
		break;
	case PLACE_local:
		take(&finding, &event->values, name->fields[event_is_ingress(event)]);
		break;
	default:
		break;
	}
	return finding.n;
}

static void add_field(uint64_t set[static FIELD_WORDS], enum field field)
{
	set[field / 64] |= UINT64_C(1) << (field % 64);
}

bool field_name_fields(const struct field_name *name, uint64_t set[static FIELD_WORDS])
{
	for (unsigned i = 0; i < name->n_fields; i++)
		add_field(set, name->fields[i]);
	if (name->place == PLACE_remote || name->place == PLACE_local)
		add_field(set, FIELD_direction);
	return name->place == PLACE_parent || name->place == PLACE_ancestry;
}

struct span field_name_of_kind(const struct field_name *name, unsigned kind)
{
	switch (name->place) {
	case PLACE_action:
		return span_of(kinds[kind].action);
	case PLACE_category:
		return span_of(categories[kinds[kind].category].name);
	case PLACE_type:
		return span_of(kinds[kind].ecs_type);
	default:
		return SPAN("");
	}
}
