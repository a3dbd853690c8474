#pragma once
/* proc.bin: what was known of the processes when recording ended, for the next start.
 *
 *	recorder processes 1 boot=ID taken=NS bytes=N sha256=HEX
 *
 * and then N bytes, a RECORD_REMEMBERED a line (event/remembered.h).  Written beside and renamed over, 0600. */

#include <stdint.h>

#include "base/buffer.h"

#define PROCESS_FILE_MAX ((size_t)256 << 20)

/* Appends the lines.  0; -ENOENT: there is none; -ESTALE: the host was booted since; -EPROTONOSUPPORT: of a later version; -EBADMSG: it is not whole, or
 * none of ours; -EPERM: somebody else's; another -errno. */
int process_file_read(const char *path, struct span boot_id, struct buffer *lines, uint64_t *ret_taken_ns);
int process_file_write(const char *path, struct span boot_id, uint64_t taken_ns, struct span lines);
