/* See journal_folder.h. */

#include "sink/journal_folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/span.h"

/* ".12", as it is written: no zero in front. */
static bool parse_number(struct span text, unsigned *ret)
{
	uint64_t number;

	if (text.size < 2 || text.data[0] != '.' || text.data[1] < '1' || text.data[1] > '9')
		return false;
	if (span_to_u64((struct span){ text.data + 1, text.size - 1 }, &number) < 0 || number > UINT_MAX)
		return false;
	*ret = (unsigned)number;
	return true;
}

bool journal_file_number(const char *base, const char *name, unsigned *ret_number, bool *ret_compressed)
{
	size_t n = strlen(base);
	struct span rest;

	if (strncmp(name, base, n) != 0)
		return false;
	rest = span_of(name + n);
	*ret_compressed = span_ends(rest, SPAN(JOURNAL_COMPRESSED));
	if (*ret_compressed)
		rest.size -= strlen(JOURNAL_COMPRESSED);
	if (rest.size > 0)
		return parse_number(rest, ret_number);
	*ret_number = 0;
	return !*ret_compressed;
}

static int compare_entries(const void *a, const void *b)
{
	const struct journal_entry *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->compressed - y->compressed;
}

static int add_entry(struct journal_folder *folder, const struct journal_entry *entry)
{
	struct journal_entry *list = realloc(folder->list, (folder->n + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	folder->list = list;
	list[folder->n++] = *entry;
	return 0;
}

/* A file that is there plain and compressed, for the moment, is one. */
static void make_unique(struct journal_folder *folder)
{
	size_t n = 0;

	for (size_t i = 0; i < folder->n; i++)
		if (n == 0 || folder->list[n - 1].number != folder->list[i].number)
			folder->list[n++] = folder->list[i];
	folder->n = n;
}

int journal_folder_look(struct journal_folder *ret, const char *path, const char *base)
{
	DIR *folder = opendir(path);
	struct journal_entry entry;
	struct dirent *found;
	int r = 0;

	if (!folder)
		return -errno;
	while (r >= 0 && (found = readdir(folder))) {
		if (!journal_file_number(base, found->d_name, &entry.number, &entry.compressed))
			continue;
		strcpy(entry.name, found->d_name);
		if (fstatat(dirfd(folder), found->d_name, &entry.st, 0) == 0)
			r = add_entry(ret, &entry);
	}
	closedir(folder);
	if (r < 0 || ret->n == 0)
		return r;
	qsort(ret->list, ret->n, sizeof(*ret->list), compare_entries);
	make_unique(ret);
	return 0;
}

void journal_folder_release(struct journal_folder *folder)
{
	free(folder->list);
	*folder = (struct journal_folder){ 0 };
}

/* Bytes of NAME in what may be the name of a file of a journal; 0: it is none. */
static size_t name_size(const char *file)
{
	size_t n = strlen(file), ending = strlen(JOURNAL_ENDING);
	char base[NAME_MAX + 1];
	unsigned number;
	bool compressed;

	for (size_t at = 1; at + ending <= n; at++) {
		if (strncmp(file + at, JOURNAL_ENDING, ending) != 0)
			continue;
		memcpy(base, file, at + ending);
		base[at + ending] = '\0';
		if (journal_file_number(base, file, &number, &compressed))
			return at;
	}
	return 0;
}

static int is_journal(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && name_size(entry->d_name) > 0;
}

int journal_folder_names(const char *folder, char ***ret)
{
	struct dirent **files = NULL;
	int n_files = scandir(folder, &files, is_journal, alphasort), n = 0;
	char **names;

	if (n_files < 0)
		return -errno;
	names = calloc((size_t)n_files + 1, sizeof(*names));
	for (int i = 0; i < n_files; i++) {
		size_t size = name_size(files[i]->d_name);
		bool is_known = n > 0 && strlen(names[n - 1]) == size &&
				strncmp(names[n - 1], files[i]->d_name, size) == 0;

		if (names && !is_known && (names[n] = strndup(files[i]->d_name, size)))
			n++;
		free(files[i]);
	}
	free(files);
	if (!names)
		return -ENOMEM;
	*ret = names;
	return n;
}
