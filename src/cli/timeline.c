/* `recorder timeline`: what a process and all that it started did, or a login session, in the order of time; with --around also
 * what everybody else did then. */

#include <errno.h>

#include "cli/event_format.h"
#include "cli/event_line.h"
#include "cli/family.h"
#include "cli/gap_text.h"
#include "cli/place.h"
#include "cli/selection.h"

struct timeline_options {
	struct place_options places;
	struct print_options print;
	struct selection_options selection;
	uint64_t at_ns, around_ns, session;
};

#define NO_SESSION UINT64_MAX

static const struct timeline_options defaults = { .session = NO_SESSION };

static const struct option options[] = {
	SELECTION_OPTIONS(struct timeline_options, selection),
	{ .name = "session", .argument = "ID", .help = "of this login session, not of a process", .type = OPTION_NUMBER,
	  .offset = offsetof(struct timeline_options, session) },
	{ .name = "around", .argument = "DURATION", .help = "with what others did so long before, meanwhile, and after",
	  .type = OPTION_DURATION, .offset = offsetof(struct timeline_options, around_ns) },
	{ .name = "at", .argument = "TIME", .help = "the process that had the pid then", .type = OPTION_TIME,
	  .offset = offsetof(struct timeline_options, at_ns) },
	PRINT_OPTIONS(struct timeline_options, print),
	DATABASE_OPTION(struct timeline_options, places),
	PLACE_OPTIONS(struct timeline_options, places),
	{ .name = NULL },
};

struct timeline {
	const struct timeline_options *options;
	struct selection selection;
	struct selection_options when;	/* of the selection, narrowed to what is around */
	const char *who;		/* the process as it was named */
	struct family *family;		/* NULL: a session */
	struct family_member head;	/* of it */
	uint64_t session_key;
	struct screen screen;
	struct event_lines lines;
	struct event_format format;
	uint64_t n;
};

static void timeline_release(struct timeline *timeline)
{
	selection_release(&timeline->selection);
	family_free(timeline->family);
	event_lines_release(&timeline->lines);
	event_format_release(&timeline->format);
}

/* Whose it is */

static int find_family(struct timeline *timeline, struct history *history)
{
	struct family_wish wish = { .command = "timeline", .who = timeline->who, .at_ns = timeline->options->at_ns,
				    .screen = &timeline->screen };

	if (process_name_parse(timeline->who, &wish.name) < 0)
		return cli_fail(CLI_USAGE, "timeline: '%s' is neither a process id nor an entity id of 16 hexadecimal digits (a session: "
				"--session ID)", timeline->who);
	return family_of(&timeline->family, &timeline->head, history, &wish);
}

/* The time around the life of the process. */
static int look_around(struct timeline *timeline)
{
	const struct family_member *head = &timeline->head;
	uint64_t around_ns = timeline->options->around_ns, until_ns;

	if (around_ns == 0)
		return CLI_DONE;
	if (timeline->options->session != NO_SESSION)
		return cli_fail(CLI_USAGE, "timeline: --around goes with a process; of a session --since and --until tell the time");
	if (head->start_ns == 0)
		return cli_fail(CLI_FAILED, "timeline: nobody saw process %s begin (--since and --until tell the time instead of --around)",
				timeline->who);
	timeline->when.since_ns = MAX(timeline->when.since_ns, head->start_ns - MIN(head->start_ns, around_ns));
	timeline->lines.marks = true;
	/* It may run still. */
	if (head->end_ns == 0 || __builtin_add_overflow(head->end_ns, around_ns, &until_ns))
		return CLI_DONE;
	if (timeline->when.until_ns == 0 || timeline->when.until_ns > until_ns)
		timeline->when.until_ns = until_ns;
	return CLI_DONE;
}

static bool is_theirs(const struct timeline *timeline, const struct event *event)
{
	const struct context *context = event->context;

	if (timeline->family)
		return family_has(timeline->family, context);
	return context && values_has(&context->values, FIELD_ses) && context->ses == timeline->options->session;
}

/* The lines */

static int on_event(void *user, const struct event *event)
{
	struct timeline *timeline = user;
	bool is_their = is_theirs(timeline, event);

	if (!selection_has(&timeline->selection, event) || (!is_their && !timeline->lines.marks))
		return 0;
	timeline->n++;
	event_line_mark(&timeline->lines, is_their);
	if (timeline->options->print.json)
		return event_format_write(&timeline->format, stdout, event);
	return event_line_print(&timeline->lines, event);
}

static int look(struct timeline *timeline, struct history *history)
{
	static const enum field session = FIELD_ses;
	const struct history_lineage lineage = { FIELD_entity_id, timeline->head.entity_id };
	const struct history_need need = { &session, &timeline->session_key, 1, 1 };
	const struct gap_range range = { timeline->when.since_ns, timeline->when.until_ns };
	struct history_query ask = selection_ask(&timeline->selection);
	int r = event_format_init(&timeline->format, history, &timeline->screen, false);

	if (timeline->family) {
		ask.lineage = timeline->lines.marks ? NULL : &lineage;
	} else if (history_key_number(session, timeline->options->session, &timeline->session_key)) {
		ask.needs = &need;
		ask.n_needs = 1;
	}
	if (r >= 0)
		r = history_events(history, &ask, on_event, timeline);
	if (r >= 0 && timeline->n == 0 && !timeline->options->print.json)
		printf("No such event in the history.\n");
	return r < 0 ? r : gaps_print(history, &range, &timeline->screen, timeline->options->print.json ? GAPS_JSON : GAPS_TABLE);
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct timeline_options *o = values;
	_cleanup_(history_freep) struct history *history = NULL;
	_cleanup_(timeline_release) struct timeline timeline = { .options = o, .screen = screen_open(&o->print), .when = o->selection };
	bool of_session = o->session != NO_SESSION;
	int r;

	if (!of_session && n == 0)
		return cli_fail(CLI_USAGE, "timeline: whose? (a process: PID or ENTITY_ID; a login session: --session ID)");
	timeline.who = of_session ? NULL : arguments[0];
	event_lines_init(&timeline.lines, &timeline.screen);
	timeline.lines.with_origin = true;
	r = selection_parse(&timeline.selection, "timeline", &timeline.when, n - !of_session, arguments + !of_session);
	if (r == CLI_DONE)
		r = place_open_history(&history, &o->places);
	if (r == CLI_DONE && !of_session)
		r = find_family(&timeline, history);
	if (r == CLI_DONE)
		r = look_around(&timeline);
	if (r == CLI_DONE) {
		int e = look(&timeline, history);

		if (e < 0)
			r = place_fail_reading("timeline", history, e);
	}
	return r;
}

const struct command command_timeline = {
	.name = "timeline",
	.arguments = "PID|ENTITY_ID [FILTER...]",
	.summary = "Shows what a process with its descendants, or a login session, did",
	.text = "Each line says who logged in and from where (alice@203.0.113.7>root).  Numbers of sessions begin\n"
		"anew with each boot: --since and --until tell which one is meant.\n\n"
		"  recorder timeline 812 --around 5m\n"
		"  recorder timeline --session 7 --since yesterday\n"
		"  recorder timeline 9c40e03c4ff92a5b file\n",
	.options = options,
	.options_size = sizeof(struct timeline_options),
	.defaults = &defaults,
	.max_arguments = 64,
	.run = run,
};
