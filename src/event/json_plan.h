#pragma once
/* The order in which the members of a JSON object are written: a list of steps made from dotted names. */

#include "event/schema.h"

#define JSON_KEY_MAX 40			/* `"name":{`; keys are copied whole, what is too much is written over */
#define JSON_MAX_STEPS 384		/* a signal has nearly all fields there are */

struct event_writer;
struct json_step;
typedef void (*json_write_fn)(struct event_writer *w, const struct json_step *step);

struct json_member {
	const char *name;		/* "process.executable" */
	uint16_t field;			/* FIELD_NONE: none */
	bool always;			/* written also when the field is unknown */
	json_write_fn write;
};

enum json_step_kind { STEP_MEMBER, STEP_OBJECT, STEP_END };

struct json_step {
	enum json_step_kind kind;
	uint16_t field;
	uint16_t after;			/* object: the step behind its end */
	bool always;			/* object: some member in it is */
	uint8_t key_size;		/* end: as of its object */
	char key[JSON_KEY_MAX];
	uint64_t below[FIELD_WORDS];	/* object: the fields in it */
	json_write_fn write;
};

struct json_plan {
	unsigned n_steps;
	struct json_step steps[JSON_MAX_STEPS];
};

/* Objects stand where their first member does, members in the order they come; of two with the same name
 * the first counts.  The names are borrowed until it returns. */
void json_plan_make(struct json_plan *ret, const struct json_member *members, size_t n_members);
