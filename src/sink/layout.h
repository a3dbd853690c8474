#pragma once
/* Which field is stored in which table and column: made from the table of fields, used by the writer, the
 * reader and the SQL of tables and views alike.
 *
 *	event_CATEGORY	a row an event: what differs from event to event
 *	more_CATEGORY	fields that few events have; a row only where there is one
 *	shape_CATEGORY	what many events of a category have in common (kind, outcome, mode, ...), once
 *	process		a row a context: the process image
 *	program		what it runs (executable, arguments, ...), once
 *	login		what many processes have in common (users, groups, session, container, unit; which fields are inferred), once
 *	text		texts that repeat, once
 *	digest		the hashes of a version of a file, once
 *
 * A column that is NULL still costs a byte, so a row has few columns, and what follows from others is not stored: the life of a
 * process that exits, the pid of a parent that has a row, arguments that a command line has, its beginning where another has it.
 * Numbers of sequence are counted in ticks,
 * whose events have a base of time in common, and in blocks, within which events refer to one another's paths. */

#include "event/event.h"

enum column_kind {
	COLUMN_NUMBER,			/* as it is, 64 bits, two's complement */
	COLUMN_TIME,			/* number: the difference to the time of the row's tick */
	COLUMN_TIME_BEFORE,		/* number: so many ns before another time that is near: that of the event, or `base` if that is known */
	COLUMN_TEXT,			/* as text: strings, lists as JSON array, addresses printed */
	COLUMN_TEXT_ID,			/* number of a row of table text */
	COLUMN_DIGEST,			/* number of a row of table digest */
	COLUMN_PATH,			/* COLUMN_dir, id of a text, and COLUMN_name; between them `/` */
};

struct column {
	uint16_t field;
	uint8_t kind;
	uint16_t base;			/* of COLUMN_TIME_BEFORE: a field of the table, in a column before; FIELD_NONE: none */
	uint8_t place;			/* from 0, in the table; the second of a path is place + 1 */
	uint8_t path;			/* of a path that others may refer to, and that may be a reference: its number, from 1 on */
};

#define TABLE_MAX_COLUMNS 128

struct table {
	char name[32];
	const char *fixed;		/* SQL of the first columns */
	unsigned n_fixed;
	unsigned n_columns;
	unsigned width;			/* columns in SQL, all */
	unsigned n_paths;		/* that others may refer to */
	struct column columns[TABLE_MAX_COLUMNS];
	uint8_t column_of[N_FIELDS];	/* in columns[]; only for fields in the set below */
	uint64_t fields[FIELD_WORDS];
};

/* Places of the fixed columns. */
enum { EVENT_SEQUENCE, EVENT_TIME, EVENT_ORIGIN, EVENT_PROCESS, EVENT_SHAPE, EVENT_N_FIXED };
enum { MORE_SEQUENCE, MORE_N_FIXED };
enum { SHAPE_ID, SHAPE_KIND, SHAPE_INFERRED, SHAPE_ESCAPED, SHAPE_N_FIXED };
enum {
	PROCESS_ID, PROCESS_SEQUENCE, PROCESS_IMAGE, PROCESS_FIRST, PROCESS_PARENT, PROCESS_PROGRAM, PROCESS_LOGIN, PROCESS_ENDED,
	PROCESS_N_FIXED,
};
enum { PROGRAM_ID, PROGRAM_BEGINS_AS, PROGRAM_BEGINS_SIZE, PROGRAM_N_FIXED };
/* As those of a shape. */
enum { LOGIN_ID, LOGIN_CUT, LOGIN_INFERRED, LOGIN_ESCAPED, LOGIN_N_FIXED };

struct layout {
	struct table events[N_CATEGORIES], more[N_CATEGORIES], shapes[N_CATEGORIES], process, program, login;
};

void layout_make(struct layout *ret);

/* Fields that no table has for itself: the columns of the row of `digest` that another one names. */
enum { DIGEST_STATE, DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, N_DIGEST_COLUMNS };
#define N_DIGEST_GROUPS 4
extern const char *const digest_columns[N_DIGEST_COLUMNS];	/* as SQL of that row */
struct digest_group {
	enum field id;			/* a column of kind COLUMN_DIGEST */
	enum field fields[N_DIGEST_COLUMNS];
};
extern const struct digest_group digest_groups[N_DIGEST_GROUPS];
/* The group that the field is one of; NULL: none. */
const struct digest_group *layout_digest_group(unsigned field);
/* Takes these fields out of a set. */
void layout_without_digests(uint64_t set[static FIELD_WORDS]);

static inline bool table_has(const struct table *table, unsigned field)
{
	return table->fields[field / 64] >> (field % 64) & 1;
}

/* What a process that exits had lived, from the rest of its event.  false: it does not follow. */
static inline bool duration_follows(const struct event *event, uint64_t *ret)
{
	const struct context *context = event->context;

	if (event->kind != KIND_ID(process, exit) || !context || !values_has(&context->values, FIELD_start) ||
	    event->time_ns < context->start)
		return false;
	*ret = event->time_ns - context->start;
	return true;
}

/* Ticks and blocks. */
#define TICK_BITS  8
#define BLOCK_BITS 12
#define BLOCK_EVENTS (UINT64_C(1) << BLOCK_BITS)

/* A path that stands in an event before it, of the same block and category: how many numbers before << 1, + 1: in the
 * second of that event's paths. */
#define PATH_REFERENCE_BITS 1

/* process.ended: by how many numbers the event that ended the image comes behind process.sequence << 1 | it exited, on top of this.
 * All such numbers are stored in three bytes (four where 4,000,000 events lie between), so that a row does not grow when its
 * process ends. */
#define ENDED_BASE (INT64_C(1) << 16)
#define ENDED_NONE (-(INT64_C(1) << 23))
#define ENDED_NONE_SQL "-(1 << 23)"
/* The number of that event, of row p; NULL: there is none.  %lld: ENDED_NONE, ENDED_BASE. */
#define ENDED_BY_SQL "p.sequence + ((nullif(p.ended, %lld) - %lld) >> 1)"

/* more_process.event_duration and process.process_parent_pid: what would follow from the rest of the row is not so, nothing is
 * known. */
#define NOTHING_KNOWN (-(INT64_C(1) << 62))

/* program.process_args: they are what the command line gives when it is split at each blank. No text has this number. */
#define TEXT_FOLLOWS 0

/* text.owner: who may have referred to it, 0 processes, else category + 1; << 1 | it is percent-escaped. */
#define TEXT_OWNER_BITS 1
