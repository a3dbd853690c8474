#pragma once
/* What the bytes of a file are: its digests, how mixed they are, how they begin.  Of one version of the file: it is looked at before
 * and after, and if it changed meanwhile nothing is said. */

#include "base/macro.h"
#include "base/span.h"
#include "source/tlsh.h"

/* What is another as soon as anybody writes to it (but for who sets the times back, which changes ctime). */
struct file_stamp {
	uint64_t device, inode, size;
	uint64_t mtime_ns, ctime_ns;	/* since 1970 */
};
bool file_stamp_is(const struct file_stamp *a, const struct file_stamp *b);
/* Of an open file: 0; -errno; -EISDIR, -EINVAL: it is no ordinary file. */
int file_stamp_of(int fd, struct file_stamp *ret);

enum digest_state {
	DIGEST_OK,
	DIGEST_TOO_BIG,			/* only the version is known, and how it begins */
	DIGEST_CHANGED,			/* somebody wrote to it while it was read */
	DIGEST_UNREADABLE,		/* a disk that fails, a file system that refuses */
	N_DIGEST_STATES,
};
extern const char *const digest_state_names[N_DIGEST_STATES];

#define DIGEST_HEADER 16		/* bytes */

struct digest {
	struct file_stamp version;
	uint8_t state;			/* enum digest_state; the rest is of DIGEST_OK */
	uint8_t header_size;		/* of the first bytes, fewer if there are no more */
	uint16_t entropy;		/* Shannon's, in thousandths of a bit a byte: 8000 is as mixed as can be */
	unsigned char header[DIGEST_HEADER];
	unsigned char md5[16], sha1[20], sha256[32];
	bool is_fuzzy;			/* a TLSH was asked for */
	char tlsh[TLSH_TEXT + 1];	/* empty: there is none */
};

struct digester_options {
	uint64_t max_bytes;		/* larger files are not read */
	size_t buffer_bytes;
	bool fuzzy;			/* a TLSH too, which takes longer than all the rest */
	/* Behind each buffer: time for others.  true: stop.  NULL: nobody is asked. */
	bool (*pause)(void *user, size_t bytes);
	void *user;
};

struct digester;
int digester_new(struct digester **ret, const struct digester_options *options);	/* 0 or -ENOMEM */
struct digester *digester_free(struct digester *digester);
DEFINE_CLEANUP(struct digester, digester_free)
/* The file from its begin on, wherever the descriptor stands.  0: *ret says what became of it; -ECANCELED: pause() said stop;
 * -errno: it is no ordinary file, or there was no memory. */
int digester_read(struct digester *digester, int fd, struct digest *ret);
