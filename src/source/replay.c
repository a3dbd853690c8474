/* Records from a file: audit.log and what looks like it (RAW, ENRICHED, node=, CRLF), plain or compressed
 * with gzip, or our own capture.
 *
 * A record has type 0 and the whole line as its text: what the words in front of `audit(` mean is decode's
 * business (audit_line()). Blank lines and comments (#) are counted and left out; so are lines above 16
 * MiB. A file that ends in the middle of a gzip stream gives all it has, then -EBADMSG. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "source/backend.h"
#include "source/lines.h"

#define BLOCK_BYTES ((size_t)1 << 20)	/* stays in the cache between the kernel's copy and ours */
#define MAX_LINE_BYTES ((size_t)16 << 20)

struct replay_source {
	struct source base;
	int fd;				/* -1: gz owns it */
	gzFile gz;			/* NULL: a plain file */
	struct lines *lines;
	_Atomic uint64_t done_bytes;
	uint64_t total_bytes;
};

static struct replay_source *replay_source(struct source *source)
{
	return (struct replay_source *)(void *)source;
}

static const struct replay_source *replay_source_const(const struct source *source)
{
	return (const struct replay_source *)(const void *)source;
}

static ssize_t read_plain(void *user, char *data, size_t size)
{
	struct replay_source *s = user;
	ssize_t n = read(s->fd, data, MIN(size, BLOCK_BYTES));

	if (n < 0)
		return -errno;
	stat_add(&s->done_bytes, (uint64_t)n);
	return n;
}

static ssize_t read_gz(void *user, char *data, size_t size)
{
	struct replay_source *s = user;
	int n = gzread(s->gz, data, (unsigned)MIN(size, BLOCK_BYTES)), error = Z_OK;
	z_off_t offset;

	if (n <= 0) {
		gzerror(s->gz, &error);
		if (error == Z_ERRNO)
			return errno ? -errno : -EIO;
		if (error == Z_MEM_ERROR)
			return -ENOMEM;
		if (error != Z_OK && error != Z_STREAM_END)
			return -EBADMSG;
		return 0;
	}
	offset = gzoffset(s->gz);
	if (offset > 0)
		atomic_store_explicit(&s->done_bytes, (uint64_t)offset, memory_order_relaxed);
	return n;
}

static bool is_gzip(int fd)
{
	unsigned char magic[2];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && magic[0] == 0x1f && magic[1] == 0x8b;
}

static struct source *replay_free(struct source *source)
{
	struct replay_source *s = replay_source(source);

	if (!s)
		return NULL;
	lines_free(s->lines);
	if (s->gz)
		gzclose(s->gz);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct source, replay_free)

static int replay_open(struct source **ret, const struct source_options *options)
{
	_cleanup_(replay_freep) struct source *source = NULL;
	struct replay_source *s = calloc(1, sizeof(*s));
	struct lines_options lines_options = {
		.block_bytes = BLOCK_BYTES,
		.max_line_bytes = MAX_LINE_BYTES,
		.user = s,
	};
	bool from_stdin = options->path && strcmp(options->path, "-") == 0;
	struct stat stat;
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	source = &s->base;
	if (!options->path)
		return -EINVAL;
	s->fd = from_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			   : open(options->path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &stat) < 0)
		return -errno;
	if (S_ISDIR(stat.st_mode))
		return -EISDIR;
	if (S_ISREG(stat.st_mode))
		s->total_bytes = (uint64_t)stat.st_size;
	/* Of a pipe one cannot read the first bytes twice, so zlib looks, and hands plain text through. */
	if (from_stdin || !S_ISREG(stat.st_mode) || is_gzip(s->fd)) {
		s->gz = gzdopen(s->fd, "rb");
		if (!s->gz)
			return -ENOMEM;
		s->fd = -1;
		gzbuffer(s->gz, 256 << 10);
	} else {
		posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	lines_options.read = s->gz ? read_gz : read_plain;
	r = lines_new(&s->lines, &lines_options);
	if (r < 0)
		return r;
	*ret = TAKE(source);
	return 0;
}

static bool is_blank(struct span line)
{
	size_t i = 0;

	while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	return i == line.size || line.data[i] == '#';
}

static int replay_read(struct source *source, size_t max, record_fn emit, void *user)
{
	struct replay_source *s = replay_source(source);
	uint64_t bytes = 0, skipped = 0;
	struct span line;
	int n = 0, r = 0;

	while ((size_t)n < MAX(max, (size_t)1) && (r = lines_next(s->lines, &line)) > 0) {
		if (unlikely(is_blank(line))) {
			skipped++;
			continue;
		}
		bytes += line.size;
		n++;
		r = emit(user, &(struct record){ .text = line });
		if (r < 0)
			break;
	}
	stat_add(&s->base.stats.records, (uint64_t)n);
	stat_add(&s->base.stats.bytes, bytes);
	stat_add(&s->base.stats.skipped, skipped);
	s->base.stats.too_long = lines_too_long(s->lines);
	if (r < 0)
		return r;
	return n > 0 ? n : -ENODATA;
}

static int replay_fd(const struct source *source)
{
	return -1;
}

static const struct source_stats *replay_stats(struct source *source)
{
	return &source->stats;
}

static const char *replay_mode(const struct source *source)
{
	return "file";
}

void source_replay_progress(const struct source *source, uint64_t *ret_done, uint64_t *ret_total)
{
	const struct replay_source *s = replay_source_const(source);

	*ret_done = atomic_load_explicit(&s->done_bytes, memory_order_relaxed);
	*ret_total = s->total_bytes;
}

const struct source_ops source_replay = {
	.name = "replay",
	.open = replay_open,
	.fd = replay_fd,
	.read = replay_read,
	.stats = replay_stats,
	.mode = replay_mode,
	.free = replay_free,
};
