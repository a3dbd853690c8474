/* `recorder sessions`: who logged in, when, from where and by what, and what became of it. */

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "cli/gap_text.h"
#include "cli/place.h"
#include "cli/table.h"
#include "event/json_text.h"

struct sessions_options {
	struct place_options places;
	struct print_options print;
	uint64_t since_ns, until_ns;
	const char *user;
};

static const struct option options[] = {
	{ .name = "since", .letter = 's', .argument = "TIME", .help = "that went on then or later",
	  .type = OPTION_TIME, .offset = offsetof(struct sessions_options, since_ns) },
	{ .name = "until", .letter = 'u', .argument = "TIME", .help = "that began before then", .type = OPTION_TIME,
	  .offset = offsetof(struct sessions_options, until_ns) },
	{ .name = "user", .argument = "NAME|ID", .help = "of this login user", .type = OPTION_TEXT,
	  .offset = offsetof(struct sessions_options, user) },
	PRINT_OPTIONS(struct sessions_options, print),
	DATABASE_OPTION(struct sessions_options, places),
	PLACE_OPTIONS(struct sessions_options, places),
	{ .name = NULL },
};

struct list {
	const struct sessions_options *options;
	struct screen screen;
	struct table *table;
	struct buffer text;
	uint64_t now_ns;
	size_t n;
};

static bool is_wanted(const struct list *list, const struct history_session *session)
{
	const char *user = list->options->user;
	char id[16];

	if (!user)
		return true;
	snprintf(id, sizeof(id), "%" PRIu32, session->auid);
	return strcmp(user, id) == 0 || (session->user && strcmp(user, session->user) == 0);
}

/* The table */

static void put(struct list *list, enum colour colour)
{
	table_cell(list->table, buffer_span(&list->text), colour);
	buffer_clear(&list->text);
}

static void put_text(struct list *list, const char *text, enum colour colour)
{
	buffer_append_text(&list->text, text ? text : "-");
	put(list, text ? colour : COLOUR_DIM);
}

/* Of a moment that nobody told, when the session was seen first or last. */
static void put_moment(struct list *list, uint64_t told_ns, uint64_t seen_ns, enum colour colour)
{
	if (told_ns == 0)
		buffer_append_byte(&list->text, '(');
	screen_append_moment(&list->screen, &list->text, told_ns ? told_ns : seen_ns, list->now_ns);
	if (told_ns == 0)
		buffer_append_byte(&list->text, ')');
	put(list, colour);
}

static void put_row(struct list *list, const struct history_session *session)
{
	if (session->host)
		buffer_printf(&list->text, "%s:", session->host);
	buffer_append_u64(&list->text, session->ses);
	put(list, COLOUR_NONE);
	if (session->user)
		buffer_append_text(&list->text, session->user);
	else
		buffer_append_u64(&list->text, session->auid);
	put(list, COLOUR_BOLD);
	put_text(list, session->source_ip, COLOUR_NONE);
	put_text(list, session->service, COLOUR_NONE);
	put_text(list, session->tty, COLOUR_NONE);
	put_moment(list, session->login_ns, session->first_ns, COLOUR_NONE);
	put_moment(list, session->ended_ns, session->last_ns, session->is_over ? COLOUR_NONE : COLOUR_GREEN);
	put_text(list, session->users, COLOUR_NONE);
}

/* JSON */

static void put_name(struct list *list, const char *name)
{
	buffer_printf(&list->text, "%s\"%s\":", list->text.size > 1 ? "," : "", name);
}

static void put_json_text(struct list *list, const char *name, const char *text)
{
	put_name(list, name);
	if (text)
		json_append_string(&list->text, span_of(text));
	else
		buffer_append_text(&list->text, "null");
}

static void put_json_time(struct list *list, const char *name, uint64_t time_ns)
{
	put_name(list, name);
	if (!time_ns) {
		buffer_append_text(&list->text, "null");
		return;
	}
	buffer_append_byte(&list->text, '"');
	buffer_append_time(&list->text, time_ns);
	buffer_append_byte(&list->text, '"');
}

static void put_json(struct list *list, const struct history_session *session)
{
	buffer_append_byte(&list->text, '{');
	put_json_text(list, "host_name", session->host);
	put_name(list, "session_id");
	buffer_append_u64(&list->text, session->ses);
	put_name(list, "user_audit_id");
	buffer_append_u64(&list->text, session->auid);
	put_json_text(list, "user_audit_name", session->user);
	put_json_text(list, "source_ip", session->source_ip);
	put_json_text(list, "service", session->service);
	put_json_text(list, "tty", session->tty);
	put_name(list, "leader_entity_id");
	buffer_printf(&list->text, session->leader ? "\"%016" PRIx64 "\"" : "null", session->leader);
	put_json_time(list, "login_time", session->login_ns);
	put_json_time(list, "first", session->first_ns);
	put_json_time(list, "last", session->last_ns);
	put_json_time(list, "ended", session->ended_ns);
	put_name(list, "is_over");
	buffer_append_text(&list->text, session->is_over ? "true" : "false");
	put_json_text(list, "users", session->users);
	buffer_append_text(&list->text, "}\n");
	fwrite(list->text.data, 1, list->text.size, list->screen.out);
	buffer_clear(&list->text);
}

static int on_session(void *user, const struct history_session *session)
{
	struct list *list = user;

	if (!is_wanted(list, session))
		return 0;
	list->n++;
	if (list->options->print.json)
		put_json(list, session);
	else
		put_row(list, session);
	return buffer_error(&list->text);
}

static int show(struct list *list, struct history *history)
{
	const struct sessions_options *o = list->options;
	const struct gap_range range = { o->since_ns, o->until_ns };
	int r = history_sessions(history, o->since_ns, o->until_ns, on_session, list);

	if (r >= 0 && !o->print.json && list->n == 0)
		printf("No login session in the history.\n");
	else if (r >= 0 && !o->print.json)
		r = table_print(list->table, &list->screen);
	return r < 0 ? r : gaps_print(history, &range, &list->screen, o->print.json ? GAPS_JSON : GAPS_TABLE);
}

static int run(const void *values, size_t n, char *const *arguments)
{
	static const char *const titles[] = { ">SESSION", "USER", "FROM", "BY", "TTY", "BEGAN", "ENDED", "ACTED AS" };
	const struct sessions_options *o = values;
	struct list list = { .options = o, .screen = screen_open(&o->print) };
	_cleanup_(history_freep) struct history *history = NULL;
	int r, e;

	if (o->since_ns && o->until_ns && o->since_ns >= o->until_ns)
		return cli_fail(CLI_USAGE, "sessions: --since is not before --until");
	r = place_open_history(&history, &o->places);
	if (r != CLI_DONE)
		return r;
	list.now_ns = clock_now_ns();
	e = table_new(&list.table, titles, ARRAY_SIZE(titles));
	if (e >= 0)
		e = show(&list, history);
	table_free(list.table);
	buffer_release(&list.text);
	return e < 0 ? place_fail_reading("sessions", history, e) : CLI_DONE;
}

const struct command command_sessions = {
	.name = "sessions",
	.summary = "Lists login sessions: who, from where, by what, when, and acting as whom",
	.text = "A time in brackets is when a session was first or last seen, where nobody told that it began or\n"
		"ended; what is green goes on, as far as is known.  More of a session:\n\n"
		"  recorder timeline --session 7 --since yesterday\n",
	.options = options,
	.options_size = sizeof(struct sessions_options),
	.run = run,
};
