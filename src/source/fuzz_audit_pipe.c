/* Bytes as those of a plugin -> records: audit's alone, but for the gaps that we make of them. */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "source/audit_pipe.h"
#include "source/pipe_queue.h"

static int check(void *user, const struct record *record)
{
	if ((record->type >= RECORD_OWN_FIRST && record->type != RECORD_GAP) || record->text.size == 0 ||
	    memchr(record->text.data, '\n', record->text.size))
		__builtin_trap();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pipe_greeting greeting = { .magic = PIPE_MAGIC, .begin_ns = 1 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct source *source = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/fuzz-audit-pipe-%d", getpid());
	if (fd >= 0 && size > 0 && source_audit_pipe.open(&source, &(struct source_options){ .pipe_path = address.sun_path }) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    (!(data[0] & 1) || write(fd, &greeting, sizeof(greeting)) > 0)) {
		for (size_t at = 1; at < size; at += 1 + data[0] * 16u) {
			(void)!send(fd, data + at, size - at < 1 + data[0] * 16u ? size - at : 1 + data[0] * 16u, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (source_audit_pipe.read(source, 4, check, NULL) < 0)
				__builtin_trap();
		}
		shutdown(fd, SHUT_RDWR);
		for (unsigned i = 0; i < 8; i++)
			source_audit_pipe.read(source, SOURCE_BATCH, check, NULL);
		source_audit_pipe.stop(source);
		source_audit_pipe.read(source, SOURCE_BATCH, check, NULL);
	}
	source_audit_pipe.free(source);
	if (fd >= 0)
		close(fd);
	return 0;
}
