/* See layout.h. */

#include "sink/layout.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_shared(unsigned field)
{
	static const bool shared[TYPE_IP + 1] = {
		[TYPE_TEXT] = true, [TYPE_LIST] = true,	  [TYPE_BOOL] = true,
		[TYPE_MODE] = true, [TYPE_DEVICE] = true,
	};
	static const char own[] = "process.";

	if (fields[field].is_context)
		return strncmp(fields[field].name, own, strlen(own)) != 0;
	return shared[fields[field].type];
}

static void table_begin(struct table *ret, const char *prefix, const char *name, const char *fixed,
			unsigned n_fixed)
{
	*ret = (struct table){ .fixed = fixed, .n_fixed = n_fixed, .width = n_fixed };
	snprintf(ret->name, sizeof(ret->name), "%s%s", prefix, name);
}

/* text_is_id: texts are kept in table text; else they stand in the row itself, of which there are few. */
static void table_add(struct table *table, unsigned field, bool text_is_id)
{
	struct column *column = &table->columns[table->n_columns];
	enum field_type type = fields[field].type;

	if (table->n_columns == TABLE_MAX_COLUMNS)
		abort(); /* the first test would meet it */
	column->field = (uint16_t)field;
	column->place = (uint8_t)table->width;
	if (!field_type_is_text(type))
		column->kind = COLUMN_NUMBER;
	else if (!text_is_id || type == TYPE_STRING)
		column->kind = COLUMN_TEXT;
	else
		column->kind = type == TYPE_PATH ? COLUMN_PATH : COLUMN_TEXT_ID;
	table->width += column->kind == COLUMN_PATH ? 2 : 1;
	table->column_of[field] = (uint8_t)table->n_columns++;
	table->fields[field / 64] |= UINT64_C(1) << (field % 64);
}

void layout_make(struct layout *ret)
{
	static const char event_fixed[] =
		"sequence INTEGER PRIMARY KEY -- one count for all categories, in the order of storing\n"
		", time INTEGER -- ns since 1970 UTC\n"
		", origin INTEGER -- serial of the records << 8 | number of the event among those made from them\n"
		", process INTEGER -- row of process\n"
		", shape INTEGER -- row of the shape_ table of the category\n";
	static const char shape_fixed[] =
		"id INTEGER PRIMARY KEY\n"
		", kind INTEGER -- category * 32 + number of the action\n"
		", recorder_inferred TEXT -- fields of the event that are inferred, JSON\n"
		", recorder_escaped TEXT -- fields of the event whose text is percent-escaped, since not UTF-8, JSON\n";
	static const char process_fixed[] =
		"id INTEGER PRIMARY KEY\n"
		", sequence INTEGER -- first event that refers to it\n"
		", image INTEGER -- the row that the same image had first, if this one only differs in identity\n"
		", parent INTEGER -- row of process, always a smaller one\n"
		", depth INTEGER -- ancestors above\n"
		", ancestry_cut INTEGER -- there were more\n"
		", login INTEGER -- row of login\n"
		", recorder_inferred INTEGER -- text: fields that are inferred, JSON\n"
		", recorder_escaped INTEGER -- text: fields that are percent-escaped, also those of login, JSON\n";
	static const char login_fixed[] = "id INTEGER PRIMARY KEY\n";

	table_begin(&ret->process, "", "process", process_fixed, PROCESS_N_FIXED);
	table_begin(&ret->login, "", "login", login_fixed, LOGIN_N_FIXED);
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++)
		table_add(is_shared(field) ? &ret->login : &ret->process, field, !is_shared(field));
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		table_begin(&ret->events[i], "event_", categories[i].name, event_fixed, EVENT_N_FIXED);
		table_begin(&ret->shapes[i], "shape_", categories[i].name, shape_fixed, SHAPE_N_FIXED);
		for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
			if (fields[field].categories >> i & 1)
				table_add(is_shared(field) ? &ret->shapes[i] : &ret->events[i], field,
					  !is_shared(field));
	}
}
