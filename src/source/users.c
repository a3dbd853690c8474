/* See users.h. Each file is kept whole, beside an index of its lines sorted by number. A file that cannot
 * be read now (being replaced, say) leaves the names from before; one that is gone has none. */

#include "source/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger files are not account files. */
#define MAX_FILE_BYTES ((size_t)16 << 20)

struct account {
	uint32_t id;
	uint32_t offset, size; /* of the name in `text` */
};

struct file {
	const char *path;
	char *text;
	struct account
		*accounts; /* by id; of several with one id the first of the file, as getpwuid() has it */
	size_t n_accounts;
	struct stat seen; /* of the text; all zero: nothing was read */
};

struct users {
	struct file passwd, group;
	bool looked;
	uint64_t looked_ns;
	char paths[];
};

static int compare(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The next of the fields that ':' parts. */
static struct span next_field(struct span *line)
{
	const char *end = line->size ? memchr(line->data, ':', line->size) : NULL;
	struct span field = { line->data, end ? (size_t)(end - line->data) : line->size };

	line->data += field.size + (end ? 1 : 0);
	line->size -= field.size + (end ? 1 : 0);
	return field;
}

/* name:password:id:... in both files. Returns how many accounts `accounts` got; NULL: counts lines only. */
static size_t parse(const char *text, size_t size, struct account *accounts)
{
	size_t n = 0;

	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		struct span line = { text + at, end ? (size_t)(end - text) - at : size - at };
		struct span name;
		uint64_t id;

		at += line.size + 1;
		if (!accounts) {
			n++;
			continue;
		}
		name = next_field(&line);
		next_field(&line);
		/* Comments, and the +name -name lines of NIS. */
		if (name.size == 0 || name.data[0] == '#' || name.data[0] == '+' || name.data[0] == '-')
			continue;
		if (span_to_u64(next_field(&line), &id) < 0 || id >= UINT32_MAX)
			continue;
		accounts[n++] =
			(struct account){ (uint32_t)id, (uint32_t)(name.data - text), (uint32_t)name.size };
	}
	return n;
}

static int read_file(int fd, size_t size, char **ret_text, size_t *ret_size)
{
	_cleanup_(freep) char *text = malloc(size + 1);
	size_t have = 0;

	if (!text)
		return -ENOMEM;
	while (have < size) {
		ssize_t r = read(fd, text + have, size - have);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		have += (size_t)r;
	}
	*ret_text = TAKE(text);
	*ret_size = have;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void file_clear(struct file *file)
{
	free(file->text);
	free(file->accounts);
	*file = (struct file){ .path = file->path };
}

static void file_load(struct file *file)
{
	_cleanup_(freep) struct account *accounts = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t size = 0, n;
	struct stat st;
	int fd, r;

	if (stat(file->path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			file_clear(file);
		return;
	}
	if (same_file(&st, &file->seen))
		return;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > MAX_FILE_BYTES)
		return;
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MAX_FILE_BYTES))
		r = -EINVAL;
	if (r == 0)
		r = read_file(fd, (size_t)st.st_size, &text, &size);
	close(fd);
	if (r < 0)
		return;

	n = parse(text, size, NULL);
	accounts = calloc(MAX(n, 1), sizeof(*accounts));
	if (!accounts)
		return;
	n = parse(text, size, accounts);
	qsort(accounts, n, sizeof(*accounts), compare);
	file_clear(file);
	file->text = TAKE(text);
	file->accounts = TAKE(accounts);
	file->n_accounts = n;
	file->seen = st;
}

static struct span file_name(const struct file *file, uint32_t id)
{
	size_t low = 0, high = file->n_accounts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->accounts[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == file->n_accounts || file->accounts[low].id != id)
		return (struct span){ NULL, 0 };
	return (struct span){ file->text + file->accounts[low].offset, file->accounts[low].size };
}

static void look(struct users *users, uint64_t now_ns)
{
	uint64_t away = now_ns > users->looked_ns ? now_ns - users->looked_ns : users->looked_ns - now_ns;

	if (users->looked && away < NS_PER_SEC)
		return;
	users->looked = true;
	users->looked_ns = now_ns;
	file_load(&users->passwd);
	file_load(&users->group);
}

int users_new(struct users **ret, const char *passwd_path, const char *group_path)
{
	size_t passwd_size = strlen(passwd_path) + 1, group_size = strlen(group_path) + 1;
	struct users *users = calloc(1, sizeof(*users) + passwd_size + group_size);

	if (!users)
		return -ENOMEM;
	memcpy(users->paths, passwd_path, passwd_size);
	memcpy(users->paths + passwd_size, group_path, group_size);
	users->passwd.path = users->paths;
	users->group.path = users->paths + passwd_size;
	*ret = users;
	return 0;
}

struct users *users_free(struct users *users)
{
	if (!users)
		return NULL;
	file_clear(&users->passwd);
	file_clear(&users->group);
	free(users);
	return NULL;
}

struct span users_user_name(struct users *users, uint32_t uid, uint64_t now_ns)
{
	look(users, now_ns);
	return file_name(&users->passwd, uid);
}

struct span users_group_name(struct users *users, uint32_t gid, uint64_t now_ns)
{
	look(users, now_ns);
	return file_name(&users->group, gid);
}

size_t users_user_ids(struct users *users, struct span name, uint64_t now_ns, uint32_t *ret, size_t n)
{
	const struct file *file = &users->passwd;
	size_t found = 0;

	look(users, now_ns);
	for (size_t i = 0; i < file->n_accounts; i++) {
		const struct account *account = &file->accounts[i];

		/* Further accounts with a number are never told. */
		if ((i > 0 && file->accounts[i - 1].id == account->id) ||
		    !span_eq((struct span){ file->text + account->offset, account->size }, name))
			continue;
		if (found < n)
			ret[found] = account->id;
		found++;
	}
	return found;
}
