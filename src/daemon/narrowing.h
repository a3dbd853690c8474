#pragma once
/* How far audit's rules can be narrowed for what is subscribed: folders, users, outcomes.  Control thread. */

#include "filter/filter.h"
#include "source/audit_folders.h"
#include "source/users.h"

#define NARROWING_USERS 64

struct narrowing_text {
	size_t offset, size;		/* in narrowing.texts, which moves while it grows */
};

struct narrowing {
	struct audit_scope scope;	/* of the rules; what hangs on the host as of the last narrowing_make() */
	bool by_folder[N_KINDS], by_user[N_KINDS];	/* that the terms bind; in `scope` only if the host lets them */
	enum audit_outcome outcome[N_KINDS];	/* so too */
	struct source_exclusion *paths;	/* that they name */
	struct narrowing_text *path_texts;
	size_t n_paths;
	struct narrowing_text names[NARROWING_USERS];	/* or numbers */
	size_t n_names;
	bool users_by_name;
	struct buffer texts;
	struct users *users;		/* NULL: nobody is looked for */
	struct audit_folders folders;
	char spelled[AUDIT_SCOPE_FOLDERS][AUDIT_FOLDER_MAX + 8];
	unsigned spelling;		/* of the ways to write them */
	uint64_t identity;		/* of the host, as of the last narrowing_make() */
	uint64_t looked_ns;		/* so it was then (1970) */
	uint64_t next_look_ns;		/* CLOCK_MONOTONIC */
	bool is_narrowed;		/* `scope` leaves something out that hangs on the host */
};

void narrowing_release(struct narrowing *narrowing);
/* For what either filter can want; other may be NULL.  max_paths: more than these are not told apart; 0: none are. */
void narrowing_find(struct narrowing *narrowing, const struct filter *filter, const struct filter *other, size_t max_paths);
/* For the host as it is now.  The rules are to be loaded with it; NULL: nothing can be left out. */
const struct audit_scope *narrowing_make(struct narrowing *narrowing);
/* The rules could not be loaded: the next look finds them outdated. */
void narrowing_forget(struct narrowing *narrowing);
/* All is asked for, until the next narrowing_make().  why: static. */
void narrowing_drop(struct narrowing *narrowing, const char *why);
/* Once a second: whether the host is another than the rules were made for, so that they may miss something.  now: though it was looked at
 * just now. */
bool narrowing_is_outdated(struct narrowing *narrowing, bool now);
/* The folders in words, or why there are none; cut to what has room. */
const char *narrowing_text(const struct narrowing *narrowing, char *ret, size_t size);
/* Whether an event of this kind and path is asked for, whoever does it. */
bool narrowing_passes(const struct narrowing *narrowing, enum kind_id kind, struct span path);
