/* Any bytes as files of the host and of our own that hold tables: accounts, groups, the cache of digests.  Names that are found are
 * names; a table of accounts is sorted; a cache that is taken is written the same. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/account_table.h"
#include "source/digest_cache.h"
#include "source/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_users(const char *path)
{
	_cleanup_(users_freep) struct users *users = NULL;

	if (users_new(&users, path, path) < 0)
		return;
	for (uint32_t id = 0; id < 4; id++) {
		struct span name = users_user_name(users, id, 1);

		if (name.size > 0 && (memchr(name.data, ':', name.size) || memchr(name.data, '\n', name.size)))
			abort();
		(void)users_group_name(users, id, 1);
	}
}

static void read_accounts(const char *path, enum account_file file)
{
	static const unsigned char key[ACCOUNT_KEY_BYTES] = "key";
	struct account_table table;

	if (account_table_read(&table, file, path, key) < 0)
		return;
	for (size_t i = 1; table.state == TABLE_OK && i < table.n; i++)
		if (account_compare(&table, &table.accounts[i - 1], &table, &table.accounts[i]) >= 0)
			abort();
	for (size_t i = 0; table.state == TABLE_OK && i < table.n; i++)
		(void)account_table_line(&table, &table.accounts[i]);
	account_table_release(&table);
}

static void read_cache(struct span bytes)
{
	_cleanup_(digest_cache_freep) struct digest_cache *cache = NULL;
	_cleanup_(buffer_release) struct buffer written = { 0 };

	if (digest_cache_new(&cache, 8) < 0 || digest_cache_read(cache, bytes) < 0)
		return;
	if (digest_cache_size(cache) > 8 || digest_cache_write(cache, &written) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[32];

	if (size < 1)
		return 0;
	if (fd < 0)
		fd = memfd_create("table", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)size - 1)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_users(path);
	for (unsigned file = 0; file < N_ACCOUNT_FILES; file++)
		read_accounts(path, (enum account_file)file);
	read_cache((struct span){ (const char *)data + 1, size - 1 });
	return 0;
}
