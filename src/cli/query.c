/* `recorder query`: events of the history, or how many there are.
 *
 * Without a limit events are printed as they are read. With one, the newest are wanted but shown oldest
 * first, so they are read backwards and kept until there are enough. Where that would be many, it is only seen
 * backwards how far they go, and they are read once more. */

#include <errno.h>

#include "base/clock.h"
#include "cli/event_format.h"
#include "cli/event_line.h"
#include "cli/family.h"
#include "cli/gap_text.h"
#include "cli/groups.h"
#include "cli/place.h"
#include "cli/selection.h"

#define KEPT_MAX       4096		/* events */
#define LIMIT_UNSET    UINT64_MAX
#define GROUPS_SHOWN   20
#define FLUSH_EVERY_NS (100 * NS_PER_MS)
#define FLUSH_LOOK     1024		/* events that are looked at between two looks at the clock */

struct query_options {
	struct place_options places;
	struct print_options print;
	struct selection_options selection;
	uint64_t limit, at_ns;
	const char *group_by, *follow;
	bool csv, table, reverse, count;
};

static const struct query_options defaults = { .limit = LIMIT_UNSET };

static const struct option options[] = {
	SELECTION_OPTIONS(struct query_options, selection),
	{ .name = "limit",
	  .letter = 'n',
	  .argument = "N",
	  .help = "the newest N only; 0: all",
	  .type = OPTION_NUMBER,
	  .offset = offsetof(struct query_options, limit) },
	{ .name = "reverse",
	  .letter = 'r',
	  .help = "newest first",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct query_options, reverse) },
	{ .name = "follow-process",
	  .argument = "PID|ENTITY_ID",
	  .help = "only what this process and all its descendants did",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct query_options, follow) },
	{ .name = "at",
	  .argument = "TIME",
	  .help = "the process that had the pid then",
	  .type = OPTION_TIME,
	  .offset = offsetof(struct query_options, at_ns) },
	{ .name = "count",
	  .letter = 'c',
	  .help = "how many there are",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct query_options, count) },
	{ .name = "group-by",
	  .letter = 'g',
	  .argument = "FIELD[,FIELD]",
	  .help = "how many have which value, the N most frequent (20)",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct query_options, group_by) },
	{ .name = "table",
	  .help = "aligned columns (the default)",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct query_options, table) },
	{ .name = "csv",
	  .help = "comma-separated values",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct query_options, csv) },
	PRINT_OPTIONS(struct query_options, print),
	DATABASE_OPTION(struct query_options, places),
	PLACE_OPTIONS(struct query_options, places),
	{ .name = NULL },
};

struct query {
	const struct query_options *options;
	struct selection selection;
	struct process_name head;	/* of the family */
	struct family *family;		/* NULL: all processes */
	struct history_lineage lineage;	/* of it */
	struct groups *groups;
	int (*take)(struct query *query, const struct event *event);
	struct screen screen;
	struct event_lines lines;
	struct event_format format;
	uint64_t limit, n_found, n_looked_at, flushed_ns;
	uint64_t last_sequence;		/* of those found */
	struct event *kept;		/* newest last found first */
};

/* What is done with an event */

static int print_event(struct query *query, const struct event *event)
{
	if (!query->options->print.json && !query->options->csv)
		return event_line_print(&query->lines, event);
	return event_format_write(&query->format, stdout, event);
}

static int keep_event(struct query *query, const struct event *event)
{
	struct event *copy = event_copy(event);

	if (!copy)
		return -ENOMEM;
	event_line_measure(&query->lines, copy);
	copy->next = query->kept;
	query->kept = copy;
	return 0;
}

static int count_event(struct query *query, const struct event *event)
{
	return 0;
}

static int group_event(struct query *query, const struct event *event)
{
	return groups_add(query->groups, event);
}

/* Who reads from a pipe sees the first event at once, and the last one found while the search goes on. */
static void flush_now_and_then(struct query *query)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (now_ns - query->flushed_ns < FLUSH_EVERY_NS)
		return;
	query->flushed_ns = now_ns;
	fflush(stdout);
}

static int on_event(void *user, const struct event *event)
{
	struct query *query = user;
	bool found = selection_has(&query->selection, event) && (!query->family || family_has(query->family, event->context));
	int r = found ? query->take(query, event) : 0;

	if (r < 0)
		return r;
	if (++query->n_looked_at % FLUSH_LOOK == 0 || (found && query->take == print_event))
		flush_now_and_then(query);
	if (ferror(stdout))
		return 1;
	query->n_found += found;
	if (found)
		query->last_sequence = event->sequence;
	return found && query->n_found == query->limit;
}

static struct event *pop_kept(struct query *query)
{
	struct event *event = query->kept;

	if (event)
		query->kept = TAKE(event->next);
	return event;
}

static int print_kept(struct query *query)
{
	struct event *event;
	int r = 0;

	while (r >= 0 && (event = pop_kept(query))) {
		r = print_event(query, event);
		event_free(event);
	}
	return r;
}

/* What stands before and behind them */

static bool shows_events(const struct query *query)
{
	return !query->options->count && !query->groups;
}

static void print_count(const struct query *query)
{
	printf(query->options->print.json ? "{\"count\":%llu}\n" : "%llu\n", (unsigned long long)query->n_found);
}

static int print_groups(struct query *query)
{
	const struct query_options *o = query->options;
	enum groups_format format = o->print.json ? GROUPS_JSON : o->csv ? GROUPS_CSV : GROUPS_TABLE;
	size_t limit = o->limit == LIMIT_UNSET ? GROUPS_SHOWN : o->limit;

	return groups_print(query->groups, &query->screen, format, limit, o->csv ? stderr : stdout);
}

/* Gaps go where they do not break the format: CSV and a bare number have no place for them. */
static int print_gaps(struct query *query, struct history *history)
{
	const struct selection_options *o = query->selection.options;
	const struct gap_range range = { o->since_ns, o->until_ns };
	struct screen screen = query->screen;

	if (query->options->csv || (query->options->count && !query->options->print.json)) {
		fflush(stdout);
		screen.out = stderr;
		screen.colour = false;
	}
	return gaps_print(history, &range, &screen, query->options->print.json ? GAPS_JSON : GAPS_TABLE);
}

static struct history_query query_ask(const struct query *query)
{
	struct history_query ask = selection_ask(&query->selection);

	ask.lineage = query->family ? &query->lineage : NULL;
	return ask;
}

/* The newest, shown oldest first. */
static int show_newest(struct query *query, struct history *history)
{
	struct history_query ask = query_ask(query);
	int r;

	ask.newest_first = true;
	query->take = query->limit <= KEPT_MAX ? keep_event : count_event;
	r = history_events(history, &ask, on_event, query);
	if (r < 0 || query->limit <= KEPT_MAX || query->n_found == 0)
		return r < 0 ? r : print_kept(query);
	/* Not those that came since. */
	query->limit = query->n_found;
	query->n_found = 0;
	ask.newest_first = false;
	ask.from_sequence = query->last_sequence;
	query->take = print_event;
	return history_events(history, &ask, on_event, query);
}

/* What is counted need not be known whole. */
static struct history_part counted_part(const struct query *query)
{
	struct history_part part = { .ancestors = query->family != NULL };

	part.ancestors |= terms_fields(query->selection.terms, part.fields);
	if (query->groups)
		part.ancestors |= groups_fields(query->groups, part.fields);
	if (query->family)
		part.fields[FIELD_entity_id / 64] |= UINT64_C(1) << (FIELD_entity_id % 64);
	return part;
}

static int look_at_all(struct query *query, struct history *history)
{
	struct history_part part = counted_part(query);
	struct history_query ask = query_ask(query);

	ask.newest_first = query->options->reverse;
	ask.part = shows_events(query) ? NULL : &part;
	query->take = query->groups ? group_event : query->options->count ? count_event : print_event;
	return history_events(history, &ask, on_event, query);
}

static int count_all(struct query *query, struct history *history)
{
	struct history_query ask = query_ask(query);
	int r = history_count(history, &ask, &query->n_found);

	if (query->limit > 0)
		query->n_found = MIN(query->n_found, query->limit);
	return r;
}

static int find_events(struct query *query, struct history *history)
{
	const struct query_options *o = query->options;

	if (shows_events(query) && query->limit > 0 && !o->reverse)
		return show_newest(query, history);
	if (o->count && !query->family && terms_are_of_kind(query->selection.terms))
		return count_all(query, history);
	return look_at_all(query, history);
}

static int read_events(struct query *query, struct history *history)
{
	const struct query_options *o = query->options;
	int r = event_format_init(&query->format, history, &query->screen, o->csv);

	if (r >= 0 && shows_events(query))
		event_format_head(&query->format, stdout);
	if (r >= 0)
		r = find_events(query, history);
	if (r >= 0 && query->groups)
		r = print_groups(query);
	else if (r >= 0 && o->count)
		print_count(query);
	else if (r >= 0 && query->n_found == 0 && !o->print.json && !o->csv)
		fprintf(stdout, "No such event in the history.\n");
	return r < 0 ? r : print_gaps(query, history);
}

/* --follow-process */

static int find_family(struct query *query, struct history *history)
{
	const struct query_options *o = query->options;
	const struct family_wish wish = { "query", o->follow, query->head, o->at_ns, &query->screen };
	struct family_member head = { 0 };
	int r = family_of(&query->family, &head, history, &wish);

	query->lineage = (struct history_lineage){ FIELD_entity_id, head.entity_id };
	return r;
}

static int check_options(struct query *query)
{
	const struct query_options *o = query->options;

	if (o->csv + o->table + o->print.json > 1)
		return cli_fail(CLI_USAGE, "query: only one of --json, --csv and --table can be");
	if (o->count && o->group_by)
		return cli_fail(CLI_USAGE, "query: --group-by counts already, --count would be in its way");
	if (o->count && (o->csv || o->table))
		return cli_fail(CLI_USAGE, "query: --count is a number, or an object with --json");
	if (o->reverse && (o->count || o->group_by))
		return cli_fail(CLI_USAGE, "query: --reverse is for events, not for counts");
	if (o->at_ns && !o->follow)
		return cli_fail(CLI_USAGE, "query: --at goes with --follow-process");
	if (o->follow && process_name_parse(o->follow, &query->head) < 0)
		return cli_fail(CLI_USAGE, "query: --follow-process: '%s' is neither a process id nor an entity id of 16 hexadecimal digits",
				o->follow);
	return CLI_DONE;
}

static int prepare_groups(struct query *query)
{
	struct filter_error error = { "" };
	int r = groups_new(&query->groups, query->options->group_by, &error);

	if (r == -EINVAL)
		return cli_fail(CLI_USAGE, "query: %s", error.message);
	if (r < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	if (!groups_narrow(query->groups, query->selection.kinds))
		return cli_fail(CLI_USAGE, "query: --group-by %s: no event that is asked for can have it", query->options->group_by);
	return CLI_DONE;
}

static void query_release(struct query *query)
{
	struct event *event;

	while ((event = pop_kept(query)))
		event_free(event);
	selection_release(&query->selection);
	family_free(query->family);
	groups_free(query->groups);
	event_lines_release(&query->lines);
	event_format_release(&query->format);
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct query_options *o = values;
	_cleanup_(history_freep) struct history *history = NULL;
	_cleanup_(query_release) struct query query = { .options = o, .screen = screen_open(&o->print) };
	int r = check_options(&query);

	event_lines_init(&query.lines, &query.screen);
	query.limit = o->limit == LIMIT_UNSET || o->group_by ? 0 : o->limit;
	if (r == CLI_DONE)
		r = selection_parse(&query.selection, "query", &o->selection, n, arguments);
	if (r == CLI_DONE && o->group_by)
		r = prepare_groups(&query);
	if (r == CLI_DONE)
		r = place_open_history(&history, &o->places);
	if (r == CLI_DONE && o->follow)
		r = find_family(&query, history);
	if (r == CLI_DONE) {
		int e = read_events(&query, history);

		if (e < 0)
			r = place_fail_reading("query", history, e);
	}
	return r;
}

const struct command command_query = {
	.name = "query",
	.arguments = "[FILTER...]",
	.summary = "Shows events of the history, the newest last, and what may be missing among them",
	.text = "A filter is an event type or FIELD [not] OPERATOR 'VALUE' (recorder-subscription(5)); all "
		"must hold.\n\n"
		"  recorder query process.exec --since 10m\n"
		"  recorder query \"process.path is '/usr/bin/curl'\" network\n"
		"  recorder query file \"file.path starts with '/etc'\" \"process.login_user_name is "
		"'alice'\" --json\n"
		"  recorder query network.connect --since yesterday --group-by process.path,network.addr\n"
		"  recorder query --follow-process 812 --at 14:00\n",
	.options = options,
	.options_size = sizeof(struct query_options),
	.defaults = &defaults,
	.max_arguments = 64,
	.run = run,
};
