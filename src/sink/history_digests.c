/* See history_digests.h.  The table is short: all of it is read. */

#include "sink/history_digests.h"

#include <errno.h>
#include <stdlib.h>

#include "sink/layout.h"
#include "sink/sieve.h"

void digest_need_release(struct digest_need *need)
{
	free(need->fields);
	free(need->keys);
	*need = (struct digest_need){ 0 };
}

static bool asks_for_hashes(const struct history_need *need)
{
	for (size_t i = 0; i < need->n_fields; i++)
		if (layout_digest_group(need->fields[i]))
			return true;
	return false;
}

static bool has_field(const struct digest_need *need, enum field field)
{
	for (size_t i = 0; i < need->need.n_fields; i++)
		if (need->fields[i] == field)
			return true;
	return false;
}

/* Each field of hashes by that which names the version. */
static void translate_fields(struct digest_need *ret, const struct history_need *need)
{
	for (size_t i = 0; i < need->n_fields; i++) {
		const struct digest_group *group = layout_digest_group(need->fields[i]);
		enum field field = group ? group->id : need->fields[i];

		if (!has_field(ret, field))
			ret->fields[ret->need.n_fields++] = field;
	}
}

static int add_key(struct digest_need *ret, size_t *capacity, uint64_t key)
{
	if (ret->need.n_keys == *capacity) {
		size_t more = *capacity * 2 + 16;
		uint64_t *keys = reallocarray(ret->keys, more, sizeof(*keys));

		if (!keys)
			return -ENOMEM;
		ret->keys = keys;
		*capacity = more;
	}
	ret->keys[ret->need.n_keys++] = key;
	return 0;
}

static bool is_asked_for(const struct history_need *need, enum field field, struct span text)
{
	uint64_t key;

	if (!text.data)
		return false;
	key = sieve_key_text(field, text);
	for (size_t i = 0; i < need->n_keys; i++)
		if (need->keys[i] == key)
			return true;
	return false;
}

/* The version of the row, for each field that one of its hashes is asked for of. */
static int add_row(struct digest_need *ret, size_t *capacity, const struct history_need *need, sqlite3_stmt *statement)
{
	for (size_t i = 0; i < need->n_fields; i++) {
		const struct digest_group *group = layout_digest_group(need->fields[i]);
		int r, column = 0;

		if (!group)
			continue;
		while (group->fields[column] != need->fields[i])
			column++;
		if (!is_asked_for(need, need->fields[i],
				  (struct span){ (const char *)sqlite3_column_text(statement, column + 1),
						 (size_t)sqlite3_column_bytes(statement, column + 1) }))
			continue;
		r = add_key(ret, capacity, sieve_key_number(group->id, (uint64_t)sqlite3_column_int64(statement, 0)));
		if (r < 0)
			return r;
	}
	return 0;
}

int digest_need_make(struct digest_need *ret, sqlite3 *db, const struct history_need *need)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	size_t capacity = need->n_keys;
	int r, e = 0;

	*ret = (struct digest_need){ .need = *need };
	if (!asks_for_hashes(need))
		return 0;
	ret->need.n_fields = 0;
	ret->fields = reallocarray(NULL, need->n_fields, sizeof(*ret->fields));
	ret->keys = reallocarray(NULL, MAX(capacity, 1u), sizeof(*ret->keys));
	if (!ret->fields || !ret->keys)
		return -ENOMEM;
	translate_fields(ret, need);
	memcpy(ret->keys, need->keys, need->n_keys * sizeof(*ret->keys));
	r = sql_prepare(db, "SELECT hash_id, coalesce(state, 'pending'), md5, sha1, sha256 FROM digest", &statement);
	if (r < 0)
		return r;
	while (e == 0 && (r = sqlite3_step(statement)) == SQLITE_ROW)
		e = add_row(ret, &capacity, need, statement);
	ret->need.fields = ret->fields;
	ret->need.keys = ret->keys;
	return e < 0 ? e : sql_errno(r);
}
