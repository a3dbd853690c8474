/* See seal_key.h.  A new key is written beside its place under a name that nobody reads, brought onto the disk and then linked:
 * link(2) replaces nothing.  So the file of the key is whole or not there, and the first of several stays. */

#include "control/seal_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <unistd.h>

static int fail(struct file_error *error, int r, const char *path, const char *why)
{
	return file_fail(error, r, "the key %.240s is %s", path, why);
}

int seal_key_read(struct seal_key *ret, const char *path, struct file_error *error)
{
	unsigned char bytes[SEAL_KEY_BYTES];
	struct file_error why;
	struct stat st;
	_cleanup_(file_close) int fd = file_open(path, &st, &why);
	ssize_t n;
	int r;

	if (fd == -ENOENT)
		return fail(error, fd, path, "missing");
	if (fd < 0)
		return file_fail(error, fd, "the key %.240s: %.200s", path, why.message);
	if (st.st_uid != geteuid())
		return fail(error, -EPERM, path, "somebody else's (chown root it if they may read what is sealed; else remove it and register that anew)");
	if (st.st_mode & 077)
		return fail(error, -EPERM, path, "open to others (chmod 600 it if none has read it; else remove it and register what is sealed anew)");
	if (st.st_size != SEAL_KEY_BYTES)
		return fail(error, -EINVAL, path, "not of 32 bytes (put the right one back, or remove it and register what is sealed anew)");
	n = read(fd, bytes, sizeof(bytes));
	r = n < 0 ? -errno : n != sizeof(bytes) ? -EIO : seal_key_init(ret, bytes);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return r < 0 ? fail(error, r, path, "not readable") : 0;
}

/* 0 also if it is there already. */
static int make(const char *path)
{
	unsigned char bytes[SEAL_KEY_BYTES];
	_cleanup_(freep) char *temporary = NULL;
	_cleanup_(file_close) int fd = -1;
	int r = 0;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);	/* O_EXCL, 0600 */
	if (fd < 0)
		return -errno;
	if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1) {
		ERR_clear_error();
		r = -EIO;
	}
	if (r >= 0)
		r = file_write(fd, (struct span){ (const char *)bytes, sizeof(bytes) });
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (r >= 0 && link(temporary, path) < 0 && errno != EEXIST)
		r = -errno;
	unlink(temporary);
	return r < 0 ? r : file_sync_folder(path);
}

int seal_key_need(struct seal_key *ret, const char *path, struct file_error *error)
{
	int r = seal_key_read(ret, path, error);

	if (r != -ENOENT)
		return r;
	r = make(path);
	if (r < 0) {
		char why[128];

		return file_fail(error, r, "the key %.240s cannot be made: %s", path, strerror_r(-r, why, sizeof(why)));
	}
	return seal_key_read(ret, path, error);
}
