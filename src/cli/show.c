/* `recorder show`: everything known about one event, and how well it is known. */

#include <errno.h>

#include "cli/event_line.h"
#include "cli/place.h"
#include "cli/text.h"
#include "cli/value_text.h"
#include "event/event_json.h"

struct show_options {
	struct place_options places;
	struct print_options print;
};

static const struct option options[] = {
	PRINT_OPTIONS(struct show_options, print),
	DATABASE_OPTION(struct show_options, places),
	PLACE_OPTIONS(struct show_options, places),
	{ .name = NULL },
};

struct show {
	const struct show_options *options;
	struct history *history;
	struct screen screen;
	struct buffer raw, text;
	struct span object;		/* heading under which fields stand now */
	unsigned n;
};

static void put_safe(struct show *show, enum colour colour)
{
	buffer_clear(&show->text);
	text_append_safe(&show->text, buffer_span(&show->raw));
	buffer_clear(&show->raw);
	printf("%s%s%s", screen_colour(&show->screen, colour), buffer_text(&show->text),
	       screen_end(&show->screen, colour));
}

/* The first word of a name is the heading, the rest the label. */
static struct span put_heading(struct show *show, const char *name)
{
	const char *dot = strchr(name, '.');
	struct span object = { name, dot ? (size_t)(dot - name) : strlen(name) };

	if (!span_eq(object, show->object)) {
		printf("\n%s%.*s%s\n", screen_colour(&show->screen, COLOUR_BOLD), (int)object.size,
		       object.data, screen_end(&show->screen, COLOUR_BOLD));
		show->object = object;
	}
	return dot ? span_of(dot + 1) : object;
}

static void put_label(struct show *show, struct span label)
{
	printf("  %s%-24.*s%s", screen_colour(&show->screen, COLOUR_DIM), (int)label.size, label.data,
	       screen_end(&show->screen, COLOUR_DIM));
}

static void put_inferred(struct show *show, bool inferred)
{
	if (inferred)
		printf("  %s(inferred)%s", screen_colour(&show->screen, COLOUR_YELLOW),
		       screen_end(&show->screen, COLOUR_YELLOW));
	putchar('\n');
}

/* An item a line, numbered: an empty argument, or one with blanks, is seen. */
static void put_list(struct show *show, const struct values *values, enum field field, struct span label)
{
	struct span item, rest = values_text(values, field);
	bool inferred = values_is_inferred(values, field);
	unsigned n = 0;

	while (list_next(&rest, &item)) {
		put_label(show, n == 0 ? label : SPAN(""));
		printf("%s%2u%s  ", screen_colour(&show->screen, COLOUR_DIM), n++,
		       screen_end(&show->screen, COLOUR_DIM));
		buffer_append_span(&show->raw, item);
		put_safe(show, COLOUR_NONE);
		put_inferred(show, inferred);
	}
	if (n == 0) {
		put_label(show, label);
		printf("(empty)\n");
	}
}

/* What stands in a file: a line a line. */
static void put_content(struct show *show, const struct values *values, struct span label)
{
	struct span rest = values_text(values, FIELD_content);

	while (rest.size > 0) {
		const char *end = memchr(rest.data, '\n', rest.size);
		size_t size = end ? (size_t)(end - rest.data) : rest.size;

		put_label(show, label);
		buffer_append_span(&show->raw, (struct span){ rest.data, size });
		put_safe(show, COLOUR_NONE);
		putchar('\n');
		label = SPAN("");
		size += end != NULL;
		rest = (struct span){ rest.data + size, rest.size - size };
	}
}

static void put_field(struct show *show, const struct values *values, enum field field)
{
	struct span label;

	if (!values_has(values, field))
		return;
	label = put_heading(show, fields[field].name);
	if (fields[field].type == TYPE_LIST) {
		put_list(show, values, field, label);
		return;
	}
	if (field == FIELD_content) {
		put_content(show, values, label);
		return;
	}
	put_label(show, label);
	value_append(&show->raw, &show->screen, values, field);
	put_safe(show, COLOUR_NONE);
	put_inferred(show, values_is_inferred(values, field));
}

/* Fields of one object are together in show, wherever they are in fields.def. */
static void put_objects(struct show *show, const struct values *values, unsigned begin, unsigned end)
{
	bool done[N_FIELDS] = { false };

	for (unsigned i = begin; i < end; i++) {
		size_t n = strcspn(fields[i].name, ".");

		for (unsigned k = i; k < end && !done[i]; k++)
			if (!done[k] && strncmp(fields[k].name, fields[i].name, n) == 0 &&
			    (fields[k].name[n] == '.' || fields[k].name[n] == '\0')) {
				put_field(show, values, k);
				done[k] = k != i;
			}
		done[i] = true;
	}
}

static void put_ancestry(struct show *show, const struct context *context)
{
	if (!context->parent)
		return;
	printf("\n%sancestry%s\n", screen_colour(&show->screen, COLOUR_BOLD),
	       screen_end(&show->screen, COLOUR_BOLD));
	for (context = context->parent; context; context = context->parent) {
		event_append_process(&show->raw, context);
		buffer_append_text(&show->raw, "  ");
		event_append_user(&show->raw, context);
		buffer_append_text(&show->raw, "  ");
		if (values_has(&context->values, FIELD_command_line))
			buffer_append_span(&show->raw, values_text(&context->values, FIELD_command_line));
		else
			buffer_append_span(&show->raw, values_text(&context->values, FIELD_executable));
		printf("  ");
		put_safe(show, COLOUR_NONE);
		printf("%s\n",
		       context->ancestry_cut && !context->parent ? "  (more above are not kept)" : "");
	}
}

static void put_head(struct show *show, const struct event *event)
{
	enum colour colour = event_colour(event);
	char id[EVENT_ID_MAX];

	printf("%s%s %s%s  ", screen_colour(&show->screen, colour), categories[event_category(event)].name,
	       kinds[event->kind].action, screen_end(&show->screen, colour));
	event_append_subject(&show->raw, &show->screen, event);
	put_safe(show, COLOUR_BOLD);
	printf("\n");
	put_label(show, SPAN("what"));
	printf("%s\n", kinds[event->kind].meaning);
	put_label(show, SPAN("time"));
	screen_append_time(&show->screen, &show->raw, event->time_ns);
	put_safe(show, COLOUR_NONE);
	event_id(event, id);
	printf("\n");
	put_label(show, SPAN("event id"));
	printf("%s\n", id);
	put_label(show, SPAN("sequence"));
	printf("%llu\n", (unsigned long long)event->sequence);
}

static int on_event(void *user, const struct event *event)
{
	struct show *show = user;

	show->n++;
	if (show->options->print.json) {
		struct event_json_options json = { 0 };
		struct history_stats stats;

		if (history_stats(show->history, &stats) >= 0)
			json = (struct event_json_options){ span_of(stats.host_id), span_of(stats.host_name),
							    span_of(stats.boot_id), NULL };
		event_json(&show->raw, event, &json);
		printf("%s\n", buffer_text(&show->raw));
		buffer_clear(&show->raw);
		return 0;
	}
	if (show->n > 1)
		printf("\n");
	show->object = (struct span){ NULL, 0 };
	put_head(show, event);
	put_objects(show, &event->values, N_CONTEXT_FIELDS, N_FIELDS);
	show->object = (struct span){ NULL, 0 };
	if (event->context) {
		put_objects(show, &event->context->values, 0, N_CONTEXT_FIELDS);
		put_ancestry(show, event->context);
	}
	return 0;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	struct show show = { .options = values, .screen = screen_open(&show.options->print) };
	_cleanup_(history_freep) struct history *history = NULL;
	struct history_query query = { 0 };
	struct span id = span_of(arguments[0]);
	int r;

	if (span_to_u64(id, &query.sequence) < 0 &&
	    event_id_parse(id, &query.event_time_ns, &query.event_origin) < 0)
		return cli_fail(
			CLI_USAGE,
			"show: '%s' is neither an event id (as 18a6f2b3c4d5e6f7-12345) nor a sequence "
			"number",
			arguments[0]);
	r = place_open_history(&history, &show.options->places);
	if (r != CLI_DONE)
		return r;
	show.history = history;
	/* There is no event 0, but to the query it is no condition. */
	if (query.sequence || query.event_time_ns || query.event_origin)
		r = history_events(history, &query, on_event, &show);
	buffer_release(&show.raw);
	buffer_release(&show.text);
	if (r < 0)
		return place_fail_reading("show", history, r);
	if (show.n == 0)
		return cli_fail(CLI_FAILED,
				"show: no event %s in the history (it may be older than what is kept)",
				arguments[0]);
	return CLI_DONE;
}

const struct command command_show = {
	.name = "show",
	.arguments = "EVENT_ID|SEQUENCE",
	.summary = "Shows all that is known of an event and of the process behind it",
	.options = options,
	.options_size = sizeof(struct show_options),
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
