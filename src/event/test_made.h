#pragma once
/* For tests: records of the kernel's programs (bpf/probe.h), made as those programs make them. */

#include <assert.h>
#include <stdlib.h>

#include "base/macro.h"
#include "event/probe_check.h"

#define MADE_BOOT_NS (5000 * NS_PER_SEC)			/* head.time_ns: since the host booted */
#define MADE_REAL_NS (UINT64_C(1795343338123456789))		/* the same moment since 1970 */
#define MADE_CPU 3u
#define MADE_NUMBER 70u
#define MADE_PID 1234u
#define MADE_TEXT_MAX ((size_t)160 << 10)

struct made {
	struct probe_record *record;	/* in bytes, set by make() */
	size_t size;
	_Alignas(struct probe_record) char bytes[sizeof(struct probe_record) + MADE_TEXT_MAX];
};

/* Every number of the head is another. */
static inline void make(struct made *made, enum probe_type type, enum probe_call_number call)
{
	made->record = (struct probe_record *)(void *)made->bytes;
	made->size = sizeof(*made->record);
	memset(made->bytes, 0, made->size);
	made->record->head = (struct probe_head){
		.time_ns = MADE_BOOT_NS, .start_ns = 4321 * NS_PER_SEC + 5, .number = MADE_NUMBER, .cpu = MADE_CPU,
		.type = (probe_u8)type, .pid = MADE_PID, .tid = 1235, .ppid = 1000, .ns_pid = MADE_PID,
		.uid = 1, .euid = 2, .suid = 3, .fsuid = 4, .gid = 5, .egid = 6, .sgid = 7, .fsgid = 8,
		.auid = 1001, .ses = 9, .name = "worker",
	};
	made->record->call = (probe_u16)call;
	if (type == PROBE_NAME)		/* its root is known: that of the mount 0 */
		made->record->body.call.root.init = 1;
}

/* Text n; texts come in their order.  In pieces: it grows. */
static inline void add_text(struct made *made, unsigned n, struct span text)
{
	for (unsigned i = n + 1; i < PROBE_TEXTS; i++)
		assert(made->record->text_bytes[i] == 0);
	assert(text.size <= sizeof(made->bytes) - made->size && made->record->text_bytes[n] + text.size <= UINT16_MAX);
	memcpy(made->bytes + made->size, text.data, text.size);
	made->size += text.size;
	made->record->text_bytes[n] = (probe_u16)(made->record->text_bytes[n] + text.size);
}

/* A path that the kernel walked: "/a/b" -> "b\0a\0"; a root calls itself "/". */
static inline void add_path(struct made *made, unsigned n, const char *path)
{
	struct span rest = span_of(path);

	if (rest.size == 1)
		add_text(made, n, (struct span){ "/", 2 });
	while (rest.size > 1) {
		const char *slash = memrchr(rest.data, '/', rest.size);
		size_t at = slash ? (size_t)(slash - rest.data) : 0;

		add_text(made, n, (struct span){ rest.data + at + 1, rest.size - at - 1 });
		add_text(made, n, (struct span){ "", 1 });
		rest.size = at;
	}
}

/* What stands in EXEC_SCRIPT: where the process begins, and the name of its script. */
static inline void add_script(struct made *made, struct probe_root root, const char *name)
{
	add_text(made, EXEC_SCRIPT, (struct span){ (const char *)&root, sizeof(root) });
	add_text(made, EXEC_SCRIPT, span_of(name));
}

static inline void cut_text(struct made *made, unsigned n)
{
	made->record->cut |= (probe_u16)(1u << n);
}

static inline struct span made_bytes(const struct made *made)
{
	return (struct span){ made->bytes, made->size };
}

/* A copy with nothing around it, so that the sanitizer sees every byte too many; to be freed. */
static inline struct span made_copy(const struct made *made)
{
	char *copy = malloc(made->size);

	assert(copy);
	memcpy(copy, made->bytes, made->size);
	return (struct span){ copy, made->size };
}
