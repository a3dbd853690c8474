#pragma once
/* A file as one zstd frame. */

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/macro.h"

/* Compresses what `from` holds, from its start, into the new file `to`; on success that is durable and has the time of `from`.
 * -ECANCELED: *stop was set; -ESTALE: `from` did not have the size that it had at first; and then, as after any error, there is
 * no `to`. */
int zstd_file_write(const char *to, int from, const atomic_bool *stop);
/* Bytes that the frame says it holds, -ENODATA: it is no such frame, or does not say. */
int64_t zstd_file_content_size(const char *path);
/* A frame that was written to its end, of that many bytes.  Looks at its blocks' sizes, decompresses nothing. */
bool zstd_file_is_whole(const char *path, uint64_t content_size);

/* Reading one back. */
struct zstd_reader;
int zstd_reader_new(struct zstd_reader **ret, int fd);		/* fd: borrowed */
/* At most n bytes; 0: the end; -EBADMSG: it is damaged or cut off. */
ssize_t zstd_reader_read(struct zstd_reader *reader, void *to, size_t n);
struct zstd_reader *zstd_reader_free(struct zstd_reader *reader);
