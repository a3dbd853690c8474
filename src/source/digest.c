/* See digest.h.  MD5 and SHA-1 are what others still ask for, not what one relies on; the three share each read. */

#include "source/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define TICK_NS (20 * NS_PER_MS)	/* the longest that clocks of files stand still: HZ=100, and a bit */

enum { MD5, SHA1, SHA256, N_ALGORITHMS };

const char *const digest_state_names[N_DIGEST_STATES] = {
	[DIGEST_OK] = "ok",
	[DIGEST_TOO_BIG] = "too_big",
	[DIGEST_CHANGED] = "changed",
	[DIGEST_UNREADABLE] = "unreadable",
};

struct digester {
	struct digester_options options;
	EVP_MD *algorithms[N_ALGORITHMS];	/* NULL: this libcrypto has it not (FIPS): its digest is zeros */
	EVP_MD_CTX *contexts[N_ALGORITHMS];
	unsigned char *buffer;
	uint64_t counts[256];
	struct tlsh tlsh;
};

bool file_stamp_is(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

static uint64_t ns_of(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * NS_PER_SEC + (uint64_t)time->tv_nsec;
}

int file_stamp_of(int fd, struct file_stamp *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	*ret = (struct file_stamp){ .device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size,
				      .mtime_ns = ns_of(&st.st_mtim), .ctime_ns = ns_of(&st.st_ctim) };
	return 0;
}

int digester_new(struct digester **ret, const struct digester_options *options)
{
	static const char *const names[N_ALGORITHMS] = { [MD5] = "MD5", [SHA1] = "SHA1", [SHA256] = "SHA256" };
	_cleanup_(digester_freep) struct digester *digester = calloc(1, sizeof(*digester));

	if (!digester)
		return -ENOMEM;
	digester->options = *options;
	digester->buffer = malloc(MAX(options->buffer_bytes, (size_t)DIGEST_HEADER));
	if (!digester->buffer)
		return -ENOMEM;
	for (size_t i = 0; i < N_ALGORITHMS; i++) {
		digester->algorithms[i] = EVP_MD_fetch(NULL, names[i], NULL);
		digester->contexts[i] = EVP_MD_CTX_new();
		if (!digester->contexts[i])
			return -ENOMEM;
	}
	*ret = TAKE(digester);
	return 0;
}

struct digester *digester_free(struct digester *digester)
{
	if (!digester)
		return NULL;
	for (size_t i = 0; i < N_ALGORITHMS; i++) {
		EVP_MD_CTX_free(digester->contexts[i]);
		EVP_MD_free(digester->algorithms[i]);
	}
	free(digester->buffer);
	free(digester);
	return NULL;
}

/* Mixing */

#define FRACTION_BITS 16

/* The logarithm to the base of two, its fraction in 16 bits: each squaring gives a bit of it (Knuth, TAOCP 1.2.2, exercise 25). */
static uint64_t log2_of(uint64_t number)
{
	unsigned whole = 63 - (unsigned)__builtin_clzll(number);
	uint64_t x = whole > 31 ? number >> (whole - 31) : number << (31 - whole), log = whole;	/* in [2^31, 2^32) */

	for (unsigned i = 0; i < FRACTION_BITS; i++) {
		x = x * x >> 31;
		log <<= 1;
		if (x >> 32) {
			log |= 1;
			x >>= 1;
		}
	}
	return log;
}

static uint16_t entropy_of(const uint64_t counts[static 256], uint64_t total)
{
	double sum = 0;

	if (total == 0)
		return 0;
	for (size_t i = 0; i < 256; i++)
		if (counts[i] > 0)
			sum += (double)counts[i] / (double)total * (double)(log2_of(total) - log2_of(counts[i]));
	return (uint16_t)(sum * 1000 / (1 << FRACTION_BITS) + 0.5);
}

/* Reading */

/* As much as the buffer takes; 0: the end. */
static ssize_t read_piece(const struct digester *digester, int fd, uint64_t at)
{
	ssize_t n;

	do
		n = pread(fd, digester->buffer, digester->options.buffer_bytes, (off_t)at);
	while (n < 0 && errno == EINTR);
	return n;
}

static int begin(struct digester *digester)
{
	memset(digester->counts, 0, sizeof(digester->counts));
	tlsh_begin(&digester->tlsh);
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (digester->algorithms[i] && EVP_DigestInit_ex2(digester->contexts[i], digester->algorithms[i], NULL) != 1)
			return -ENOMEM;
	return 0;
}

static int add(struct digester *digester, size_t size)
{
	for (size_t i = 0; i < size; i++)
		digester->counts[digester->buffer[i]]++;
	if (digester->options.fuzzy)
		tlsh_add(&digester->tlsh, digester->buffer, size);
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (digester->algorithms[i] && EVP_DigestUpdate(digester->contexts[i], digester->buffer, size) != 1)
			return -ENOMEM;
	return 0;
}

static int end(struct digester *digester, struct digest *ret)
{
	unsigned char *const to[N_ALGORITHMS] = { [MD5] = ret->md5, [SHA1] = ret->sha1, [SHA256] = ret->sha256 };

	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (digester->algorithms[i] && EVP_DigestFinal_ex(digester->contexts[i], to[i], NULL) != 1)
			return -ENOMEM;
	ret->entropy = entropy_of(digester->counts, ret->version.size);
	ret->is_fuzzy = digester->options.fuzzy;
	if (!ret->is_fuzzy || !tlsh_end(&digester->tlsh, ret->tlsh))
		ret->tlsh[0] = 0;
	return 0;
}

static void take_header(const struct digester *digester, size_t size, struct digest *digest)
{
	digest->header_size = (uint8_t)MIN(size, (size_t)DIGEST_HEADER);
	memcpy(digest->header, digester->buffer, digest->header_size);
}

/* All of it into the digests; how much that was. */
static int read_all(struct digester *digester, int fd, struct digest *digest, uint64_t *ret)
{
	const struct digester_options *o = &digester->options;
	uint64_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read_piece(digester, fd, at)) != 0) {
		if (n < 0)
			return -EIO;
		if (at == 0)
			take_header(digester, (size_t)n, digest);
		at += (uint64_t)n;
		/* It grows under our eyes: whoever makes it so is not followed for ever. */
		if (at > digest->version.size)
			break;
		r = add(digester, (size_t)n);
		if (r == 0 && o->pause && o->pause(o->user, (size_t)n))
			r = -ECANCELED;
	}
	*ret = at;
	return r;
}

/* A write within the same tick as the last one leaves the times as they are (fs/inode.c, current_time()): what was written to a
 * moment ago is waited for. */
static int look_at(int fd, struct file_stamp *ret)
{
	int r = file_stamp_of(fd, ret);
	uint64_t now_ns;

	if (r < 0)
		return r;
	now_ns = clock_now_ns();
	if (now_ns < ret->ctime_ns || now_ns - ret->ctime_ns >= TICK_NS)	/* before it: somebody set the clock back */
		return 0;
	clock_sleep_ns(TICK_NS);
	return file_stamp_of(fd, ret);
}

int digester_read(struct digester *digester, int fd, struct digest *ret)
{
	struct digest digest = { .state = DIGEST_OK };
	struct file_stamp after;
	uint64_t size = 0;
	int r = look_at(fd, &digest.version);

	if (r < 0)
		return r;
	if (digest.version.size > digester->options.max_bytes) {
		ssize_t n = read_piece(digester, fd, 0);

		digest.state = DIGEST_TOO_BIG;
		take_header(digester, n > 0 ? (size_t)n : 0, &digest);
		*ret = digest;
		return 0;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	r = begin(digester);
	if (r == 0)
		r = read_all(digester, fd, &digest, &size);
	if (r == -EIO)
		digest.state = DIGEST_UNREADABLE;
	else if (r < 0)
		return r;
	else if (size != digest.version.size || file_stamp_of(fd, &after) < 0 || !file_stamp_is(&digest.version, &after))
		digest.state = DIGEST_CHANGED;
	else
		r = end(digester, &digest);
	if (r < 0 && r != -EIO)
		return r;
	*ret = digest;
	return 0;
}
