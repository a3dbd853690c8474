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

enum fault { FAULT_OWNER, FAULT_MODE, FAULT_SIZE, N_FAULTS };

static const char *const faults[N_FAULTS] = { "somebody else's", "open to others", "not of 32 bytes" };

/* Subscriptions can be sealed anew. What the other two vouch for cannot be made again. */
static const char *const mends[][N_FAULTS] = {
	[SEAL_KEY_OF_SUBSCRIPTIONS] = {
		"chown root it if they may read what is sealed; else remove it and register that anew",
		"chmod 600 it if none has read it; else remove it and register what is sealed anew",
		"put the right one back, or remove it and register what is sealed anew",
	},
	[SEAL_KEY_OF_HISTORY] = {
		"chown root it and keep it: without it nothing proves what is stored",
		"chmod 600 it and keep it: without it nothing proves what is stored, and with it who has read it can forge that",
		"put the right one back: without it nothing proves what is stored",
	},
	[SEAL_KEY_OF_REDACTION] = {
		"chown root it and keep it: with another one equal secrets are no longer equal",
		"chmod 600 it and keep it: with another one equal secrets are no longer equal, and who has read it can try which they are",
		"put the right one back: with another one equal secrets are no longer equal",
	},
};

static int fail(struct file_error *error, int r, const char *path, const char *why)
{
	return file_fail(error, r, "the key %.240s is %s", path, why);
}

static int fail_fault(struct file_error *error, int r, const char *path, enum fault fault, enum seal_key_use use)
{
	return file_fail(error, r, "the key %.240s is %s (%s)", path, faults[fault], mends[use][fault]);
}

int seal_key_read(struct seal_key *ret, enum seal_key_use use, const char *path, struct file_error *error)
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
		return fail_fault(error, -EPERM, path, FAULT_OWNER, use);
	if (st.st_mode & 077)
		return fail_fault(error, -EPERM, path, FAULT_MODE, use);
	if (st.st_size != SEAL_KEY_BYTES)
		return fail_fault(error, -EINVAL, path, FAULT_SIZE, use);
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

int seal_key_need(struct seal_key *ret, enum seal_key_use use, const char *path, struct file_error *error)
{
	int r = seal_key_read(ret, use, path, error);

	if (r != -ENOENT)
		return r;
	r = make(path);
	if (r < 0) {
		char why[128];

		return file_fail(error, r, "the key %.240s cannot be made: %s", path, strerror_r(-r, why, sizeof(why)));
	}
	return seal_key_read(ret, use, path, error);
}
