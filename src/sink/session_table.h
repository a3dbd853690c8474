#pragma once
/* Table `login_session`: a row for each login session that an event was of, kept as events come: who, from where, by what, as which
 * users it acted, the first and the last event, and the end if it was told.  A session is known by its number within a boot of a
 * host; where the boot is not known (imports), a login that is given long after the row began begins another.  In the transaction of
 * the events; what changed is written before it is committed. */

#include "event/event.h"
#include "sink/sql.h"

#define SESSIONS_KEPT 256
#define SESSION_USERS_MAX 128

/* A row that events were of lately. */
struct session_slot {
	int64_t row;			/* 0: free */
	uint32_t ses, auid;
	uint64_t node;			/* hash of the name of the host in the records, or 0 */
	uint64_t first_ns, last_ns, login_ns, ended_ns;	/* login: 0, not known; ended: 0, it goes on */
	uint64_t serial;		/* of the context that was last looked at */
	bool login_is_sure, ip_is_sure;	/* else concluded, or not known */
	bool has_name, has_ip, has_service, has_leader, has_tty;
	bool is_changed;		/* since it was written */
	char users[SESSION_USERS_MAX];	/* with " > " between them, in the order in which they came */
};

struct session_table {
	char *boot_id;			/* NULL: not known */
	sqlite3_stmt *find, *insert, *update, *detail;
	struct session_slot slots[SESSIONS_KEPT];
};

void session_table_sql(struct buffer *sql);	/* CREATE TABLE */
void session_table_view(struct buffer *sql);
/* 0 or -errno; _close() in either case. */
int session_table_open(struct session_table *table, sqlite3 *db, const char *boot_id);
void session_table_close(struct session_table *table);
/* An event that is being stored. */
int session_table_event(struct session_table *table, const struct event *event);
int session_table_write(struct session_table *table);	/* before the commit */
void session_table_forget(struct session_table *table);	/* it was rolled back */
/* Of which the history has nothing any more; outside of a transaction of events. */
int session_table_clean(struct session_table *table, sqlite3 *db);
