#pragma once
/* Which field is stored in which table and column: made from the table of fields, used by the writer, the
 * reader and the SQL of tables and views alike.
 *
 *	event_CATEGORY	a row an event: what differs from event to event
 *	shape_CATEGORY	what many events of a category have in common (kind, outcome, mode, ...), once
 *	process		a row a context: the process image
 *	login		what many processes have in common (users, groups, session, container, unit), once
 *	text		texts that repeat, once
 *
 * An event of a file is so about 60 bytes. Fields whose values are few go to shape: texts, lists, flags,
 * modes, devices; those of a context that do not describe the process itself (not `process.*`) to login. */

#include "event/event.h"

enum column_kind {
	COLUMN_NUMBER,			/* as it is, 64 bits, two's complement */
	COLUMN_TEXT,			/* as text: strings, lists as JSON array, addresses printed */
	COLUMN_TEXT_ID,			/* number of a row of table text */
	COLUMN_PATH,			/* COLUMN_dir, id of a text, and COLUMN_name; between them `/` */
};

struct column {
	uint16_t field;
	uint8_t kind;
	uint8_t place;			/* from 0, in the table; the second of a path is place + 1 */
};

#define TABLE_MAX_COLUMNS 128

struct table {
	char name[32];
	const char *fixed;		/* SQL of the first columns */
	unsigned n_fixed;
	unsigned n_columns;
	unsigned width;			/* columns in SQL, all */
	struct column columns[TABLE_MAX_COLUMNS];
	uint8_t column_of[N_FIELDS];	/* in columns[]; only for fields in the set below */
	uint64_t fields[FIELD_WORDS];
};

/* Places of the fixed columns. */
enum { EVENT_SEQUENCE, EVENT_TIME, EVENT_ORIGIN, EVENT_PROCESS, EVENT_SHAPE, EVENT_N_FIXED };
enum { SHAPE_ID, SHAPE_KIND, SHAPE_INFERRED, SHAPE_ESCAPED, SHAPE_N_FIXED };
enum {
	PROCESS_ID, PROCESS_SEQUENCE, PROCESS_IMAGE, PROCESS_PARENT, PROCESS_DEPTH, PROCESS_CUT,
	PROCESS_LOGIN, PROCESS_INFERRED, PROCESS_ESCAPED, PROCESS_N_FIXED,
};
enum { LOGIN_ID, LOGIN_N_FIXED };

struct layout {
	struct table events[N_CATEGORIES], shapes[N_CATEGORIES], process, login;
};

void layout_make(struct layout *ret);

static inline bool table_has(const struct table *table, unsigned field)
{
	return table->fields[field / 64] >> (field % 64) & 1;
}
