/* See session_table.h. */

#include "sink/session_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/event_json.h"

#define NONE UINT32_MAX			/* the kernel's number of no session */
#define SAME_NS (10 * NS_PER_SEC)	/* by which the record of a login may come behind the first event of its session */

void session_table_sql(struct buffer *sql)
{
	buffer_append_text(sql,
			   "CREATE TABLE login_session (id INTEGER PRIMARY KEY -- that events were of\n"
			   ", boot_id TEXT, node TEXT -- the boot and the host whose number it is; NULL: not known, this host\n"
			   ", session_id INTEGER -- audit session id\n"
			   ", user_audit_id INTEGER, user_audit_name TEXT -- who logged in\n"
			   ", login_time INTEGER, login_inferred INTEGER -- ns since 1970 UTC; 1: concluded from its processes\n"
			   ", source_ip TEXT, ip_inferred INTEGER -- where the login came from; 1: as a process says\n"
			   ", service TEXT -- program that let the user in\n"
			   ", leader INTEGER -- entity id of the process that was given the login\n"
			   ", tty TEXT\n"
			   ", users TEXT -- that it acted as, in the order in which they came\n"
			   ", first INTEGER, last INTEGER -- times of the first and the last event of it\n"
			   ", ended INTEGER -- when its end was told\n"
			   ");\n");
}

void session_table_view(struct buffer *sql)
{
	static const char moment[] = "\tstrftime('%%Y-%%m-%%dT%%H:%%M:%%S', %s / 1000000000, 'unixepoch') || "
				     "printf('.%%09dZ', %s %% 1000000000) AS %s%s\n";
	static const char *const moments[][2] = { { "login_time", "session_login_time" }, { "first", "first_time" },
						  { "last", "last_time" }, { "ended", "end_time" } };

	buffer_append_text(sql, "CREATE VIEW sessions AS SELECT id, boot_id AS host_boot_id, node AS host_name, session_id, user_audit_id,\n"
				"\tuser_audit_name, source_ip AS session_login_source_ip, service AS session_login_service,\n"
				"\tiif(leader IS NULL, NULL, printf('%016x', leader)) AS session_leader_entity_id, tty AS process_tty_name, users,\n");
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
		buffer_printf(sql, moment, moments[i][0], moments[i][0], moments[i][1], i + 1 < ARRAY_SIZE(moments) ? "," : "");
	buffer_append_text(sql, "FROM login_session;\n");
}

int session_table_open(struct session_table *table, sqlite3 *db, const char *boot_id)
{
	const struct {
		const char *sql;
		sqlite3_stmt **ret;
	} statements[] = {
		{ "SELECT id, first, last, login_time, coalesce(login_inferred, 0), ended, source_ip IS NOT NULL, coalesce(ip_inferred, 0), "
		  "service IS NOT NULL, leader IS NOT NULL, tty IS NOT NULL, user_audit_name IS NOT NULL, users FROM login_session "
		  "WHERE session_id = ?1 AND boot_id IS ?2 AND node IS ?3 AND user_audit_id = ?4 ORDER BY id DESC LIMIT 1", &table->find },
		{ "INSERT INTO login_session (session_id, boot_id, node, user_audit_id, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
		  &table->insert },
		{ "UPDATE login_session SET last = ?2, ended = ?3, users = ?4 WHERE id = ?1", &table->update },
		{ "UPDATE login_session SET user_audit_name = coalesce(?2, user_audit_name), login_time = coalesce(?3, login_time), "
		  "login_inferred = ?4, source_ip = coalesce(?5, source_ip), ip_inferred = ?6, service = coalesce(?7, service), "
		  "leader = coalesce(?8, leader), tty = coalesce(?9, tty) WHERE id = ?1", &table->detail },
	};
	int r = 0;

	*table = (struct session_table){ 0 };
	if (boot_id) {
		table->boot_id = strdup(boot_id);
		if (!table->boot_id)
			return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(statements) && r == 0; i++)
		r = sql_prepare(db, statements[i].sql, statements[i].ret);
	return r;
}

void session_table_close(struct session_table *table)
{
	sql_finalize(table->find);
	sql_finalize(table->insert);
	sql_finalize(table->update);
	sql_finalize(table->detail);
	free(table->boot_id);
	*table = (struct session_table){ 0 };
}

/* Binding */

static void bind_number(sqlite3_stmt *statement, int parameter, bool known, uint64_t number)
{
	if (known)
		sqlite3_bind_int64(statement, parameter, (int64_t)number);
	else
		sqlite3_bind_null(statement, parameter);
}

/* Escaped, where it is not UTF-8; copied, since it goes before the statement is run.  Nothing of it: NULL. */
static int bind_span(sqlite3_stmt *statement, int parameter, struct span text)
{
	_cleanup_(buffer_release) struct buffer escaped = { 0 };

	if (span_utf8_prefix(text) < text.size) {
		percent_escape(&escaped, text);
		if (buffer_error(&escaped) < 0)
			return -ENOMEM;
		text = buffer_span(&escaped);
	}
	return sql_errno(text.size > 0 ? sqlite3_bind_text64(statement, parameter, text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8)
				       : sqlite3_bind_null(statement, parameter));
}

static int bind_field(sqlite3_stmt *statement, int parameter, const struct values *values, enum field field, bool wanted)
{
	struct span text = values_text(values, field);
	char ip[IP_TEXT_MAX];

	if (!wanted)
		text.size = 0;
	else if (fields[field].type == TYPE_IP)
		text = (struct span){ ip, ip_text(text, ip) };
	return bind_span(statement, parameter, text);
}

/* Rows */

static int write_slot(struct session_table *table, struct session_slot *slot)
{
	int r;

	if (!slot->row || !slot->is_changed)
		return 0;
	sqlite3_bind_int64(table->update, 1, slot->row);
	sqlite3_bind_int64(table->update, 2, (int64_t)slot->last_ns);
	bind_number(table->update, 3, slot->ended_ns != 0, slot->ended_ns);
	r = bind_span(table->update, 4, span_of(slot->users));
	if (r == 0)
		r = sql_run(table->update);
	slot->is_changed = r < 0;
	return r;
}

/* What is known is told once, and once more if it is sure then and was not. */
static bool is_news(const struct values *values, enum field field, bool has, bool is_sure)
{
	return values_has(values, field) && (!has || (!is_sure && !values_is_inferred(values, field)));
}

static void add_user(struct session_slot *slot, const struct values *values)
{
	struct span name = values_text(values, FIELD_euser_name), known = span_of(slot->users);
	char number[16];

	if (name.size == 0) {
		if (!values_has(values, FIELD_euid))
			return;
		snprintf(number, sizeof(number), "%u", (unsigned)values_number(values, FIELD_euid));
		name = span_of(number);
	}
	for (struct span rest = known; rest.size > 0;) {
		const char *end = memmem(rest.data, rest.size, " > ", 3);
		size_t n = end ? (size_t)(end - rest.data) : rest.size;

		if (span_eq((struct span){ rest.data, n }, name))
			return;
		n = end ? n + 3 : n;
		rest = (struct span){ rest.data + n, rest.size - n };
	}
	if (known.size + 3 + name.size >= sizeof(slot->users))
		return;
	if (known.size > 0)
		memcpy(slot->users + known.size, " > ", 3);
	memcpy(slot->users + known.size + (known.size > 0 ? 3 : 0), name.data, name.size);
	slot->users[known.size + (known.size > 0 ? 3 : 0) + name.size] = 0;
	slot->is_changed = true;
}

/* What the row does not say yet and the context knows. */
static int write_detail(struct session_table *table, struct session_slot *slot, const struct context *context)
{
	const struct values *values = &context->values;
	bool name = is_news(values, FIELD_auid_name, slot->has_name, true), ip = is_news(values, FIELD_login_ip, slot->has_ip, slot->ip_is_sure);
	bool login = is_news(values, FIELD_login_time, slot->login_ns > 0, slot->login_is_sure);
	bool service = login || is_news(values, FIELD_login_service, slot->has_service, true);
	bool leader = login || is_news(values, FIELD_login_leader, slot->has_leader, true);
	bool tty = is_news(values, FIELD_tty, slot->has_tty, true);
	bool login_is_sure = login ? !values_is_inferred(values, FIELD_login_time) : slot->login_is_sure;
	bool ip_is_sure = ip ? !values_is_inferred(values, FIELD_login_ip) : slot->ip_is_sure;
	int r = 0;

	add_user(slot, values);
	if (name || ip || service || leader || tty) {
		sqlite3_stmt *detail = table->detail;

		sqlite3_bind_int64(detail, 1, slot->row);
		r = bind_field(detail, 2, values, FIELD_auid_name, name);
		bind_number(detail, 3, login, context->login_time);
		sqlite3_bind_int64(detail, 4, !login_is_sure);
		if (r == 0)
			r = bind_field(detail, 5, values, FIELD_login_ip, ip);
		sqlite3_bind_int64(detail, 6, !ip_is_sure);
		if (r == 0)
			r = bind_field(detail, 7, values, FIELD_login_service, service);
		bind_number(detail, 8, leader && values_has(values, FIELD_login_leader), context->login_leader);
		if (r == 0)
			r = bind_field(detail, 9, values, FIELD_tty, tty);
		if (r == 0)
			r = sql_run(detail);
	}
	if (r < 0)
		return r;
	slot->serial = context->serial;
	slot->has_name |= name;
	slot->has_ip |= ip;
	slot->has_tty |= tty;
	slot->has_service |= service && values_has(values, FIELD_login_service);
	slot->has_leader |= leader && values_has(values, FIELD_login_leader);
	slot->login_ns = login ? context->login_time : slot->login_ns;
	slot->login_is_sure = login_is_sure;
	slot->ip_is_sure = ip_is_sure;
	return 0;
}

static int bind_name(const struct session_table *table, sqlite3_stmt *statement, const struct session_slot *slot, struct span node)
{
	int r;

	sqlite3_bind_int64(statement, 1, slot->ses);
	r = bind_span(statement, 2, table->boot_id ? span_of(table->boot_id) : SPAN(""));
	sqlite3_bind_int64(statement, 4, slot->auid);
	return r < 0 ? r : bind_span(statement, 3, node);
}

static void read_row(sqlite3_stmt *find, struct session_slot *slot)
{
	const unsigned char *users = sqlite3_column_text(find, 12);

	slot->row = sqlite3_column_int64(find, 0);
	slot->first_ns = (uint64_t)sqlite3_column_int64(find, 1);
	slot->last_ns = (uint64_t)sqlite3_column_int64(find, 2);
	slot->login_ns = (uint64_t)sqlite3_column_int64(find, 3);
	slot->login_is_sure = slot->login_ns > 0 && !sqlite3_column_int(find, 4);
	slot->ended_ns = (uint64_t)sqlite3_column_int64(find, 5);
	slot->has_ip = sqlite3_column_int(find, 6);
	slot->ip_is_sure = slot->has_ip && !sqlite3_column_int(find, 7);
	slot->has_service = sqlite3_column_int(find, 8);
	slot->has_leader = sqlite3_column_int(find, 9);
	slot->has_tty = sqlite3_column_int(find, 10);
	slot->has_name = sqlite3_column_int(find, 11);
	snprintf(slot->users, sizeof(slot->users), "%s", users ? (const char *)users : "");
}

static int insert_row(struct session_table *table, struct session_slot *slot, struct span node, uint64_t time_ns)
{
	int r = bind_name(table, table->insert, slot, node);

	if (r < 0)
		return r;
	sqlite3_bind_int64(table->insert, 5, (int64_t)time_ns);
	r = sql_run(table->insert);
	if (r < 0)
		return r;
	slot->row = sqlite3_last_insert_rowid(sqlite3_db_handle(table->insert));
	slot->first_ns = slot->last_ns = time_ns;
	return 0;
}

/* Whether the event gives a login to a session that the row cannot be of: its number is used again. */
static bool begins_another(const struct session_slot *slot, const struct event *event)
{
	return event->kind == KIND_ID(security, session_start) && values_has(&event->values, FIELD_session_old_ses) &&
	       event->session_old_ses != slot->ses && event->time_ns > slot->first_ns + SAME_NS;
}

/* The row of the session, or a new one. */
static int find_row(struct session_table *table, struct session_slot *slot, const struct event *event)
{
	struct span node = values_text(&event->values, FIELD_node);
	int r = bind_name(table, table->find, slot, node);

	if (r < 0)
		return r;
	r = sqlite3_step(table->find);
	if (r == SQLITE_ROW)
		read_row(table->find, slot);
	sqlite3_reset(table->find);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return sql_errno(r);
	if (r == SQLITE_ROW && !begins_another(slot, event))
		return 0;
	*slot = (struct session_slot){ .ses = slot->ses, .auid = slot->auid, .node = slot->node };
	return insert_row(table, slot, node, event->time_ns);
}

/* Events */

static struct session_slot name_of(const struct event *event)
{
	const struct context *context = event->context;
	struct span node = values_text(&event->values, FIELD_node);

	return (struct session_slot){
		.ses = context->ses,
		.auid = values_has(&context->values, FIELD_auid) ? context->auid : NONE,
		.node = node.size > 0 ? span_hash(node, 0) | 1 : 0,
	};
}

static bool is_same(const struct session_slot *a, const struct session_slot *b)
{
	return a->row && a->ses == b->ses && a->auid == b->auid && a->node == b->node;
}

/* The process that was given the login tells of its end. */
static bool is_end(const struct event *event)
{
	const struct context *context = event->context;

	return event->kind == KIND_ID(security, session_end) && values_has(&context->values, FIELD_login_leader) &&
	       values_has(&context->values, FIELD_entity_id) && context->login_leader == context->entity_id;
}

int session_table_event(struct session_table *table, const struct event *event)
{
	const struct context *context = event->context;
	struct session_slot *slot, name;
	int r = 0;

	if (!context || !values_has(&context->values, FIELD_ses) || context->ses == NONE)
		return 0;
	name = name_of(event);
	slot = &table->slots[context->ses % SESSIONS_KEPT];
	if (unlikely(!is_same(slot, &name) || begins_another(slot, event))) {
		r = write_slot(table, slot);
		if (r == 0)
			r = find_row(table, &name, event);
		if (r < 0)
			return r;
		*slot = name;
	}
	if (unlikely(slot->serial != context->serial))
		r = write_detail(table, slot, context);
	slot->last_ns = MAX(slot->last_ns, event->time_ns);
	slot->is_changed = true;
	if (unlikely(is_end(event)))
		slot->ended_ns = event->time_ns;
	return r;
}

int session_table_write(struct session_table *table)
{
	int r = 0;

	for (size_t i = 0; i < SESSIONS_KEPT && r == 0; i++)
		r = write_slot(table, &table->slots[i]);
	return r;
}

void session_table_forget(struct session_table *table)
{
	memset(table->slots, 0, sizeof(table->slots));
}

int session_table_clean(struct session_table *table, sqlite3 *db)
{
	session_table_forget(table);
	return sql_exec(db, "DELETE FROM login_session WHERE last < (SELECT min(min_time) FROM block)");
}
