/* See subscription_file.h.  The key is read anew for each file: it is in memory as long as it is needed. */

#include "control/subscription_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/path.h"
#include "control/seal_key.h"

#define ENDING SPAN(".json")

static int is_one(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && span_ends(span_of(entry->d_name), ENDING);
}

int subscription_files_list(struct dirent ***ret, const char *folder)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_one, alphasort);

	if (n < 0 && errno != ENOENT)
		return -errno;
	*ret = entries;
	return n < 0 ? 0 : n;
}

static int too_large(struct file_error *error)
{
	return file_fail(error, -EFBIG, "larger than 1 MiB");
}

static int fail_crypto(struct file_error *error, int r, const char *what)
{
	if (r == -EIO)
		return file_fail(error, r, "%s: libcrypto has no random numbers or no AES-256-GCM", what);
	return file_fail_errno(error, r, what);
}

static struct span name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct span name = span_of(slash ? slash + 1 : path);

	if (span_ends(name, ENDING))
		name.size -= ENDING.size;
	return name;
}

static int unseal(struct buffer *ret, struct span bytes, struct span name, const char *key_path, struct file_error *error)
{
	_cleanup_(seal_key_wipe) struct seal_key key;
	struct file_error why;
	int r = seal_key_read(&key, SEAL_KEY_OF_SUBSCRIPTIONS, key_path, &why);

	if (r < 0)
		return file_fail(error, r, "sealed, and %.480s", why.message);
	r = sealed_open(ret, &key, name, bytes);
	switch (r) {
	case -EKEYREJECTED:
		return file_fail(error, r, "sealed with another key than %.240s (put that one back, or register it anew)", key_path);
	case -ENODATA:
		return file_fail(error, r, "sealed, but cut short (register it anew)");
	case -EBADMSG:
		return file_fail(error, r, "sealed, but altered or the file of another name (register it anew)");
	case -EPROTONOSUPPORT:
		return file_fail(error, r, "sealed by another version of the recorder (register it anew)");
	}
	return r < 0 ? fail_crypto(error, r, "sealed, and cannot be opened") : 0;
}

int subscription_file_read(struct subscription_file *ret, const char *path, const char *key_path, struct file_error *error)
{
	_cleanup_(subscription_file_release) struct subscription_file file = { 0 };
	_cleanup_(file_close) int fd = file_open(path, &file.st, error);
	int r;

	if (fd < 0)
		return fd;
	r = file_read(&file.text, fd, SEALED_MAX, error);
	file.is_sealed = sealed_is(buffer_span(&file.text));
	if (r == -EFBIG || (!file.is_sealed && file.text.size > SUBSCRIPTION_BYTES_MAX))
		return too_large(error);
	if (r < 0)
		return r;
	if (file.is_sealed) {
		struct buffer text = { 0 };

		r = unseal(&text, buffer_span(&file.text), name_of(path), key_path, error);
		sealed_wipe(&file.text);
		file.text = text;
	}
	if (r < 0)
		return r;
	*ret = file;
	file = (struct subscription_file){ 0 };
	return 0;
}

void subscription_file_release(struct subscription_file *file)
{
	sealed_wipe(&file->text);
}

bool subscription_file_should_seal(bool has_signals, const struct settings *settings)
{
	return settings->value[SETTING_EnableSubscriptionProtection] != 0 ||
	       (has_signals && settings->value[SETTING_EnableSignalSubscriptionProtection] != 0);
}

static int path_of(char **ret, const struct subscription_folder *folder, struct span name, struct file_error *error)
{
	if (!path_is_name(name))
		return file_fail(error, -EINVAL, "the name may hold letters, digits, '-', '_' and '.' only, at most %d, and not begin "
				 "with a dot", NAME_LENGTH_MAX);
	if (asprintf(ret, "%s/%.*s.json", folder->path, (int)name.size, name.data) < 0)
		return file_fail_errno(error, -ENOMEM, "cannot be written");
	return 0;
}

static int seal(struct buffer *ret, const char *key_path, struct span name, struct span text, struct file_error *error)
{
	_cleanup_(seal_key_wipe) struct seal_key key;
	struct file_error why;
	int r = seal_key_need(&key, SEAL_KEY_OF_SUBSCRIPTIONS, key_path, &why);

	if (r < 0)
		return file_fail(error, r, "cannot be sealed: %.480s", why.message);
	r = sealed_make(ret, &key, name, text);
	return r < 0 ? fail_crypto(error, r, "cannot be sealed") : 0;
}

static bool is_same(const char *path, const struct stat *before)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == before->st_dev && st.st_ino == before->st_ino && st.st_size == before->st_size &&
	       st.st_mtim.tv_sec == before->st_mtim.tv_sec && st.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

/* over: the only file it may take the place of; NULL: any. */
static int replace(const char *path, struct span bytes, const struct stat *over)
{
	_cleanup_(new_file_release) struct new_file file = { NULL, -1 };
	int r = new_file_open(&file, path);

	if (r >= 0)
		r = file_write(file.fd, bytes);
	if (r >= 0 && over && !is_same(path, over))
		r = -ESTALE;
	return r < 0 ? r : new_file_place(&file, path);
}

static int write_over(const struct subscription_folder *folder, struct span name, struct span text, bool sealed,
		      const struct stat *over, struct file_error *error)
{
	_cleanup_(buffer_release) struct buffer bytes = { 0 };
	_cleanup_(freep) char *path = NULL;
	int r = path_of(&path, folder, name, error);

	if (r >= 0 && text.size > SUBSCRIPTION_BYTES_MAX)
		r = too_large(error);
	if (r >= 0 && sealed)
		r = seal(&bytes, folder->key_path, name, text, error);
	if (r < 0)
		return r;
	r = replace(path, sealed ? buffer_span(&bytes) : text, over);
	if (r == -ESTALE)
		return file_fail(error, r, "changed by somebody else meanwhile, and stays as that left it");
	return r < 0 ? file_fail_errno(error, r, "cannot be written, what was there stays") : 0;
}

int subscription_file_write(const struct subscription_folder *folder, struct span name, struct span text, bool sealed,
			    struct file_error *error)
{
	return write_over(folder, name, text, sealed, NULL, error);
}

int subscription_file_rewrite(const struct subscription_folder *folder, struct span name, const struct subscription_file *file,
			      bool sealed, struct file_error *error)
{
	return write_over(folder, name, buffer_span(&file->text), sealed, &file->st, error);
}

int subscription_file_remove(const struct subscription_folder *folder, struct span name, struct file_error *error)
{
	_cleanup_(freep) char *path = NULL;
	int r = path_of(&path, folder, name, error);

	if (r < 0)
		return r;
	if (unlink(path) < 0)
		return file_fail_errno(error, -errno, "cannot be removed");
	(void)file_sync_folder(path);	/* it is gone, whatever the disk says */
	return 0;
}
