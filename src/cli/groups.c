/* See groups.h; the counting is tally.c.  A key holds the values of an event, each known or not, as the JSON has them. */

#include <errno.h>
#include <inttypes.h>

#include "cli/event_csv.h"
#include "cli/groups.h"
#include "cli/table.h"
#include "cli/tally.h"
#include "cli/value_text.h"
#include "event/json_text.h"
#include "filter/error.h"
#include "filter/field_name.h"

#define GROUP_FIELDS_MAX 2
#define VALUES_MAX	 64			/* of an event; an ancestry has no more */
#define KEPT_VALUES	 100000
#define KEPT_BYTES	 (64u << 20)

struct value_list {			/* of one field of an event, each once */
	struct buffer text;
	size_t ends[VALUES_MAX], n;
};

struct groups {
	char *names[GROUP_FIELDS_MAX];
	struct field_name fields[GROUP_FIELDS_MAX];
	struct value_list values[GROUP_FIELDS_MAX];
	size_t n_fields;
	struct tally *tally;
	struct buffer key;
	struct field_place places[FIELD_PLACES_MAX];
	uint64_t n_events, n_counted;	/* an event with several values is counted several times */
	uint64_t n_too_long;		/* counts that are not */
	uint64_t n_cut;			/* events with more values than are looked at */
};

/* The names */

static int take_name(struct groups *groups, struct span word, struct filter_error *error)
{
	struct suggestion suggestion = suggestion_for(word);
	size_t i = groups->n_fields;

	if (i == GROUP_FIELDS_MAX)
		return filter_fail(error, "--group-by: more than %d fields", GROUP_FIELDS_MAX);
	if (!field_name_lookup(word, &groups->fields[i])) {
		field_name_suggest(&suggestion);
		return filter_fail(error, "--group-by: unknown field %s%s", quote(word).text,
				   quote_suggestion(suggest_best(&suggestion)).text);
	}
	groups->names[i] = strndup(word.data, word.size);
	groups->n_fields++;
	return groups->names[i] ? 0 : -ENOMEM;
}

int groups_new(struct groups **ret, const char *list, struct filter_error *error)
{
	_cleanup_(groups_freep) struct groups *groups = calloc(1, sizeof(*groups));
	int r = groups ? tally_new(&groups->tally, KEPT_VALUES, KEPT_BYTES) : -ENOMEM;

	while (r >= 0 && list) {
		size_t n = strcspn(list, ",");

		r = take_name(groups, (struct span){ list, n }, error);
		list = list[n] ? list + n + 1 : NULL;
	}
	if (r < 0)
		return r;
	*ret = TAKE(groups);
	return 0;
}

struct groups *groups_free(struct groups *groups)
{
	if (!groups)
		return NULL;
	for (size_t i = 0; i < groups->n_fields; i++) {
		free(groups->names[i]);
		buffer_release(&groups->values[i].text);
	}
	tally_free(groups->tally);
	buffer_release(&groups->key);
	free(groups);
	return NULL;
}

bool groups_narrow(const struct groups *groups, bool wanted[N_KINDS])
{
	bool any = false;

	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		for (size_t i = 0; i < groups->n_fields; i++)
			wanted[kind] = wanted[kind] && field_name_is_of(&groups->fields[i], kind);
		any |= wanted[kind];
	}
	return any;
}

bool groups_fields(const struct groups *groups, uint64_t set[static FIELD_WORDS])
{
	bool of_ancestors = false;

	for (size_t i = 0; i < groups->n_fields; i++)
		of_ancestors |= field_name_fields(&groups->fields[i], set);
	return of_ancestors;
}

/* Counting */

static struct span value_at(const struct value_list *list, size_t i)
{
	size_t begin = i > 0 ? list->ends[i - 1] : 0;

	return (struct span){ list->text.data + begin, list->ends[i] - begin };
}

/* What was appended to the text since the last value: one more, unless it is there.  false: there is no room for it. */
static bool end_value(struct value_list *list)
{
	size_t begin = list->n > 0 ? list->ends[list->n - 1] : 0;
	struct span value = { list->text.data + begin, list->text.size - begin };
	bool is_there = false;

	for (size_t i = 0; i < list->n && !is_there; i++)
		is_there = span_eq(value_at(list, i), value);
	if (is_there || list->n == VALUES_MAX) {
		list->text.size = begin;
		return is_there;
	}
	list->ends[list->n++] = list->text.size;
	return true;
}

static bool take_list(struct value_list *list, struct span rest)
{
	struct span item;

	while (list_next(&rest, &item)) {
		buffer_append_span(&list->text, item);
		if (!end_value(list))
			return false;
	}
	return true;
}

static bool take_place(struct value_list *list, const struct field_place *place)
{
	if (fields[place->field].type == TYPE_LIST)
		return take_list(list, values_text(place->values, place->field));
	value_append_exact(&list->text, place->values, place->field);
	return end_value(list);
}

/* false: there are more than are looked at. */
static bool take_values(struct groups *groups, size_t number, const struct event *event)
{
	const struct field_name *name = &groups->fields[number];
	struct value_list *list = &groups->values[number];
	struct span of_kind = field_name_of_kind(name, event->kind);
	size_t n = field_name_places(name, event, groups->places);
	bool all = true;

	list->n = 0;
	buffer_clear(&list->text);
	if (of_kind.size > 0) {
		buffer_append_span(&list->text, of_kind);
		end_value(list);
	}
	for (size_t i = 0; i < n && all; i++)
		all = take_place(list, &groups->places[i]);
	return all;
}

static void append_part(struct buffer *key, const struct value_list *list, size_t i)
{
	struct span value = list->n > 0 ? value_at(list, i) : (struct span){ NULL, 0 };
	uint32_t size = list->n > 0 ? (uint32_t)value.size : UINT32_MAX;

	buffer_append(key, &size, sizeof(size));
	buffer_append_span(key, value);
}

static bool next_part(struct span *rest, struct span *ret, bool *ret_known)
{
	uint32_t size;

	if (rest->size < sizeof(size))
		return false;
	memcpy(&size, rest->data, sizeof(size));
	*ret_known = size != UINT32_MAX;
	*ret = (struct span){ rest->data + sizeof(size), *ret_known ? size : 0 };
	*rest = (struct span){ ret->data + ret->size, rest->size - sizeof(size) - ret->size };
	return true;
}

static int count_key(struct groups *groups, uint64_t time_ns)
{
	int r = buffer_error(&groups->key);

	if (r >= 0)
		r = tally_add(groups->tally, buffer_span(&groups->key), time_ns);
	groups->n_counted += r >= 0;
	groups->n_too_long += r == -E2BIG;
	return r == -E2BIG ? 0 : r;
}

int groups_add(struct groups *groups, const struct event *event)
{
	bool all = true;
	size_t n_second;
	int r = 0;

	for (size_t i = 0; i < groups->n_fields; i++) {
		all &= take_values(groups, i, event);
		if (buffer_error(&groups->values[i].text) < 0)
			return -ENOMEM;
	}
	groups->n_events++;
	groups->n_cut += !all;
	n_second = groups->n_fields > 1 ? MAX(groups->values[1].n, 1u) : 1;
	for (size_t i = 0; i < MAX(groups->values[0].n, 1u); i++)
		for (size_t k = 0; k < n_second && r >= 0; k++) {
			buffer_clear(&groups->key);
			append_part(&groups->key, &groups->values[0], i);
			if (groups->n_fields > 1)
				append_part(&groups->key, &groups->values[1], k);
			r = count_key(groups, event->time_ns);
		}
	return r;
}

/* Printing */

struct others {				/* of the values that are kept: those that are not shown, and all that went */
	size_t n_shown, n;
	uint64_t count;
	bool more;			/* there were more values */
};

struct printer {
	struct groups *groups;
	const struct screen *screen;
	struct table *table;		/* NULL: not a table */
	struct buffer text;
	FILE *notes;
};

static double share(const struct groups *groups, uint64_t count)
{
	return groups->n_events > 0 ? 100.0 * (double)count / (double)groups->n_events : 0;
}

static void put_cell(struct printer *p, enum colour colour)
{
	table_cell(p->table, buffer_span(&p->text), colour);
	buffer_clear(&p->text);
}

static void put_counts(struct printer *p, const char *more, uint64_t count)
{
	buffer_clear(&p->text);
	buffer_append_text(&p->text, more);
	append_count(&p->text, count);
	put_cell(p, COLOUR_NONE);
	buffer_printf(&p->text, "%.1f %%", share(p->groups, count));
	put_cell(p, COLOUR_NONE);
}

static void put_row(struct printer *p, const struct tally_entry *entry)
{
	const struct screen *screen = p->screen;
	struct span rest = { entry->key, entry->size }, value;
	bool known;

	put_counts(p, entry->missed ? "at least " : "", entry->count);
	screen_append_date(screen, &p->text, entry->first_ns);
	buffer_append_byte(&p->text, ' ');
	screen_append_clock(screen, &p->text, entry->first_ns);
	put_cell(p, COLOUR_NONE);
	if (screen_day(screen, entry->first_ns) != screen_day(screen, entry->last_ns)) {
		screen_append_date(screen, &p->text, entry->last_ns);
		buffer_append_byte(&p->text, ' ');
	}
	screen_append_clock(screen, &p->text, entry->last_ns);
	put_cell(p, COLOUR_NONE);
	while (next_part(&rest, &value, &known))
		table_cell(p->table, known ? value : SPAN("(unknown)"), known ? COLOUR_NONE : COLOUR_DIM);
}

static void put_others(struct printer *p, const struct others *others)
{
	put_counts(p, "", others->count);
	put_cell(p, COLOUR_NONE);
	put_cell(p, COLOUR_NONE);
	buffer_append_text(&p->text, others->more ? "(others, at least " : "(others, ");
	append_count(&p->text, others->n);
	buffer_append_text(&p->text, ")");
	put_cell(p, COLOUR_DIM);
	for (size_t i = 1; i < p->groups->n_fields; i++)
		put_cell(p, COLOUR_NONE);
}

/* Numbers stand as such. */
static bool is_bare(const struct field_name *name)
{
	static const bool bare[TYPE_IP + 1] = { [TYPE_U32] = true, [TYPE_U64] = true, [TYPE_I32] = true,
						[TYPE_I64] = true, [TYPE_BOOL] = true };

	return name->n_fields > 0 && bare[fields[name->fields[0]].type];
}

static void put_json(struct printer *p, const struct tally_entry *entry)
{
	struct span rest = { entry->key, entry->size }, value;
	bool known, escaped[GROUP_FIELDS_MAX] = { false }, any = false;

	buffer_append_byte(&p->text, '{');
	for (size_t i = 0; next_part(&rest, &value, &known); i++) {
		buffer_printf(&p->text, "\"%s\":", p->groups->names[i]);
		if (!known)
			buffer_append_text(&p->text, "null");
		else if (is_bare(&p->groups->fields[i]))
			buffer_append_span(&p->text, value);
		else
			escaped[i] = json_append_string(&p->text, value);
		buffer_append_byte(&p->text, ',');
	}
	buffer_printf(&p->text, "\"count\":%" PRIu64 ",\"count_max\":%" PRIu64 ",\"share\":%.2f,\"first\":\"", entry->count,
		      entry->count + entry->missed, share(p->groups, entry->count));
	buffer_append_time(&p->text, entry->first_ns);
	buffer_append_text(&p->text, "\",\"last\":\"");
	buffer_append_time(&p->text, entry->last_ns);
	buffer_append_byte(&p->text, '"');
	for (size_t i = 0; i < p->groups->n_fields; i++) {
		if (!escaped[i])
			continue;
		buffer_printf(&p->text, "%s\"%s\"", any ? "," : ",\"escaped\":[", p->groups->names[i]);
		any = true;
	}
	buffer_append_text(&p->text, any ? "]}\n" : "}\n");
}

static void put_json_others(struct printer *p, const struct others *others)
{
	const struct groups *groups = p->groups;

	buffer_printf(&p->text,
		      "{\"kind\":\"others\",\"events\":%" PRIu64 ",\"values\":%zu,\"count\":%" PRIu64
		      ",\"more_values\":%s,\"count_max\":%" PRIu64 ",\"too_long\":%" PRIu64 ",\"cut\":%" PRIu64 "}\n",
		      groups->n_events, others->n, others->count, others->more ? "true" : "false",
		      tally_gone_max(groups->tally), groups->n_too_long, groups->n_cut);
}

static void put_csv(struct printer *p, const struct tally_entry *entry)
{
	struct span rest = { entry->key, entry->size }, value;
	bool known;

	while (next_part(&rest, &value, &known)) {
		csv_append(&p->text, value);
		buffer_append_byte(&p->text, ',');
	}
	buffer_printf(&p->text, "%" PRIu64 ",%" PRIu64 ",%.2f,", entry->count, entry->count + entry->missed,
		      share(p->groups, entry->count));
	buffer_append_time(&p->text, entry->first_ns);
	buffer_append_byte(&p->text, ',');
	buffer_append_time(&p->text, entry->last_ns);
	buffer_append_text(&p->text, "\r\n");
}

static void put_csv_head(struct printer *p)
{
	for (size_t i = 0; i < p->groups->n_fields; i++)
		buffer_printf(&p->text, "%s,", p->groups->names[i]);
	buffer_append_text(&p->text, "count,count_max,share,first,last\r\n");
}

/* What a reader has to know of the numbers, in words. */
static void put_notes(struct printer *p, const struct others *others)
{
	const struct groups *groups = p->groups;
	uint64_t gone_max = tally_gone_max(groups->tally);
	struct buffer *out = &p->text;

	buffer_clear(out);
	append_count(out, groups->n_events);
	buffer_printf(out, " event%s that can have %s%s%s, ", groups->n_events == 1 ? "" : "s", groups->names[0],
		      groups->n_fields > 1 ? " and " : "", groups->n_fields > 1 ? groups->names[1] : "");
	append_count(out, others->n + others->n_shown);
	buffer_printf(out, " value%s%s.\n", others->n + others->n_shown == 1 ? "" : "s", others->more ? " or more" : "");
	if (groups->n_counted > groups->n_events)
		buffer_append_text(out, "An event counts for each of its values: the shares are more than 100 % together.\n");
	if (gone_max > 0) {
		buffer_append_text(out, "There were more values than are kept: one that is not shown may have up to ");
		append_count(out, gone_max);
		buffer_append_text(out, " events, and\n\"at least\" may be as many more (a filter, or a shorter time, makes it exact).\n");
	}
	if (groups->n_too_long > 0)
		buffer_printf(out, "Not counted: values of more than %u KiB, %" PRIu64 " times.\n", TALLY_KEY_MAX >> 10,
			      groups->n_too_long);
	if (groups->n_cut > 0)
		buffer_printf(out, "%" PRIu64 " event%s more than %d values; the first %d count.\n", groups->n_cut,
			      groups->n_cut == 1 ? " has" : "s have", VALUES_MAX, VALUES_MAX);
	fwrite(out->data, 1, out->size, p->notes);
}

static int flush(struct printer *p)
{
	int r = buffer_error(&p->text);

	if (r >= 0)
		fwrite(p->text.data, 1, p->text.size, p->screen->out);
	buffer_clear(&p->text);
	return r;
}

static int print_lines(struct printer *p, enum groups_format format, const struct tally_entry *const *entries,
		       const struct others *others)
{
	int r;

	if (format == GROUPS_CSV)
		put_csv_head(p);
	r = flush(p);
	for (size_t i = 0; i < others->n_shown && r >= 0; i++) {
		(format == GROUPS_CSV ? put_csv : put_json)(p, entries[i]);
		r = flush(p);
	}
	if (format == GROUPS_JSON)
		put_json_others(p, others);
	return r < 0 ? r : flush(p);
}

static int print_table(struct printer *p, const struct tally_entry *const *entries, const struct others *others)
{
	const char *titles[4 + GROUP_FIELDS_MAX] = { ">EVENTS", ">SHARE", "FIRST", "LAST" };
	_cleanup_(table_freep) struct table *table = NULL;
	int r;

	for (size_t i = 0; i < p->groups->n_fields; i++)
		titles[4 + i] = p->groups->names[i];
	r = table_new(&table, titles, 4 + p->groups->n_fields);
	if (r < 0)
		return r;
	p->table = table;
	for (size_t i = 0; i < others->n_shown; i++)
		put_row(p, entries[i]);
	if (others->count > 0)
		put_others(p, others);
	if (table_rows(table) > 0) {
		r = table_print(table, p->screen);
		fputc('\n', p->screen->out);
	}
	return r;
}

int groups_print(struct groups *groups, const struct screen *screen, enum groups_format format, size_t limit, FILE *notes)
{
	struct printer p = { .groups = groups, .screen = screen, .notes = notes };
	const struct tally_entry *const *entries;
	size_t n = tally_ranking(groups->tally, &entries);
	struct others others = { .n_shown = limit > 0 ? MIN(limit, n) : n, .count = groups->n_counted };
	int r;

	others.n = n - others.n_shown;
	others.more = tally_gone_max(groups->tally) > 0;
	for (size_t i = 0; i < others.n_shown; i++)
		others.count -= entries[i]->count;
	r = format == GROUPS_TABLE ? print_table(&p, entries, &others) : print_lines(&p, format, entries, &others);
	if (r >= 0 && format != GROUPS_JSON)
		put_notes(&p, &others);
	buffer_release(&p.text);
	return r;
}
