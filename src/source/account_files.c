/* See account_files.h. */

#include "source/account_files.h"

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "event/record.h"
#include "source/account_change.h"

struct account_files {
	const char *root;
	unsigned char key[ACCOUNT_KEY_BYTES];
	struct account_table tables[N_ACCOUNT_FILES];
	struct buffer text;
};

/* Those of one kind: the file that has them, and the one with their passwords. */
static const struct {
	const char *of;
	enum account_file files[2];
} pairs[] = {
	{ "user", { ACCOUNT_PASSWD, ACCOUNT_SHADOW } },
	{ "group", { ACCOUNT_GROUP, ACCOUNT_GSHADOW } },
};

static const char *name_of(const struct account_files *files, enum account_file file, char name[PATH_MAX])
{
	return snprintf(name, PATH_MAX, "%s%s", files->root, account_paths[file]) < PATH_MAX ? name : "";
}

static void release(struct account_table tables[N_ACCOUNT_FILES])
{
	for (unsigned i = 0; i < N_ACCOUNT_FILES; i++)
		account_table_release(&tables[i]);
}

static int read_tables(const struct account_files *files, struct account_table ret[N_ACCOUNT_FILES])
{
	char name[PATH_MAX];
	int r = 0;

	for (unsigned i = 0; i < N_ACCOUNT_FILES && r >= 0; i++)
		r = account_table_read(&ret[i], (enum account_file)i, name_of(files, (enum account_file)i, name), files->key);
	if (r < 0)
		release(ret);
	return r;
}

int account_files_new(struct account_files **ret, const char *root)
{
	_cleanup_(account_files_freep) struct account_files *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return -ENOMEM;
	files->root = root;
	if (RAND_bytes(files->key, sizeof(files->key)) != 1)
		return -EIO;
	r = read_tables(files, files->tables);
	if (r < 0)
		return r;
	*ret = TAKE(files);
	return 0;
}

struct account_files *account_files_free(struct account_files *files)
{
	if (!files)
		return NULL;
	release(files->tables);
	explicit_bzero(files->key, sizeof(files->key));
	buffer_release(&files->text);
	free(files);
	return NULL;
}

/* What is said */

static void put_hex(struct buffer *text, const char *key, struct span bytes)
{
	buffer_append_text(text, key);
	record_put_hex(text, bytes);
}

struct look {
	struct account_files *files;
	const struct account_table *now;	/* N_ACCOUNT_FILES */
	account_fn fn;
	void *user;
	struct account_change change;
	unsigned n_told;
	bool failed;
};

static void say(struct look *look)
{
	if (buffer_error(&look->files->text) < 0)
		look->failed = true;
	else
		look->fn(look->user, buffer_span(&look->files->text));
}

/* Something of a file as a whole. */
static void say_of_file(struct look *look, const char *of, enum account_file file, const char *what)
{
	struct buffer *text = &look->files->text;

	buffer_clear(text);
	buffer_printf(text, " act=change of=%s", of);
	put_hex(text, " changes=", (struct span){ what, strlen(what) + 1 });
	put_hex(text, " path=", span_of(account_paths[file]));
	say(look);
}

static void say_of_account(struct look *look, unsigned pair, const struct account_side *before, const struct account_side *now)
{
	struct buffer *text = &look->files->text;
	unsigned main = now->accounts[0] || before->accounts[0] ? 0 : 1;
	const struct account_side *side = now->accounts[main] ? now : before;
	struct account_line line = account_table_line(side->tables[main], side->accounts[main]);
	bool main_differs = main == 0 && (!now->accounts[0] || !before->accounts[0] ||
					  !account_is_same(before->tables[0], before->accounts[0], now->tables[0], now->accounts[0]));
	uint64_t id;

	account_change_find(&look->change, before, now);
	if (look->change.list.failed)
		look->failed = true;
	if (look->change.list.failed || (look->change.n == 0 && !look->change.is_cut && now->accounts[main] && before->accounts[main]))
		return;
	if (look->n_told++ >= ACCOUNT_TELL_MAX)
		return;
	buffer_clear(text);
	buffer_printf(text, " act=%s of=%s", look->change.act, pairs[pair].of);
	if (main == 0 && span_to_u64(line.columns[ACCOUNT_ID], &id) == 0 && id <= UINT32_MAX)
		buffer_printf(text, " id=%u", (unsigned)id);
	put_hex(text, " name=", line.columns[ACCOUNT_NAME]);
	put_hex(text, " changes=", buffer_span(&look->change.list));
	put_hex(text, " path=", span_of(account_paths[pairs[pair].files[main_differs ? 0 : 1]]));
	if (look->change.is_cut)
		buffer_append_text(text, " cut=1");
	say(look);
}

/* What differs */

struct cursor {
	const struct account_table *table;
	size_t at, end;
};

/* The account that comes first of those that the cursors point to. */
static const struct cursor *first_of(const struct cursor cursors[4])
{
	const struct cursor *first = NULL;

	for (unsigned i = 0; i < 4; i++)
		if (cursors[i].at < cursors[i].end &&
		    (!first || account_compare(cursors[i].table, &cursors[i].table->accounts[cursors[i].at], first->table,
					       &first->table->accounts[first->at]) < 0))
			first = &cursors[i];
	return first;
}

/* Whether it is the version that it was. */
static bool is_same_file(const struct account_table *before, const struct account_table *now)
{
	return before->state == now->state && before->error == now->error && file_stamp_is(&before->stamp, &now->stamp);
}

static void compare_pair(struct look *look, unsigned pair)
{
	struct cursor cursors[4];		/* before and now of the one file, then of the other */
	struct account_side sides[2] = { 0 };	/* before, now */
	const struct cursor *first;
	char text[96];

	look->n_told = 0;
	for (unsigned i = 0; i < 4; i++) {
		enum account_file file = pairs[pair].files[i / 2];
		const struct account_table *before = &look->files->tables[file], *now = &look->now[file];
		bool is_known = before->state == TABLE_OK && now->state == TABLE_OK;

		cursors[i] = (struct cursor){ .table = i % 2 ? now : before };
		cursors[i].end = is_known ? cursors[i].table->n : 0;
		sides[i % 2].tables[i / 2] = cursors[i].table;
		sides[i % 2].is_known[i / 2] = is_known;
	}
	while ((first = first_of(cursors))) {
		const struct account *least = &first->table->accounts[first->at];
		const struct account_table *table = first->table;

		for (unsigned i = 0; i < 4; i++) {
			const struct account *account = cursors[i].at < cursors[i].end ? &cursors[i].table->accounts[cursors[i].at] : NULL;
			bool is = account && account_compare(cursors[i].table, account, table, least) == 0;

			sides[i % 2].accounts[i / 2] = is ? account : NULL;
			cursors[i].at += is;
		}
		say_of_account(look, pair, &sides[0], &sides[1]);
	}
	if (look->n_told <= ACCOUNT_TELL_MAX)
		return;
	snprintf(text, sizeof(text), "accounts: %u more differ, too many to tell at once", look->n_told - ACCOUNT_TELL_MAX);
	say_of_file(look, pairs[pair].of, pairs[pair].files[0], text);
}

/* Files that cannot be compared. */
static void tell_of_file(struct look *look, unsigned pair, enum account_file file)
{
	const struct account_table *before = &look->files->tables[file], *now = &look->now[file];
	const struct account_table *culprit = now->state != TABLE_OK ? now : before;
	char text[160];

	if (is_same_file(before, now) || culprit->state == TABLE_OK)
		return;
	switch (culprit->state) {
	case TABLE_TOO_LARGE:
		snprintf(text, sizeof(text), "file: changed; %s too large to tell what of it", culprit == now ? "it is" : "it was");
		break;
	case TABLE_UNREADABLE:
		snprintf(text, sizeof(text), "file: changed; it %s be read (%s)", culprit == now ? "cannot" : "could not",
			 strerror(culprit->error));
		break;
	default:
		snprintf(text, sizeof(text), "file: changed; somebody %s writing to it without an end", culprit == now ? "is" : "was");
		break;
	}
	say_of_file(look, pairs[pair].of, file, text);
}

/* Somebody has written to one of them a moment ago, or has put it in its place. */
static bool is_fresh(const struct account_files *files, uint64_t now_ns)
{
	bool is_fresh = false;

	for (unsigned i = 0; i < N_ACCOUNT_FILES; i++) {
		char name[PATH_MAX];
		struct stat st;
		uint64_t changed_ns;

		if (stat(name_of(files, (enum account_file)i, name), &st) < 0)
			continue;
		changed_ns = (uint64_t)st.st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec;
		is_fresh |= changed_ns <= now_ns && now_ns < changed_ns + ACCOUNT_SETTLE_NS;
	}
	return is_fresh;
}

int account_files_look(struct account_files *files, bool may_wait, uint64_t now_ns, account_fn fn, void *user)
{
	struct account_table now[N_ACCOUNT_FILES] = { 0 };
	struct look look = { .files = files, .now = now, .fn = fn, .user = user };
	bool is_changing = may_wait && is_fresh(files, now_ns);
	int r = is_changing ? -EAGAIN : read_tables(files, now);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < N_ACCOUNT_FILES; i++)
		is_changing |= now[i].state == TABLE_CHANGING;
	if (may_wait && is_changing) {
		release(now);
		return -EAGAIN;
	}
	for (unsigned pair = 0; pair < ARRAY_SIZE(pairs); pair++) {
		for (unsigned i = 0; i < 2; i++)
			tell_of_file(&look, pair, pairs[pair].files[i]);
		compare_pair(&look, pair);
	}
	release(files->tables);
	memcpy(files->tables, now, sizeof(now));
	account_change_release(&look.change);
	return look.failed ? -ENOMEM : 0;
}
