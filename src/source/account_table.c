/* See account_table.h. */

#include "source/account_table.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <unistd.h>

/* All of the file, and no more: what is left of a password that was only copied stays in memory. */
static int read_text(int fd, struct account_table *table)
{
	size_t size = (size_t)table->stamp.size, at = 0;

	table->text = malloc(size + 1);
	if (!table->text)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(fd, table->text + at, size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			table->state = TABLE_UNREADABLE;
			table->error = errno;
		}
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	/* Of a file that became shorter the rest is no text. */
	memset(table->text + at, '\n', size + 1 - at);
	return 0;
}

static void blank(struct account_table *table, struct span text)
{
	if (text.size > 0)
		memset(table->text + (text.data - table->text), ' ', text.size);
}

static bool digest_of(struct span hash, const unsigned char *key, unsigned char *ret, size_t size)
{
	unsigned char whole[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (hash.size == 0)
		return true;
	if (!HMAC(EVP_sha256(), key, ACCOUNT_KEY_BYTES, (const unsigned char *)hash.data, hash.size, whole, &n) || n < size)
		return false;
	memcpy(ret, whole, size);
	return true;
}

static int take_line(struct account_table *table, struct span line, const unsigned char *key)
{
	struct account account = { .offset = (uint32_t)(line.data - table->text) };
	struct account_line parsed;
	const char *end;
	struct span hash;

	if (!account_line_parse(table->file, line, &parsed)) {
		blank(table, line);
		return 0;
	}
	account.state = (uint8_t)password_state_of(parsed.columns[ACCOUNT_PASSWORD], &hash);
	if (!digest_of(hash, key, account.digest, sizeof(account.digest)))
		return -ENOMEM;
	blank(table, parsed.columns[ACCOUNT_PASSWORD]);
	end = memchr(line.data, 0, line.size);
	account.size = (uint32_t)(end ? (size_t)(end - line.data) : line.size);
	blank(table, (struct span){ line.data + account.size, line.size - account.size });
	table->accounts[table->n++] = account;
	return 0;
}

static int compare_names(const struct account_table *table, const struct account *account, const struct account_table *other_table,
			 const struct account *other)
{
	struct span a = account_table_line(table, account).columns[ACCOUNT_NAME];
	struct span b = account_table_line(other_table, other).columns[ACCOUNT_NAME];
	int order = memcmp(a.data, b.data, MIN(a.size, b.size));

	return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_name(const void *a, const void *b, void *table)
{
	const struct account *x = a, *y = b;
	int order = compare_names(table, x, table, y);

	return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static int take_lines(struct account_table *table, const unsigned char *key)
{
	struct span rest = { table->text, (size_t)table->stamp.size };
	size_t n_lines = 1;
	int r = 0;

	for (const char *p = rest.data; (p = memchr(p, '\n', (size_t)(rest.data + rest.size - p))); p++)
		n_lines++;
	table->accounts = calloc(MIN(n_lines, (size_t)ACCOUNTS_MAX), sizeof(*table->accounts));
	if (!table->accounts)
		return -ENOMEM;
	while (r >= 0 && rest.size > 0) {
		const char *end = memchr(rest.data, '\n', rest.size);
		struct span line = { rest.data, end ? (size_t)(end - rest.data) : rest.size };

		if (table->n == ACCOUNTS_MAX) {
			table->state = TABLE_TOO_LARGE;
			break;
		}
		r = take_line(table, line, key);
		rest.data += line.size + (end ? 1 : 0);
		rest.size -= line.size + (end ? 1 : 0);
	}
	if (r < 0 || table->state != TABLE_OK)
		return r;
	qsort_r(table->accounts, table->n, sizeof(*table->accounts), by_name, table);
	for (size_t i = 1; i < table->n; i++)
		if (compare_names(table, &table->accounts[i - 1], table, &table->accounts[i]) == 0)
			table->accounts[i].nth = table->accounts[i - 1].nth + 1;
	return 0;
}

/* Of what is not kept, also what was not come to: passwords. */
static void forget(struct account_table *table)
{
	if (table->text)
		explicit_bzero(table->text, (size_t)table->stamp.size + 1);
	free(table->text);
	free(table->accounts);
	table->text = NULL;
	table->accounts = NULL;
	table->n = 0;
}

static int read_file(struct account_table *table, int fd, const unsigned char *key)
{
	struct file_stamp after;
	int r = file_stamp_of(fd, &table->stamp);

	if (r < 0) {
		table->state = TABLE_UNREADABLE;
		table->error = -r;
		return 0;
	}
	if (table->stamp.size > ACCOUNT_BYTES_MAX) {
		table->state = TABLE_TOO_LARGE;
		return 0;
	}
	r = read_text(fd, table);
	if (r >= 0 && table->state == TABLE_OK && (file_stamp_of(fd, &after) < 0 || !file_stamp_is(&after, &table->stamp)))
		table->state = TABLE_CHANGING;
	if (r >= 0 && table->state == TABLE_OK)
		r = take_lines(table, key);
	if (r < 0 || table->state != TABLE_OK)
		forget(table);
	return r;
}

int account_table_read(struct account_table *ret, enum account_file file, const char *path, const unsigned char key[ACCOUNT_KEY_BYTES])
{
	struct account_table table = { .file = file };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = 0;

	if (fd >= 0) {
		r = read_file(&table, fd, key);
		close(fd);
	} else if (errno != ENOENT) {
		table.state = TABLE_UNREADABLE;
		table.error = errno;
	}
	if (r >= 0)
		*ret = table;
	return r;
}

void account_table_release(struct account_table *table)
{
	forget(table);
	*table = (struct account_table){ .file = table->file };
}

struct account_line account_table_line(const struct account_table *table, const struct account *account)
{
	struct account_line line = { 0 };

	account_line_parse(table->file, (struct span){ table->text + account->offset, account->size }, &line);
	return line;
}

int account_compare(const struct account_table *table, const struct account *account, const struct account_table *other_table,
		    const struct account *other)
{
	int order = compare_names(table, account, other_table, other);

	return order ? order : (account->nth > other->nth) - (account->nth < other->nth);
}

bool account_is_same(const struct account_table *table, const struct account *account, const struct account_table *other_table,
		     const struct account *other)
{
	struct account_line a = account_table_line(table, account), b = account_table_line(other_table, other);
	bool is_same = account->state == other->state && memcmp(account->digest, other->digest, sizeof(account->digest)) == 0;

	for (size_t i = ACCOUNT_ID; i < ACCOUNT_COLUMNS; i++)
		is_same &= span_eq(a.columns[i], b.columns[i]);
	return is_same;
}
