/* See names_doc.h.  First the names that are made for filters, by whose they are, then those that every field has. */

#include "base/scdoc.h"
#include "filter/field_name.h"
#include "filter/names_doc.h"

static const char *const type_words[] = {
	[TYPE_U32] = "number",	 [TYPE_U64] = "number", [TYPE_I32] = "number", [TYPE_I64] = "number",
	[TYPE_BOOL] = "boolean", [TYPE_TIME] = "time",	[TYPE_ID] = "id",      [TYPE_MODE] = "mode",
	[TYPE_DEVICE] = "device", [TYPE_TEXT] = "text", [TYPE_STRING] = "text", [TYPE_PATH] = "text",
	[TYPE_LIST] = "list",	 [TYPE_IP] = "address",
};

static const struct {
	const char *title;
	unsigned places;		/* bit set */
} groups[] = {
	{ "The process", 1 << PLACE_process | 1 << PLACE_current },
	{ "Its parent", 1 << PLACE_parent },
	{ "Its ancestors: any of them may fit; the process itself is not one", 1 << PLACE_ancestry },
	{ "The event", 1 << PLACE_event | 1 << PLACE_remote | 1 << PLACE_local | 1 << PLACE_action | 1 << PLACE_category |
			       1 << PLACE_type },
};

static void put_name(struct buffer *out, const char *name, const char *type, unsigned categories_of, const char *meaning)
{
	const char *join = "; ";

	buffer_printf(out, "*%s* (%s", name, type);
	/* That a signal has what its event has is said once. */
	if (categories_of != CATEGORY_BIT_signal && categories_of != ALL_CATEGORIES)
		categories_of &= ~(unsigned)CATEGORY_BIT_signal;
	for (unsigned i = 0; categories_of != ALL_CATEGORIES && i < N_CATEGORIES; i++)
		if (categories_of & 1u << i) {
			buffer_printf(out, "%s%s", join, categories[i].name);
			join = ", ";
		}
	buffer_append_text(out, ")\n\t");
	scdoc_append_text(out, meaning);
	buffer_append_text(out, "\n\n");
}

static void put_own(struct buffer *out, unsigned places)
{
	const struct field_name *own;
	struct field_name name;

	for (size_t i = 0; (own = field_name_own(i)) != NULL; i++)
		if (places & 1u << own->place && field_name_lookup(span_of(own->name), &name))
			put_name(out, name.name, name.n_fields ? type_words[fields[name.fields[0]].type] : "text", name.categories,
				 name.meaning);
}

void names_doc(struct buffer *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		buffer_printf(out, "## %s\n\n", groups[i].title);
		put_own(out, groups[i].places);
	}
	buffer_append_text(out, "## Every field under its own name\n\n");
	for (unsigned i = 0; i < N_FIELDS; i++)
		put_name(out, fields[i].name, type_words[fields[i].type],
			 fields[i].is_context ? ALL_CATEGORIES : fields[i].categories, fields[i].meaning);
}
