/* See definition_files.h. */

#include "source/definition_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "event/definition.h"
#include "event/record.h"
#include "source/own_files.h"

#define SLOTS (2 * DEFINITION_FILES_MAX)	/* a power of two */

struct known {
	char *path;			/* NULL: free */
	unsigned char sha256[32];	/* zero: it is there, what it is cannot be told */
};

struct definition_files {
	const char *root;
	struct known known[SLOTS];
	unsigned n;
};

int definition_files_new(struct definition_files **ret, const char *root)
{
	struct definition_files *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	files->root = root;
	*ret = files;
	return 0;
}

struct definition_files *definition_files_free(struct definition_files *files)
{
	for (size_t i = 0; files && i < SLOTS; i++)
		free(files->known[i].path);
	free(files);
	return NULL;
}

/* Where it is, or would be. */
static size_t slot_of(const struct definition_files *files, const char *path)
{
	size_t slot = span_hash(span_of(path), 0) % SLOTS;

	while (files->known[slot].path && strcmp(files->known[slot].path, path) != 0)
		slot = (slot + 1) % SLOTS;
	return slot;
}

/* What stood behind it moves up, so that it is found. */
static void forget(struct definition_files *files, size_t slot)
{
	free(files->known[slot].path);
	files->known[slot] = (struct known){ 0 };
	files->n--;
	for (size_t next = (slot + 1) % SLOTS; files->known[next].path; next = (next + 1) % SLOTS) {
		struct known known = files->known[next];

		files->known[next] = (struct known){ 0 };
		files->known[slot_of(files, known.path)] = known;
	}
}

static int learn(struct definition_files *files, const char *path, const unsigned char sha256[32])
{
	struct known *known = &files->known[slot_of(files, path)];

	if (!known->path) {
		if (files->n == DEFINITION_FILES_MAX)
			return 0;
		known->path = strdup(path);
		if (!known->path)
			return -ENOMEM;
		files->n++;
	}
	memcpy(known->sha256, sha256, sizeof(known->sha256));
	return 0;
}

/* What is there */

struct state {
	const char *name;		/* as in file.hash.state */
	bool is_there;
	struct digest digest;
	char text[DEFINITION_TEXT_MAX];
	size_t text_size;
};

/* A link may lead nowhere, or to a device (a masked unit): it is there all the same. */
static int read_state(const struct definition_files *files, struct digester *digester, const char *path, struct state *ret)
{
	char name[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd, r;

	ret->name = "gone";
	ret->text_size = 0;
	memset(&ret->digest, 0, sizeof(ret->digest));
	ret->is_there = snprintf(name, sizeof(name), "%s%s", files->root, path) < (int)sizeof(name) && lstat(name, &st) == 0;
	if (!ret->is_there)
		return 0;
	ret->name = "unreadable";
	fd = own_files_open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return 0;
	r = digester_read(digester, fd, &ret->digest);
	if (r >= 0) {
		ret->name = digest_state_names[ret->digest.state];
		n = pread(fd, ret->text, sizeof(ret->text), 0);
		ret->text_size = n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return r == -ECANCELED || r == -ENOMEM ? r : 0;	/* else it is no ordinary file */
}

int definition_files_scan(struct definition_files *files, struct digester *digester, const char *folder, bool is_deep, uint64_t since_ns)
{
	_cleanup_(freep) struct state *state = malloc(sizeof(*state));
	size_t root_bytes = strlen(files->root);
	char name_of_folder[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int r = state ? 0 : -ENOMEM;

	snprintf(name_of_folder, sizeof(name_of_folder), "%s%s", files->root, folder);
	dir = opendir(name_of_folder);
	while (dir && r == 0 && (entry = readdir(dir))) {
		char full[PATH_MAX + 1], *path = full + root_bytes;
		struct span name;
		struct stat st;

		if (entry->d_name[0] == '.' || snprintf(full, PATH_MAX, "%s%s%s", files->root, folder, entry->d_name) >= PATH_MAX ||
		    lstat(full, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && is_deep) {
			strcat(full, "/");
			r = definition_files_scan(files, digester, path, false, since_ns);
		} else if (definition_of(span_of(path), &name) != DEFINITION_NONE &&
			   (uint64_t)st.st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec < since_ns) {
			r = read_state(files, digester, path, state);
			if (r == 0 && state->is_there)
				r = learn(files, path, state->digest.sha256);
		}
	}
	if (dir)
		closedir(dir);
	return r;
}

/* How it came to be so. */
static const char *act_of(const char *path, const struct known *before, const struct state *now)
{
	bool is_part = definition_is_part(span_of(path)), is_same;

	if (!before->path)
		return is_part ? "change" : "create";	/* and gone again, perhaps */
	if (!now->is_there)
		return is_part ? "change" : "delete";
	is_same = memcmp(before->sha256, now->digest.sha256, sizeof(before->sha256)) == 0;
	return is_same ? "same" : "change";
}

static void put_hex(struct buffer *text, const char *key, struct span bytes)
{
	buffer_append_text(text, key);
	record_put_hex(text, bytes);
}

static void put_state(struct buffer *text, const struct state *state)
{
	const struct digest *digest = &state->digest;

	if (digest->version.inode == 0)
		return;
	buffer_printf(text, " size=%llu mtime=%llu", (unsigned long long)digest->version.size, (unsigned long long)digest->version.mtime_ns);
	if (digest->state == DIGEST_OK) {
		buffer_append_text(text, " sha256=\"");
		for (size_t i = 0; i < sizeof(digest->sha256); i++)
			buffer_printf(text, "%02x", digest->sha256[i]);
		buffer_append_byte(text, '"');
	}
	if (state->text_size > 0)
		put_hex(text, " text=", (struct span){ state->text, state->text_size });
	if (digest->version.size > state->text_size)
		buffer_append_text(text, " cut=1");
}

int definition_files_look(struct definition_files *files, struct digester *digester, const char *path, bool may_wait, uint64_t now_ns,
			  struct buffer *text)
{
	_cleanup_(freep) struct state *state = malloc(sizeof(*state));
	size_t slot = slot_of(files, path);
	struct span name;
	int r = state ? read_state(files, digester, path, state) : -ENOMEM;

	if (r < 0 || definition_of(span_of(path), &name) == DEFINITION_NONE)
		return r;
	if (may_wait && state->digest.version.inode != 0 && now_ns < state->digest.version.mtime_ns + DEFINITION_SETTLE_NS &&
	    state->digest.version.mtime_ns <= now_ns)
		return -EAGAIN;
	buffer_printf(text, " act=%s state=%s", act_of(path, &files->known[slot], state), state->name);
	put_state(text, state);
	put_hex(text, " path=", span_of(path));
	if (state->is_there)
		return learn(files, path, state->digest.sha256);
	if (files->known[slot].path)
		forget(files, slot);
	return 0;
}
