/* See history.h.  They are all read before the first is given, as gaps are: who waits for his terminal keeps nobody from cutting the
 * -wal. */

#include <errno.h>
#include <stdlib.h>

#include "sink/history_file.h"

enum {
	COLUMN_SES, COLUMN_AUID, COLUMN_LOGIN, COLUMN_FIRST, COLUMN_LAST, COLUMN_ENDED, COLUMN_LEADER, COLUMN_IS_OVER, COLUMN_FIRST_TEXT,
	N_TEXTS = 6,
};

/* Of the boot of the last run a session goes on. */
static const char sql[] =
	"SELECT session_id, user_audit_id, login_time, first, last, ended, leader, "
	"ended IS NOT NULL OR boot_id IS NULL OR boot_id IS NOT (SELECT value FROM meta WHERE key = 'boot_id'), "
	"node, user_audit_name, source_ip, service, tty, users "
	"FROM login_session WHERE last >= ?1 AND first < ?2 ORDER BY first, id";

struct list {
	struct history_session *sessions;
	size_t (*texts)[N_TEXTS];	/* places in `text`, from 1 on; 0: NULL */
	size_t n, max;
	struct buffer text;
};

static void list_release(struct list *list)
{
	free(list->sessions);
	free(list->texts);
	buffer_release(&list->text);
}

static int make_room(struct list *list)
{
	size_t max = list->max ? list->max * 2 : 64;
	void *sessions, *texts;

	if (list->n < list->max)
		return 0;
	sessions = reallocarray(list->sessions, max, sizeof(*list->sessions));
	if (sessions)
		list->sessions = sessions;
	texts = reallocarray(list->texts, max, sizeof(*list->texts));
	if (texts)
		list->texts = texts;
	if (!sessions || !texts)
		return -ENOMEM;
	list->max = max;
	return 0;
}

static uint64_t number_at(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

static int read_session(struct list *list, sqlite3_stmt *statement)
{
	int r = make_room(list);

	if (r < 0)
		return r;
	list->sessions[list->n] = (struct history_session){
		.ses = (uint32_t)number_at(statement, COLUMN_SES),
		.auid = (uint32_t)number_at(statement, COLUMN_AUID),
		.login_ns = number_at(statement, COLUMN_LOGIN),
		.first_ns = number_at(statement, COLUMN_FIRST),
		.last_ns = number_at(statement, COLUMN_LAST),
		.ended_ns = number_at(statement, COLUMN_ENDED),
		.leader = number_at(statement, COLUMN_LEADER),
		.is_over = sqlite3_column_int(statement, COLUMN_IS_OVER),
	};
	for (int i = 0; i < N_TEXTS; i++) {
		const char *text = (const char *)sqlite3_column_text(statement, COLUMN_FIRST_TEXT + i);

		list->texts[list->n][i] = text ? list->text.size + 1 : 0;
		if (text)
			buffer_append(&list->text, text, strlen(text) + 1);
	}
	list->n++;
	return buffer_error(&list->text);
}

static void set_texts(struct list *list, size_t at)
{
	struct history_session *session = &list->sessions[at];
	const char **const to[N_TEXTS] = { &session->host,    &session->user, &session->source_ip,
					   &session->service, &session->tty,  &session->users };

	for (size_t i = 0; i < N_TEXTS; i++)
		*to[i] = list->texts[at][i] ? list->text.data + list->texts[at][i] - 1 : NULL;
}

int history_sessions(struct history *history, uint64_t since_ns, uint64_t until_ns, history_session_fn fn, void *user)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(list_release) struct list list = { 0 };
	int r = sql_prepare(history->db, sql, &statement), e = 0;

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, sql_time(since_ns));
	sqlite3_bind_int64(statement, 2, until_ns ? sql_time(until_ns) : INT64_MAX);
	while (e == 0 && (r = sqlite3_step(statement)) == SQLITE_ROW)
		e = read_session(&list, statement);
	if (e < 0 || r != SQLITE_DONE)
		return e < 0 ? e : sql_errno(r);
	sqlite3_reset(statement);
	for (size_t i = 0; i < list.n && e == 0; i++) {
		set_texts(&list, i);
		e = fn(user, &list.sessions[i]);
	}
	return MIN(e, 0);
}
