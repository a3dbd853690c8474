/* Markdown and a manual page that a person reads: categories with their actions, the fields every event has of its process,
 * then those of each category. A name says all: in JSON dots are nesting, in the database underscores. */

#include "event/fields_doc.h"
#include "base/scdoc.h"
#include "event/schema.h"

static const char *const type_words[] = {
	[TYPE_U32] = "number", [TYPE_U64] = "number",	[TYPE_I32] = "number",	[TYPE_I64] = "number",
	[TYPE_BOOL] = "boolean", [TYPE_TIME] = "time",	[TYPE_ID] = "id",	[TYPE_MODE] = "mode",
	[TYPE_DEVICE] = "device", [TYPE_TEXT] = "text", [TYPE_STRING] = "text",	[TYPE_PATH] = "path",
	[TYPE_LIST] = "list",  [TYPE_IP] = "address",
};

static const char intro[] =
	"# Events and fields\n"
	"\n"
	"<!-- Made by `recorder help --fields-md` from src/event/kinds.def and fields.def. Do not edit. -->\n"
	"\n"
	"Names are those of the Elastic Common Schema where it has one. In JSON the dots are nesting, in the "
	"views of\n"
	"`recorder.db` they are underscores (`process_executable`), in filters they are as here (besides the "
	"shorter names\n"
	"of recorder-subscription(5)). A field that is not known is left out: NULL in a view, nothing in "
	"JSON. One that was\n"
	"concluded from something else than the event is named in `recorder.inferred`.\n"
	"\n"
	"In JSON a *time* is RFC 3339 in UTC with nanoseconds, an *id* 16 hexadecimal digits, a *mode* octal "
	"digits, a\n"
	"*device* `major:minor`, a *list* an array of texts.\n";

static void put_kinds(struct buffer *out)
{
	buffer_append_text(
		out,
		"\n## Events\n\n| category | action | ECS category, type | meaning |\n|---|---|---|---|\n");
	for (unsigned i = 0; i < N_KINDS; i++)
		buffer_printf(out, "| %s | %s | %s, %s | %s |\n", categories[kinds[i].category].name,
			      kinds[i].action, kinds[i].ecs_category, kinds[i].ecs_type,
			      kinds[i].meaning);
}

static void put_field(struct buffer *out, const struct field_info *field)
{
	buffer_printf(out, "| `%s` | %s | %s |\n", field->name, type_words[field->type], field->meaning);
}

static bool is_of_all(const struct field_info *field)
{
	return field->categories == (1u << N_CATEGORIES) - 1;
}

/* Of this category and not of all.  A signal has those of the event that set it off: here are the ones that only it has. */
static bool is_of(const struct field_info *field, unsigned category)
{
	if (category == CATEGORY_signal)
		return field->categories == CATEGORY_BIT_signal;
	return field->categories & 1u << category && !is_of_all(field);
}

static void put_common(struct buffer *out, unsigned begin, unsigned end)
{
	buffer_append_text(out, "| field | type | meaning |\n|---|---|---|\n");
	for (unsigned i = begin; i < end; i++)
		if (is_of_all(&fields[i]))
			put_field(out, &fields[i]);
}

static void put_category(struct buffer *out, unsigned category)
{
	bool begun = false;

	for (unsigned i = N_CONTEXT_FIELDS; i < N_FIELDS; i++) {
		if (!is_of(&fields[i], category))
			continue;
		if (!begun) {
			buffer_printf(out, "\n## Fields of %s events\n\n", categories[category].name);
			if (category == CATEGORY_signal)
				buffer_append_text(out, "Besides them a signal has all fields of the event that set it "
							"off, and the process of that.\n\n");
			buffer_append_text(out, "| field | type | meaning |\n|---|---|---|\n");
		}
		begun = true;
		put_field(out, &fields[i]);
	}
}

void fields_doc(struct buffer *out)
{
	buffer_append_text(out, intro);
	put_kinds(out);
	buffer_append_text(out, "\n## Fields of the process behind every event\n\n"
				"The parent has the same under `process.parent`, the ancestors under "
				"`process.ancestry`.\n\n");
	put_common(out, 0, N_CONTEXT_FIELDS);
	buffer_append_text(out, "\n## Fields of every event\n\n");
	put_common(out, N_CONTEXT_FIELDS, N_FIELDS);
	for (unsigned category = 0; category < N_CATEGORIES; category++)
		put_category(out, category);
}

/* The manual */

static const char man_intro[] =
	"recorder-events(5)\n"
	"\n"
	"; Made by `recorder help --man recorder-events` from src/event/kinds.def and fields.def. Do not edit.\n"
	"\n"
	"# NAME\n"
	"\n"
	"recorder-events - events of the recorder and their fields\n"
	"\n"
	"# DESCRIPTION\n"
	"\n"
	"What the recorder tells, in the history (_recorder.db_), in journals, and to *recorder query --json*, *tail* and *export*. Names are those of\n"
	"the Elastic Common Schema where it has one. In JSON the dots are nesting; in the views of _recorder.db_ they are underscores\n"
	"(process\\_executable); in filters they are as here, besides the shorter names of *recorder-subscription*(5).\n"
	"\n"
	"A field that is not known is left out: NULL in a view, nothing in JSON. One that was concluded from something else than the event\n"
	"is named in *recorder.inferred*. Which events are recorded say the subscriptions.\n"
	"\n"
	"In JSON a _time_ is RFC 3339 in UTC with nanoseconds, an _id_ 16 hexadecimal digits, a _mode_ octal digits, a _device_ major:minor, a\n"
	"_list_ an array of texts.\n";

static void man_kinds(struct buffer *out)
{
	enum category category = N_CATEGORIES;

	buffer_append_text(out, "\n# EVENTS\n\nIn brackets stand the category and type that the Elastic Common Schema has for it.\n");
	for (unsigned i = 0; i < N_KINDS; i++) {
		if (kinds[i].category != category)
			buffer_printf(out, "\n## %s\n", categories[kinds[i].category].name);
		category = kinds[i].category;
		buffer_append_text(out, "\n*");
		scdoc_append_text(out, kinds[i].action);
		buffer_printf(out, "* (%s, %s)\n\t", kinds[i].ecs_category, kinds[i].ecs_type);
		scdoc_append_text(out, kinds[i].meaning);
		buffer_append_byte(out, '\n');
	}
}

static void man_field(struct buffer *out, const struct field_info *field)
{
	buffer_append_text(out, "\n*");
	scdoc_append_text(out, field->name);
	buffer_printf(out, "* (%s)\n\t", type_words[field->type]);
	scdoc_append_text(out, field->meaning);
	buffer_append_byte(out, '\n');
}

static void man_fields_of(struct buffer *out, unsigned category)
{
	bool begun = false;

	for (unsigned i = N_CONTEXT_FIELDS; i < N_FIELDS; i++) {
		if (!is_of(&fields[i], category))
			continue;
		if (!begun)
			buffer_printf(out, "\n## Of %s events\n%s", categories[category].name,
				      category == CATEGORY_signal ? "\nBesides them a signal has all fields of the event that set it "
								    "off, and the process of that.\n" :
								    "");
		begun = true;
		man_field(out, &fields[i]);
	}
}

void fields_man(struct buffer *out)
{
	buffer_append_text(out, man_intro);
	man_kinds(out);
	buffer_append_text(out, "\n# FIELDS\n\n## Of the process behind every event\n\nThe parent has the same under *process.parent*, "
				"the ancestors under *process.ancestry*.\n");
	for (unsigned i = 0; i < N_CONTEXT_FIELDS; i++)
		man_field(out, &fields[i]);
	buffer_append_text(out, "\n## Of every event\n");
	for (unsigned i = N_CONTEXT_FIELDS; i < N_FIELDS; i++)
		if (is_of_all(&fields[i]))
			man_field(out, &fields[i]);
	for (unsigned category = 0; category < N_CATEGORIES; category++)
		man_fields_of(out, category);
}
