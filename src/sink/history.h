#pragma once
/* Reads events back from a database file, read-only, with or without a daemon writing it. */

#include "event/event_json.h"

struct history;

/* An event must have one of the keys (history_key_text(), _number()) in one of the fields. */
struct history_need {
	const enum field *fields;
	const uint64_t *keys;
	size_t n_fields, n_keys;
};

/* false: the field is not among those that can be looked for so.  any_case: the text in small letters stands for all. */
bool history_key_text(enum field field, struct span text, bool any_case, uint64_t *ret);
bool history_key_number(enum field field, uint64_t number, uint64_t *ret);

/* A process and all its descendants: FIELD_entity_id, or FIELD_pid for all that had it. Where a line of ancestors is longer than is
 * known, what may be a descendant is among what is told; the caller knows. */
struct history_lineage {
	enum field field;
	uint64_t number;
};

/* What is to be known of an event beside its kind, time and number: these fields, of its own and of its process.  With those of
 * ancestors, or without any ancestor. */
struct history_part {
	uint64_t fields[FIELD_WORDS];
	bool ancestors;
};

struct history_query {
	uint64_t since_ns;		/* inclusive; 0: from the beginning */
	uint64_t until_ns;		/* exclusive; 0: to the end */
	uint32_t categories;		/* bit set; 0: all */
	const bool *kinds;		/* N_KINDS flags, or NULL: all */
	bool newest_first;		/* else in order of sequence */
	uint64_t sequence;		/* only this one, if not 0 */
	uint64_t from_sequence;		/* inclusive; 0: from the beginning */
	uint64_t event_time_ns, event_origin;	/* only this event (event_id_parse), if not 0 */
	/* All of which an event must meet: what does not is passed by without being read, whole blocks at a time. */
	const struct history_need *needs;
	size_t n_needs;
	const struct history_part *part;	/* NULL: events are read whole */
	const struct history_lineage *lineage;	/* NULL: of any process, or none */
	/* Narrowing that an index or an early test can use; the caller still filters. 0 / empty: none. */
	uint64_t entity_id;
	uint32_t pid;
};

struct history_gap {
	uint64_t begin_ns, end_ns, count;
	bool count_known, exact;
	const char *class_name, *unit, *cause;	/* borrowed until the function returns */
};

struct history_process {
	int64_t row;
	struct context *context;	/* borrowed; with its parents */
	uint64_t end_ns;		/* 0: not known to have ended */
	int32_t exit_code;		/* -1: unknown */
	bool replaced;			/* its end was the beginning of another program in the same process */
};

struct history_error {
	char message[1024];
};

/* 0; -ENOENT; -EBUSY; -EBADMSG: not a recorder database, or of a newer schema: error says which; -EROFS: there is a -wal that
 * cannot be read as things are there, and the latest events are in it. */
int history_open(struct history **ret, const char *path, struct history_error *error);
const char *history_path(const struct history *history);	/* borrowed */
struct history *history_free(struct history *history);
DEFINE_CLEANUP(struct history, history_free)

/* Asked now and then, also while nothing is found; true ends what is being read with -EINTR.  NULL: nobody is asked. */
void history_ask(struct history *history, bool (*stop)(void *user), void *user);

/* Borrowed until it returns. > 0: stop.  < 0: stop, passed on. */
typedef int (*history_event_fn)(void *user, const struct event *event);
int history_events(struct history *history, const struct history_query *query, history_event_fn fn,
		   void *user);

/* How many there are, of a query that asks for nothing but a time and kinds: hardly any is looked at. */
int history_count(struct history *history, const struct history_query *query, uint64_t *ret);

/* Gaps that overlap [since, until), oldest first. */
typedef int (*history_gap_fn)(void *user, const struct history_gap *gap);
int history_gaps(struct history *history, uint64_t since_ns, uint64_t until_ns, history_gap_fn fn,
		 void *user);

/* Process images, in order of their rows: each once, as it was when it was first seen.  lineage: NULL: all. */
typedef int (*history_process_fn)(void *user, const struct history_process *process);
int history_processes(struct history *history, const struct history_lineage *lineage, history_process_fn fn, void *user);
/* The last image of each ancestor of a process that was told of, parent first. */
int history_ancestors(struct history *history, const struct context *context, history_process_fn fn, void *user);

/* Login sessions of which there was an event since then, and one before `until`, the earliest first. */
struct history_session {
	uint32_t ses, auid;
	uint64_t login_ns, first_ns, last_ns, ended_ns;	/* 0: not known; ended: not told */
	uint64_t leader;		/* entity id; 0: not known */
	bool is_over;			/* its end was told, or the host was booted since */
	const char *host;		/* NULL: this one */
	const char *user, *source_ip, *service, *tty;	/* borrowed until the function returns; NULL: not known */
	const char *users;		/* that it acted as, in the order in which they came, with " > " between them */
};
typedef int (*history_session_fn)(void *user, const struct history_session *session);
int history_sessions(struct history *history, uint64_t since_ns, uint64_t until_ns, history_session_fn fn, void *user);

struct history_stats {
	uint64_t events, size_bytes, oldest_ns, newest_ns;
	const char *host_id, *host_name, *boot_id;	/* borrowed from history */
};
int history_stats(struct history *history, struct history_stats *ret);

/* The same by category, as far as it has any. */
struct history_category {
	uint64_t events, bytes, oldest_ns;	/* bytes: roughly, of rows */
	uint64_t cleaned, cleaned_until_ns;	/* events that made room for newer ones */
};
int history_categories(struct history *history, struct history_category ret[N_CATEGORIES]);

/* Host and boot that the event of this number belongs to, for event_json().  Borrowed until the next call. */
int history_json_options(struct history *history, uint64_t sequence, struct event_json_options *ret);
