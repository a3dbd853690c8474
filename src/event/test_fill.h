#pragma once
/* For tests: events and contexts with every field set, from a seed, so that those of one seed are equal. */

#include <stdio.h>

#include "event/event.h"

/* Fields that are left unknown. */
#ifndef FILL_SKIPS
#define FILL_SKIPS(field) false
#endif

enum fill_style {
	FILL_PLAIN,			/* ASCII */
	FILL_UTF8,			/* quotes, control characters, text beyond ASCII, percent signs */
	FILL_BYTES,			/* not UTF-8, embedded NUL */
	FILL_EXTREME,			/* empty texts, largest and smallest numbers */
	N_FILL_STYLES,
};

static inline struct span fill_text(char buffer[static 128], enum field_type type, unsigned seed,
				    enum fill_style style)
{
	static const char *const words[] = {
		"plain", "q\"\\\n\x01\x7f%41 \xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7", "%\xff\xfe-\xc3", "",
	};
	int n = 0;

	if (type == TYPE_IP) {
		n = seed & 1 ? 16 : 4;
		for (int i = 0; i < n; i++)
			buffer[i] = (char)(seed * 7 + (unsigned)i * 31);
	} else if (type == TYPE_PATH) {
		static const char *const before[] = { "/usr/", "/", "", "/%/" };
		static const char *const behind[] = { "/x", "", "/", "/" };

		if (style == FILL_EXTREME)
			n = snprintf(buffer, 128, "%s", seed % 3 == 0 ? "/" : seed % 3 == 1 ? "" : "//");
		else
			n = snprintf(buffer, 128, "%s%s%u%s", before[seed % 4], words[style], seed,
				     behind[seed / 4 % 4]);
	} else if (type == TYPE_LIST) {
		if (style == FILL_EXTREME)
			n = (int)(seed % 3);		/* no item, one empty, two empty */
		else
			n = snprintf(buffer, 128, "first%u%c%s%c%%25%c", seed, 0, words[style], 0, 0);
		if (style == FILL_EXTREME)
			memset(buffer, 0, 2);
	} else {
		n = style == FILL_EXTREME ? 0 : snprintf(buffer, 128, "%s %u", words[style], seed);
		if (style == FILL_BYTES)
			buffer[1] = 0;
	}
	return (struct span){ buffer, (size_t)n };
}

static inline void fill_field(struct values *values, unsigned field, unsigned seed, enum fill_style style)
{
	enum field_type type = fields[field].type;
	char buffer[128];

	if (field_type_is_text(type))
		values_set_text(values, (enum field)field, fill_text(buffer, type, seed + field, style));
	else if (type == TYPE_BOOL)
		values_set_number(values, (enum field)field, seed & 1);
	else if (type == TYPE_ID && style != FILL_EXTREME)	/* no two are of one thing */
		values_set_number(values, (enum field)field, 1000 + (uint64_t)seed * N_FIELDS + field);
	else if (style == FILL_EXTREME)
		values_set_number(values, (enum field)field,
				  type == TYPE_TIME ? seed & 1 : (seed + field) & 1 ? UINT64_MAX : 0);
	else
		values_set_number(values, (enum field)field,
				  (type == TYPE_TIME ? UINT64_C(1700000000123456789) : 1000) + seed * 3 + field);
	if ((seed + field) % 5 == 0)
		values_set_inferred(values, (enum field)field);
}

/* n_above: ancestors, each with its own values. */
static inline struct context *fill_context(unsigned seed, enum fill_style style, unsigned n_above)
{
	struct context *above = n_above ? fill_context(seed + 100, style, n_above - 1) : NULL;
	struct context *context = context_new();

	for (unsigned i = 0; i < N_CONTEXT_FIELDS; i++)
		if (!FILL_SKIPS(i))
			fill_field(&context->values, i, seed, style);
	context_set_parent(context, above);
	context_unref(above);
	return context;
}

static inline struct event *fill_event(uint16_t kind, unsigned seed, enum fill_style style)
{
	struct event *event = event_new(kind, UINT64_C(1732271338123456789) + seed);

	event->origin = (uint64_t)seed << 8 | 1;
	for (unsigned i = N_CONTEXT_FIELDS; i < N_FIELDS; i++)
		if ((fields[i].categories >> kinds[kind].category & 1) && !FILL_SKIPS(i))
			fill_field(&event->values, i, seed, style);
	return event;
}
