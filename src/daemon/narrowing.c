/* See narrowing.h.
 *
 * A kind of events is narrowed if every filter that can want it has a term that says what paths, or which users, it is about
 * (filter_required); one that has none, and all of the kind is asked for.  Narrowed to more than is wanted is no harm, the filter has
 * the last word; so the folders are those of all kinds together, and the users too.
 *
 * By path: `file.path` is what the host calls a file.  Of a rename or link either name will do; of a symbolic link its text, which is
 * file.target_path, is nothing that the kernel looks for, so that binds nothing.
 *
 * By user: audit compares the numbers that it puts into the record of the call, so what the process was or becomes does not matter.
 * Names are those of /etc/passwd, as everywhere here; one that is not there yet, or that another line has by now, is looked for every
 * second.  Numbers that once had a name stay asked for: processes keep the name that they began with.
 *
 * By outcome: of connections, whose failures are told too.
 *
 * Not by program: audit's `exe=` is an inode, which has other names by links and mounts; nor by the name of a process, its container,
 * its parents, of which audit knows nothing. */

#include "daemon/narrowing.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LOOK_SHARE 100			/* looking takes one part of these of the time at most */

/* Ways to write a folder, one after the other: the kernel shares marks by text, and rules of before linger. */
static const char *const spellings[] = { "/.", "/./.", "/././.", "/./././." };

void narrowing_release(struct narrowing *narrowing)
{
	free(narrowing->paths);
	free(narrowing->path_texts);
	buffer_release(&narrowing->texts);
	users_free(narrowing->users);
	*narrowing = (struct narrowing){ 0 };
}

/* What the filters ask for */

struct collecting {
	struct narrowing *narrowing;
	size_t max, room;
	enum audit_outcome outcome;
};

static int add_text(struct narrowing *narrowing, struct span text, struct narrowing_text *ret)
{
	*ret = (struct narrowing_text){ narrowing->texts.size, text.size };
	buffer_append_span(&narrowing->texts, text);
	return buffer_error(&narrowing->texts);
}

static struct span text_of(const struct narrowing *narrowing, struct narrowing_text text)
{
	return (struct span){ narrowing->texts.data + text.offset, text.size };
}

static int make_room(struct collecting *collecting)
{
	struct narrowing *narrowing = collecting->narrowing;
	size_t room = MAX(collecting->room * 2, (size_t)16);
	struct source_exclusion *paths = reallocarray(narrowing->paths, room, sizeof(*paths));
	struct narrowing_text *path_texts;

	if (paths)
		narrowing->paths = paths;
	path_texts = reallocarray(narrowing->path_texts, room, sizeof(*path_texts));
	if (path_texts)
		narrowing->path_texts = path_texts;
	if (!paths || !path_texts)
		return -ENOMEM;
	collecting->room = room;
	return 0;
}

static int add_path(void *user, struct span text, bool by_prefix)
{
	struct collecting *collecting = user;
	struct narrowing *narrowing = collecting->narrowing;
	size_t n = narrowing->n_paths;
	int r;

	for (size_t i = 0; i < n; i++)
		if (narrowing->paths[i].below == by_prefix && span_eq(text_of(narrowing, narrowing->path_texts[i]), text))
			return 0;
	if (n == collecting->max)
		return -ENOSPC;
	r = n == collecting->room ? make_room(collecting) : 0;
	if (r < 0)
		return r;
	narrowing->paths[n].below = by_prefix;
	narrowing->n_paths++;
	return add_text(narrowing, text, &narrowing->path_texts[n]);
}

static int add_name(void *user, struct span text, bool by_prefix)
{
	struct collecting *collecting = user;
	struct narrowing *narrowing = collecting->narrowing;
	size_t i = narrowing->n_names;

	for (size_t k = 0; k < i; k++)
		if (span_eq(text_of(narrowing, narrowing->names[k]), text))
			return 0;
	if (by_prefix || i == NARROWING_USERS)
		return -ENOSPC;
	narrowing->n_names++;
	return add_text(narrowing, text, &narrowing->names[i]);
}

/* A connection that is on its way is a failure to the kernel (EINPROGRESS). */
static int add_outcome(void *user, struct span text, bool by_prefix)
{
	struct collecting *collecting = user;
	enum audit_outcome outcome = span_eq(text, SPAN("success")) ? AUDIT_OUTCOME_SUCCESS : AUDIT_OUTCOME_FAILURE;

	if (by_prefix || span_eq(text, SPAN("unknown")) || (collecting->outcome != AUDIT_OUTCOME_ANY && collecting->outcome != outcome))
		return -ENOSPC;
	collecting->outcome = outcome;
	return 0;
}

/* Every filter that can want the kind says what one of the fields must be.  1, 0, or what fn returned. */
static int is_bound(const struct filter *const filters[2], enum kind_id kind, const enum field *list, size_t n, filter_text_fn fn, void *user)
{
	bool of_kind[N_KINDS] = { false }, any = false;

	of_kind[kind] = true;
	for (unsigned i = 0; i < 2 && filters[i]; i++) {
		bool wanted[N_KINDS];
		int r;

		filter_wanted(filters[i], wanted);
		if (!wanted[kind])
			continue;
		r = filter_required(filters[i], of_kind, list, n, fn, user);
		if (r <= 0)
			return r;
		any = true;
	}
	return any;
}

static void find_paths(struct narrowing *narrowing, const struct filter *const filters[2], size_t max)
{
	static const enum field both[] = { FIELD_path, FIELD_target_path };
	struct collecting collecting = { .narrowing = narrowing, .max = max };

	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		size_t before = narrowing->n_paths;
		int r;

		if (kinds[kind].category != CATEGORY_file || kind == KIND_ID(file, mount) || kind == KIND_ID(file, unmount))
			continue;
		r = is_bound(filters, kind, both, kind == KIND_ID(file, symlink) ? 1 : 2, add_path, &collecting);
		if (r < 0) {		/* too many for all of them */
			memset(narrowing->by_folder, 0, sizeof(narrowing->by_folder));
			narrowing->n_paths = 0;
			return;
		}
		narrowing->by_folder[kind] = r > 0;
		if (r == 0)
			narrowing->n_paths = before;
	}
	for (size_t i = 0; i < narrowing->n_paths; i++)
		narrowing->paths[i].path = text_of(narrowing, narrowing->path_texts[i]);
}

/* The first of the fields that binds some kind. */
static void find_users(struct narrowing *narrowing, const struct filter *const filters[2])
{
	static const struct {
		enum field field;
		uint32_t of_rules;
		bool is_name;
	} list[] = {
		{ FIELD_auid_name, AUDIT_LOGINUID, true }, { FIELD_auid, AUDIT_LOGINUID, false }, { FIELD_user_name, AUDIT_UID, true },
		{ FIELD_uid, AUDIT_UID, false },	   { FIELD_euser_name, AUDIT_EUID, true }, { FIELD_euid, AUDIT_EUID, false },
	};
	struct collecting collecting = { .narrowing = narrowing };

	for (size_t i = 0; i < ARRAY_SIZE(list) && narrowing->n_names == 0; i++) {
		narrowing->scope.user_field = list[i].of_rules;
		narrowing->users_by_name = list[i].is_name;
		for (unsigned kind = 0; kind < N_KINDS; kind++) {
			size_t before = narrowing->n_names;

			narrowing->by_user[kind] = is_bound(filters, kind, &list[i].field, 1, add_name, &collecting) > 0;
			if (!narrowing->by_user[kind])
				narrowing->n_names = before;
		}
	}
}

static void find_outcomes(struct narrowing *narrowing, const struct filter *const filters[2])
{
	static const enum field field = FIELD_outcome;

	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		struct collecting collecting = { .outcome = AUDIT_OUTCOME_ANY };

		if (is_bound(filters, kind, &field, 1, add_outcome, &collecting) > 0)
			narrowing->outcome[kind] = collecting.outcome;
	}
}

void narrowing_find(struct narrowing *narrowing, const struct filter *filter, const struct filter *other, size_t max_paths)
{
	const struct filter *const filters[2] = { filter, other };
	uint64_t identity = narrowing->identity;
	unsigned spelling = narrowing->spelling;

	narrowing_release(narrowing);
	/* Folders that are asked for now go on to be asked for in these words, if they are the same. */
	narrowing->identity = identity;
	narrowing->spelling = spelling;
	find_users(narrowing, filters);
	find_outcomes(narrowing, filters);
	if (max_paths > 0)
		find_paths(narrowing, filters, max_paths);
	if (narrowing->n_names > 0 && narrowing->users_by_name && users_new(&narrowing->users, "/etc/passwd", "/etc/group") < 0)
		narrowing->n_names = 0;
}

/* What the host makes of it */

static bool add_user(struct audit_scope *scope, uint32_t id)
{
	for (size_t i = 0; i < scope->n_users; i++)
		if (scope->users[i] == id)
			return true;
	if (scope->n_users == AUDIT_SCOPE_USERS)
		return false;
	scope->users[scope->n_users++] = id;
	return true;
}

static bool add_named(struct narrowing *narrowing, struct span name)
{
	uint32_t ids[AUDIT_SCOPE_USERS];
	bool is_login = narrowing->scope.user_field == AUDIT_LOGINUID, ok = true;
	size_t n = users_user_ids(narrowing->users, name, clock_now_ns(), ids, ARRAY_SIZE(ids));

	for (size_t i = 0; i < n && ok; i++)
		ok = i < ARRAY_SIZE(ids) && add_user(&narrowing->scope, ids[i]);
	if (is_login && span_eq(name, SPAN("unset")))
		return ok && add_user(&narrowing->scope, UINT32_MAX);
	return ok && n > 0;
}

/* All of them have numbers, and not too many. */
static bool number_users(struct narrowing *narrowing)
{
	bool ok = narrowing->n_names > 0;

	for (size_t i = 0; i < narrowing->n_names && ok; i++) {
		struct span name = text_of(narrowing, narrowing->names[i]);
		uint64_t id;

		if (narrowing->users_by_name)
			ok = add_named(narrowing, name);
		else
			ok = span_to_u64(name, &id) >= 0 && id <= UINT32_MAX && add_user(&narrowing->scope, (uint32_t)id);
	}
	return ok;
}

static uint64_t identity_of(const struct narrowing *narrowing, const struct audit_folders *folders, bool has_users)
{
	struct span users = { (const char *)narrowing->scope.users, has_users ? narrowing->scope.n_users * sizeof(uint32_t) : 0 };

	return span_hash(users, folders->identity);
}

/* Returns the identity; looks at folders only if some kind hangs on them. */
static uint64_t look(struct narrowing *narrowing, struct audit_folders *ret_folders, bool *ret_users)
{
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC), now_ns;

	*ret_folders = (struct audit_folders){ .why = "" };
	if (narrowing->n_paths > 0)
		audit_folders_find(ret_folders, narrowing->paths, narrowing->n_paths, NULL);
	*ret_users = number_users(narrowing);
	/* Each folder has a rule for each user: no more of them than of folders alone. */
	if (*ret_users && narrowing->scope.n_users * (ret_folders->n + (ret_folders->root != 0)) > AUDIT_SCOPE_FOLDERS)
		*ret_users = false;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	narrowing->next_look_ns = now_ns + (now_ns - begin_ns) * LOOK_SHARE;
	return identity_of(narrowing, ret_folders, *ret_users);
}

const struct audit_scope *narrowing_make(struct narrowing *narrowing)
{
	struct audit_scope *scope = &narrowing->scope;
	struct audit_folders *folders = &narrowing->folders;
	bool has_users, any = false;
	uint64_t now_ns = clock_now_ns(), identity = look(narrowing, folders, &has_users);

	if (narrowing->identity != 0 && identity != narrowing->identity)
		narrowing->spelling = (narrowing->spelling + 1) % (ARRAY_SIZE(spellings));
	narrowing->identity = identity;
	narrowing->looked_ns = now_ns;
	narrowing->is_narrowed = folders->n > 0 || has_users;
	scope->n_folders = folders->n;
	scope->root = folders->root;
	for (size_t i = 0; i < folders->n; i++) {
		snprintf(narrowing->spelled[i], sizeof(narrowing->spelled[i]), "%s%s", folders->paths[i], spellings[narrowing->spelling]);
		scope->folders[i] = narrowing->spelled[i];
	}
	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		scope->by_folder[kind] = narrowing->by_folder[kind] && folders->n > 0;
		scope->by_user[kind] = narrowing->by_user[kind] && has_users;
		scope->outcome[kind] = narrowing->outcome[kind];
		any |= scope->by_folder[kind] || scope->by_user[kind] || scope->outcome[kind] != AUDIT_OUTCOME_ANY;
	}
	return any ? scope : NULL;
}

void narrowing_forget(struct narrowing *narrowing)
{
	narrowing->identity = ~narrowing->identity;
}

void narrowing_drop(struct narrowing *narrowing, const char *why)
{
	narrowing->is_narrowed = false;
	narrowing->folders.n = 0;
	narrowing->folders.why = why;
	memset(narrowing->scope.by_folder, 0, sizeof(narrowing->scope.by_folder));
	memset(narrowing->scope.by_user, 0, sizeof(narrowing->scope.by_user));
	memset(narrowing->scope.outcome, 0, sizeof(narrowing->scope.outcome));
}

bool narrowing_is_outdated(struct narrowing *narrowing, bool now)
{
	uint64_t now_ns = clock_now_ns();
	struct audit_folders folders;
	bool has_users;

	if ((narrowing->n_paths == 0 && narrowing->n_names == 0) || (!now && clock_ns(CLOCK_MONOTONIC) < narrowing->next_look_ns))
		return false;
	if (look(narrowing, &folders, &has_users) != narrowing->identity)
		return true;
	narrowing->looked_ns = now_ns;
	return false;
}

bool narrowing_passes(const struct narrowing *narrowing, enum kind_id kind, struct span path)
{
	bool passes = !narrowing->scope.by_folder[kind];

	for (size_t i = 0; i < narrowing->n_paths && !passes; i++)
		passes = narrowing->paths[i].below ? span_starts(path, narrowing->paths[i].path) : span_eq(path, narrowing->paths[i].path);
	return passes && !narrowing->scope.by_user[kind] && narrowing->scope.outcome[kind] == AUDIT_OUTCOME_ANY;
}

const char *narrowing_text(const struct narrowing *narrowing, char *ret, size_t size)
{
	const struct audit_folders *folders = &narrowing->folders;
	size_t used = 0;

	if (folders->n == 0)
		snprintf(ret, size, "all%s%s", narrowing->n_paths > 0 ? ": " : "", narrowing->n_paths > 0 ? folders->why : "");
	for (size_t i = 0; i < folders->n && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s%s", i > 0 ? ", " : "below ", folders->paths[i]);
	return ret;
}
