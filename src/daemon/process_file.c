/* See process_file.h. */

#include "daemon/process_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#define VERSION 1u
#define DIGEST_BYTES 32
#define DIGEST_CHARS (2 * DIGEST_BYTES)
#define HEAD_MAX 256

static int digest_of(struct span bytes, char ret[static DIGEST_CHARS + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(bytes.data, bytes.size, digest, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

struct head {
	unsigned version;
	char boot_id[64], digest[DIGEST_CHARS + 1];
	uint64_t taken_ns, n_bytes;
};

static int read_head(struct span line, struct head *ret)
{
	char text[HEAD_MAX];
	int end = 0;

	if (line.size >= sizeof(text))
		return -EBADMSG;
	memcpy(text, line.data, line.size);
	text[line.size] = 0;
	if (sscanf(text, "recorder processes %u", &ret->version) != 1)
		return -EBADMSG;
	if (ret->version != VERSION)
		return -EPROTONOSUPPORT;
	if (sscanf(text, "recorder processes %*u boot=%63[0-9a-f-] taken=%" SCNu64 " bytes=%" SCNu64 " sha256=%64[0-9a-f]%n", ret->boot_id,
		   &ret->taken_ns, &ret->n_bytes, ret->digest, &end) != 4 || (size_t)end != line.size)
		return -EBADMSG;
	return 0;
}

/* The whole file.  Not somebody else's: what it says would be told as what happened. */
static int slurp(const char *path, struct buffer *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r = 0;
	struct stat st;
	char *room;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)PROCESS_FILE_MAX)
		r = -EBADMSG;
	else if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		r = -EPERM;
	while (r == 0) {
		ssize_t n;

		room = buffer_reserve(ret, (size_t)64 << 10);
		n = room ? read(fd, room, (size_t)64 << 10) : 0;
		if (!room)
			r = -ENOMEM;
		else if (n < 0 && errno != EINTR)
			r = -errno;
		else if (n == 0)
			break;
		else if (n > 0)
			ret->size += (size_t)n;
		if (ret->size > PROCESS_FILE_MAX + HEAD_MAX)
			r = -EBADMSG;
	}
	close(fd);
	return r;
}

int process_file_read(const char *path, struct span boot_id, struct buffer *lines, uint64_t *ret_taken_ns)
{
	_cleanup_(buffer_release) struct buffer file = { 0 };
	char digest[DIGEST_CHARS + 1];
	struct head head;
	struct span body;
	const char *newline;
	int r = slurp(path, &file);

	if (r < 0)
		return r;
	newline = file.size > 0 ? memchr(file.data, '\n', file.size) : NULL;
	if (!newline)
		return -EBADMSG;
	r = read_head((struct span){ file.data, (size_t)(newline - file.data) }, &head);
	if (r < 0)
		return r;
	body = (struct span){ newline + 1, file.size - (size_t)(newline + 1 - file.data) };
	if (body.size != head.n_bytes)
		return -EBADMSG;
	r = digest_of(body, digest);
	if (r < 0)
		return r;
	if (strcmp(digest, head.digest) != 0)
		return -EBADMSG;
	if (!span_eq(span_of(head.boot_id), boot_id))
		return -ESTALE;
	buffer_append_span(lines, body);
	r = buffer_error(lines);
	if (r >= 0)
		*ret_taken_ns = head.taken_ns;
	return r;
}

static int write_all(int fd, struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t n = write(fd, bytes.data, bytes.size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes.data += n;
			bytes.size -= (size_t)n;
		}
	}
	return 0;
}

int process_file_write(const char *path, struct span boot_id, uint64_t taken_ns, struct span lines)
{
	char beside[PATH_MAX], head[HEAD_MAX], digest[DIGEST_CHARS + 1];
	int fd, n, r = digest_of(lines, digest);

	if (r < 0)
		return r;
	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return -ENAMETOOLONG;
	n = snprintf(head, sizeof(head), "recorder processes %u boot=%.*s taken=%" PRIu64 " bytes=%zu sha256=%s\n", VERSION,
		     (int)boot_id.size, boot_id.data, taken_ns, lines.size, digest);
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, (struct span){ head, (size_t)n });
	if (r == 0)
		r = write_all(fd, lines);
	close(fd);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	return r;
}
