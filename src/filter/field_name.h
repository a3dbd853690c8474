#pragma once
/* The names a term may use, and where their values lie. */

#include "event/event.h"
#include "base/suggest.h"

enum place {
	PLACE_event,
	PLACE_process,
	PLACE_parent,
	PLACE_ancestry,
	PLACE_current,
	PLACE_remote,
	PLACE_local,
	PLACE_action,		/* from here on: of the kind, known without an event */
	PLACE_category,
	PLACE_type,
	N_PLACES,
};

#define FIELD_NAME_MAX 3
#define ALL_CATEGORIES ((1u << N_CATEGORIES) - 1)

struct field_name {
	const char *name;		/* NULL: a name of fields.def */
	const char *meaning;
	enum place place;
	uint16_t categories;		/* bit set of the categories whose events have it */
	enum field fields[FIELD_NAME_MAX];
	unsigned n_fields;
};

/* Names of filter_fields.def, names of fields.def, and `process.parent.` / `process.ancestry.` before the
 * rest of a name of the process (process.parent.executable, process.ancestry.user.name). False: there is
 * none. */
bool field_name_lookup(struct span name, struct field_name *ret);
/* Offers every name to a suggestion. */
void field_name_suggest(struct suggestion *suggestion);
/* Those of filter_fields.def, in order; NULL after the last. */
const struct field_name *field_name_own(size_t i);

/* Whether events of the kind can have it. */
bool field_name_is_of(const struct field_name *name, unsigned kind);
/* Which way a connection goes: the peer is its source. */
bool event_is_ingress(const struct event *event);

/* A known value of an event under a name: a field of the event, of the process behind it or of one above that. */
struct field_place {
	const struct values *values;
	enum field field;
};
#define FIELD_PLACES_MAX (FIELD_NAME_MAX * (CONTEXT_MAX_DEPTH + 1))
/* All of them; borrowed from the event.  Names of the kind (event.action, ...) have none: field_name_of_kind(). */
size_t field_name_places(const struct field_name *name, const struct event *event,
			 struct field_place ret[static FIELD_PLACES_MAX]);
/* Adds the fields that are looked at for it to a set.  Whether they are those of ancestors too. */
bool field_name_fields(const struct field_name *name, uint64_t set[static FIELD_WORDS]);
/* The value of a name that the kind alone decides; empty for any other name. */
struct span field_name_of_kind(const struct field_name *name, unsigned kind);
