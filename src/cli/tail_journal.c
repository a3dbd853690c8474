/* See tail_journal.h.  Filters are held against what the lines tell: of parents and ancestors that is less than a recorder knows
 * (event_read.h). */

#include "cli/tail_journal.h"

#include <errno.h>

#include "cli/event_read.h"
#include "cli/tail_lines.h"
#include "filter/filter.h"
#include "sink/journal_folder.h"
#include "sink/journal_reader.h"

#define MAX_NAMES 20			/* in an error message */

struct tail_journal {
	const struct tail_journal_request *request;
	struct terms *terms;		/* NULL: everything is wanted */
	struct journal_reader *reader;
	struct tail_lines lines;
	int code;			/* CLI_FAILED: something could not be shown */
};

static int parse_filters(struct tail_journal *tail)
{
	const struct tail_journal_request *request = tail->request;
	struct filter_error error = { "" };
	int r = request->n_filters > 0 ? terms_parse(&tail->terms, request->filters, request->n_filters, &error) : 0;

	if (r == -EINVAL)
		return cli_fail(CLI_USAGE, "tail: %s", error.message);
	return r < 0 ? cli_fail(CLI_FAILED, "out of memory") : CLI_DONE;
}

/* There is no such journal: which there are. */
static int fail_unknown(const struct tail_journal_request *request)
{
	_cleanup_(buffer_release) struct buffer list = { 0 };
	char **names = NULL;
	int n = journal_folder_names(request->folder, &names);

	if (n == -EACCES)
		return cli_fail(CLI_PERMISSION, "cannot look for journals in %s: permission denied (sudo?)",
				request->folder);
	for (int i = 0; i < n; i++) {
		if (i < MAX_NAMES)
			buffer_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
		else if (i == MAX_NAMES)
			buffer_append_text(&list, ", ...");
		free(names[i]);
	}
	free(names);
	if (n <= 0)
		return cli_fail(CLI_FAILED,
				"there is no journal '%s', and no other, in %s (a stream of type \"journal\" in a "
				"subscription makes one; --state DIR names another place)",
				request->name, request->folder);
	return cli_fail(CLI_FAILED, "there is no journal '%s' in %s (there are: %s)", request->name, request->folder,
			buffer_text(&list));
}

static int open_reader(struct tail_journal *tail)
{
	const struct tail_journal_request *request = tail->request;
	_cleanup_(freep) char *path = NULL;
	struct sink_error error = { "" };
	int r;

	if (request->name[0] == '\0' || strchr(request->name, '/'))
		return fail_unknown(request);
	if (asprintf(&path, "%s/%s" JOURNAL_ENDING, request->folder, request->name) < 0) {
		path = NULL;
		return cli_fail(CLI_FAILED, "out of memory");
	}
	r = journal_reader_open(&tail->reader, path, &error);
	if (r == -ENOENT)
		return fail_unknown(request);
	if (r == -EACCES)
		return cli_fail(CLI_PERMISSION, "cannot read the journal %s: permission denied (sudo?)", path);
	return r < 0 ? cli_fail(CLI_FAILED, "cannot read the journal %s", error.message) : CLI_DONE;
}

/* The event of a line, if it is one that is wanted.  1; 0: it is not; -EINVAL: the line is none; -ENOMEM. */
static int read_wanted(const struct tail_journal *tail, struct span line, struct event **ret)
{
	_cleanup_(event_freep) struct event *event = NULL;
	json_t *json = json_loadb(line.data, line.size, JSON_ALLOW_NUL, NULL);
	int r = event_read(&event, json);

	json_decref(json);
	if (r < 0)
		return r;
	if (event->time_ns < tail->request->since_ns || (tail->terms && !terms_match(tail->terms, event)))
		return 0;
	*ret = TAKE(event);
	return 1;
}

static bool is_wanted(void *user, struct span line)
{
	const struct tail_journal *tail = user;
	struct event *event = NULL;

	/* Nothing to ask: the line need not be read. */
	if (!tail->terms && tail->request->since_ns == 0)
		return true;
	if (read_wanted(tail, line, &event) <= 0)
		return false;
	event_free(event);
	return true;
}

static int print_line(struct tail_journal *tail, struct span line)
{
	bool as_it_is = tail->lines.json && !tail->terms && tail->request->since_ns == 0;
	struct event *event = NULL;
	int r;

	if (as_it_is)
		return tail_lines_print(&tail->lines, line);
	r = read_wanted(tail, line, &event);
	if (r == -EINVAL) {
		fflush(stdout);
		cli_fail(CLI_FAILED, "%s: a line is no event of this version, and is not shown: %.*s",
			 journal_reader_path(tail->reader), (int)MIN(line.size, 100u), line.data);
		return 0;
	}
	if (r <= 0)
		return r;
	r = tail_lines_print_event(&tail->lines, event, line);
	event_free(event);
	return r;
}

static void tell_missed(struct tail_journal *tail)
{
	unsigned missed = journal_reader_missed(tail->reader);

	if (missed == 0)
		return;
	fflush(stdout);
	cli_fail(CLI_FAILED, "%u file%s of the journal %s gone before %s read; the events in %s are not shown", missed,
		 missed == 1 ? "" : "s", missed == 1 ? "was" : "were", missed == 1 ? "it was" : "they were",
		 missed == 1 ? "it" : "them");
}

static int seek(struct tail_journal *tail)
{
	const struct tail_journal_request *request = tail->request;

	if (request->n_last > 0)
		return journal_reader_seek_last(tail->reader, request->n_last, is_wanted, tail);
	if (request->since_ns > 0 || request->once)
		return journal_reader_seek_since(tail->reader, request->since_ns);
	return 0;
}

/* A file of the journal that cannot be read on.  What is in the others can. */
static bool is_spoilt(struct tail_journal *tail, int r)
{
	if (r != -EBADMSG && r != -EMSGSIZE)
		return false;
	fflush(stdout);
	tail->code = cli_fail(CLI_FAILED, r == -EBADMSG ? "%s is damaged; the rest of it is not shown (zstd -t tells more)"
							: "%s has a line that is too long to be an event; the rest of it is not shown",
			      journal_reader_path(tail->reader));
	return true;
}

static int read_line(struct tail_journal *tail, struct span *ret)
{
	int r;

	do
		r = journal_reader_line(tail->reader, ret);
	while (r < 0 && is_spoilt(tail, r));
	return r;
}

static int follow(struct tail_journal *tail)
{
	int r = seek(tail);

	while (r == 0) {
		struct span line;

		while (r == 0 && (r = read_line(tail, &line)) > 0) {
			tell_missed(tail);
			r = print_line(tail, line);
		}
		if (r == 0 && tail->request->once)
			break;
		if (r == 0)
			r = journal_reader_wait(tail->reader);
	}
	return r;
}

static int fail_reading(const struct tail_journal *tail, int r)
{
	if (r == -ENOENT)
		return cli_fail(CLI_FAILED, "tail: the folder %s is gone", tail->request->folder);
	return cli_fail(CLI_FAILED, "tail: %s: %s", journal_reader_path(tail->reader), strerror(-r));
}

int tail_journal(const struct tail_journal_request *request)
{
	struct tail_journal tail = { .request = request };
	int code = parse_filters(&tail), r;

	if (code == CLI_DONE)
		code = open_reader(&tail);
	if (code == CLI_DONE) {
		tail_lines_init(&tail.lines, &request->print, request->limit);
		r = follow(&tail);
		code = r < 0 ? fail_reading(&tail, r) : tail.code;
		tail_lines_release(&tail.lines);
	}
	journal_reader_free(tail.reader);
	terms_free(tail.terms);
	return code;
}
