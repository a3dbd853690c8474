#pragma once
/* Top talkers: how many events have which value of a field, or of two. */

#include "cli/screen.h"
#include "event/event.h"
#include "filter/filter.h"

struct groups;

enum groups_format { GROUPS_TABLE, GROUPS_JSON, GROUPS_CSV };

/* list: `FIELD` or `FIELD,FIELD`, names of filters.  0; -EINVAL: *error says what is wrong with it; -ENOMEM. */
int groups_new(struct groups **ret, const char *list, struct filter_error *error);
struct groups *groups_free(struct groups *groups);
DEFINE_CLEANUP(struct groups, groups_free)
/* Leaves those kinds whose events can have the fields.  Whether any is left. */
bool groups_narrow(const struct groups *groups, bool wanted[N_KINDS]);
/* Adds the fields that are looked at to a set.  Whether they are those of ancestors too. */
bool groups_fields(const struct groups *groups, uint64_t set[static FIELD_WORDS]);
/* An event counts once for each value it has: of a list for each item, of the ancestry for each ancestor.  -ENOMEM. */
int groups_add(struct groups *groups, const struct event *event);
/* The most frequent first, `limit` of them (0: all), then what that leaves out: of CSV on `notes`.  -ENOMEM. */
int groups_print(struct groups *groups, const struct screen *screen, enum groups_format format, size_t limit, FILE *notes);
