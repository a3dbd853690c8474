#pragma once
/* The tables made from kinds.def and fields.def, and look-up by name.  Every reader and writer of events
 * loops over these and names no field. */

#include "base/span.h"

enum category {
#define CATEGORY(name, subject, detail) CATEGORY_##name,
#include "event/kinds.def"
	N_CATEGORIES,
};

/* Stored number of a kind: category * 32 + its number, so that a new kind moves no other. */
#define KINDS_PER_CATEGORY 32

/* A kind is named in code by its place in the table: KIND_ID(process, exec). */
#define KIND_ID(category, action) KIND_##category##_##action
enum kind_id {
#define KIND(category, number, action, ecs_category, ecs_type, shed, meaning) KIND_##category##_##action,
#include "event/kinds.def"
	N_KINDS,
};

struct kind {
	uint16_t number;		/* stored: category * 32 + number in it */
	enum category category;
	const char *action;		/* "exec" */
	const char *ecs_category;	/* "process": coarser than ours */
	const char *ecs_type;		/* "start" */
	uint8_t shed;			/* 0 never, 1 first */
	const char *meaning;
};

extern const struct kind kinds[N_KINDS];

struct category_info {
	const char *name;		/* "process" */
	const char *subject_sql;
	const char *detail_sql;
};
extern const struct category_info categories[N_CATEGORIES];

enum field_type {
	TYPE_U32,
	TYPE_U64,
	TYPE_I32,
	TYPE_I64,
	TYPE_BOOL,
	TYPE_TIME,
	TYPE_ID,
	TYPE_MODE,
	TYPE_DEVICE,
	TYPE_TEXT,
	TYPE_STRING,
	TYPE_PATH,
	TYPE_LIST,
	TYPE_IP,
};

/* Text of an event or context: a place in its arena. */
struct text {
	uint32_t offset;
	uint32_t size;
};

typedef uint32_t field_U32;
typedef uint64_t field_U64;
typedef int32_t field_I32;
typedef int64_t field_I64;
typedef bool field_BOOL;
typedef uint64_t field_TIME;
typedef uint64_t field_ID;
typedef uint32_t field_MODE;
typedef uint64_t field_DEVICE;
typedef struct text field_TEXT;
typedef struct text field_STRING;
typedef struct text field_PATH;
typedef struct text field_LIST;
typedef struct text field_IP;

/* Fields of the context first, so that `id < N_CONTEXT_FIELDS` tells the two apart. */
enum field {
#define CONTEXT(member, type, name, meaning) FIELD_##member,
#include "event/fields.def"
	N_CONTEXT_FIELDS,
	FIELD_BEFORE_EVENT_ = N_CONTEXT_FIELDS - 1,
#define EVENT(member, type, name, categories, meaning) FIELD_##member,
#include "event/fields.def"
	N_FIELDS,
};
#define FIELD_NONE N_FIELDS
#define FIELD_WORDS ((N_FIELDS + 63) / 64)

struct field_info {
	const char *member;
	const char *name;		/* "process.executable", the ECS name */
	const char *meaning;
	enum field_type type;
	uint16_t offset;		/* of the member in struct context or struct event */
	uint16_t categories;		/* bit set of enum category; contexts: all */
	bool is_context;
};
extern const struct field_info fields[N_FIELDS];
extern const char *const field_type_names[];

static inline bool field_type_is_text(enum field_type type)
{
	return type >= TYPE_TEXT;
}

/* Categories of a field (field_info.categories). */
enum category_bit {
#define CATEGORY(name, subject, detail) CATEGORY_BIT_##name = 1 << CATEGORY_##name,
#include "event/kinds.def"
};

/* By name; N_KINDS / N_CATEGORIES / FIELD_NONE when there is none. */
unsigned kind_lookup(struct span category, struct span action);
unsigned kind_by_number(uint16_t number);
enum category category_lookup(struct span name);
enum field field_lookup(struct span name);

/* "process_executable": the name as a column of the database. */
#define FIELD_COLUMN_MAX 64
void field_column(enum field field, char ret[static FIELD_COLUMN_MAX]);
