/* See zstd_file.h.  A frame has its size at the beginning and a checksum at the end, so that `zstd -l` and `zstd -t` tell all,
 * and so do we: that a file is whole is never concluded from its being there. */

#include "sink/zstd_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/leisure.h"

#define REST_NS (50 * NS_PER_MS)	/* between two looks whether it is to stop */
#define LEVEL 3				/* that of zstd(1): journals become a thirtieth or less, faster than a disk reads them */
#define HEAD_BYTES 18			/* ZSTD_FRAMEHEADERSIZE_MAX (zstd.h, advanced) */

struct frame_writer {
	ZSTD_CCtx *context;
	int from, to;
	size_t in_capacity, out_capacity;
	char *in, *out;
};

static ssize_t read_some(int fd, void *to, size_t n)
{
	ssize_t got;

	do {
		got = read(fd, to, n);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* One piece of input; with the last one the end of the frame. */
static int compress_piece(struct frame_writer *w, size_t size, bool is_last)
{
	ZSTD_inBuffer in = { w->in, size, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { w->out, w->out_capacity, 0 };
		int r;

		left = ZSTD_compressStream2(w->context, &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return -ESTALE;	/* more or less than was pledged: that alone can be wrong */
		r = write_all(w->to, w->out, out.pos);
		if (r < 0)
			return r;
	} while (is_last ? left > 0 : in.pos < in.size);
	return 0;
}

/* While the recorder takes too much of the processors this is what can wait. */
static void rest(uint64_t ns, const atomic_bool *stop)
{
	for (; ns > 0 && !atomic_load(stop); ns -= MIN(ns, REST_NS))
		clock_sleep_ns(MIN(ns, REST_NS));
}

static int compress_all(struct frame_writer *w, const atomic_bool *stop)
{
	uint64_t cpu_ns = 0;

	for (off_t at = 0;; rest(leisure_owed_ns(&cpu_ns), stop)) {
		ssize_t n;
		int r;

		if (atomic_load(stop))
			return -ECANCELED;
		n = pread(w->from, w->in, w->in_capacity, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = compress_piece(w, (size_t)n, n == 0);
		if (r < 0 || n == 0)
			return r;
		at += n;
	}
}

static int prepare(struct frame_writer *w, uint64_t size)
{
	w->in_capacity = ZSTD_CStreamInSize();
	w->out_capacity = ZSTD_CStreamOutSize();
	w->context = ZSTD_createCCtx();
	w->in = malloc(w->in_capacity);
	w->out = malloc(w->out_capacity);
	if (!w->context || !w->in || !w->out)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(w->context, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(w->context, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setPledgedSrcSize(w->context, size);
	return 0;
}

static int write_frame(int to, int from, const atomic_bool *stop)
{
	struct frame_writer w = { .from = from, .to = to };
	struct stat st;
	int r = fstat(from, &st) < 0 ? -errno : prepare(&w, (uint64_t)st.st_size);

	if (r >= 0)
		r = compress_all(&w, stop);
	ZSTD_freeCCtx(w.context);
	free(w.in);
	free(w.out);
	if (r < 0)
		return r;
	if (futimens(to, (const struct timespec[]){ st.st_atim, st.st_mtim }) < 0 || fsync(to) < 0)
		return -errno;
	return 0;
}

int zstd_file_write(const char *to, int from, const atomic_bool *stop)
{
	int fd, r;

	if (unlink(to) < 0 && errno != ENOENT)
		return -errno;
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_frame(fd, from, stop);
	if (close(fd) < 0 && r >= 0)
		r = -errno;
	if (r < 0)
		unlink(to);
	return r;
}

int64_t zstd_file_content_size(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	unsigned long long size = ZSTD_CONTENTSIZE_ERROR;
	char head[HEAD_BYTES];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_some(fd, head, sizeof(head));
	if (n > 0)
		size = ZSTD_getFrameContentSize(head, (size_t)n);
	close(fd);
	return size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > INT64_MAX ? -ENODATA
												       : (int64_t)size;
}

bool zstd_file_is_whole(const char *path, uint64_t content_size)
{
	int64_t size = zstd_file_content_size(path);
	bool is_whole = false;
	struct stat st;
	void *map;
	int fd;

	if (size < 0 || (uint64_t)size != content_size)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			is_whole = ZSTD_findFrameCompressedSize(map, (size_t)st.st_size) == (size_t)st.st_size;
			munmap(map, (size_t)st.st_size);
		}
	}
	close(fd);
	return is_whole;
}

/* Reading */

struct zstd_reader {
	int fd;
	ZSTD_DCtx *context;
	ZSTD_inBuffer in;
	size_t capacity;
	bool in_frame;			/* its end has not come yet */
	bool has_more;			/* decompressed already, the room was too small */
	char data[];
};

int zstd_reader_new(struct zstd_reader **ret, int fd)
{
	size_t capacity = ZSTD_DStreamInSize();
	struct zstd_reader *reader = calloc(1, sizeof(*reader) + capacity);

	if (!reader)
		return -ENOMEM;
	reader->fd = fd;
	reader->capacity = capacity;
	reader->in.src = reader->data;
	reader->context = ZSTD_createDCtx();
	if (!reader->context) {
		free(reader);
		return -ENOMEM;
	}
	*ret = reader;
	return 0;
}

ssize_t zstd_reader_read(struct zstd_reader *reader, void *to, size_t n)
{
	ZSTD_outBuffer out = { to, n, 0 };

	while (out.pos == 0) {
		size_t left;

		if (reader->in.pos == reader->in.size && !reader->has_more) {
			ssize_t got = read_some(reader->fd, reader->data, reader->capacity);

			if (got < 0)
				return got;
			if (got == 0)
				return reader->in_frame ? -EBADMSG : 0;
			reader->in.size = (size_t)got;
			reader->in.pos = 0;
		}
		left = ZSTD_decompressStream(reader->context, &out, &reader->in);
		if (ZSTD_isError(left))
			return -EBADMSG;
		reader->in_frame = left > 0;
		reader->has_more = out.pos == out.size && left > 0;
	}
	return (ssize_t)out.pos;
}

struct zstd_reader *zstd_reader_free(struct zstd_reader *reader)
{
	if (!reader)
		return NULL;
	ZSTD_freeDCtx(reader->context);
	free(reader);
	return NULL;
}
