/* See access.h. */

#include "decode/access.h"

#include <sys/sysmacros.h>

#define OPEN_ACCESS 03u
#define OPEN_WRITE 01u
#define MODE_FORMAT 0170000u
#define MODE_CHAR 0020000u
#define MODE_BLOCK 0060000u
#define MODE_FILE 0100000u

struct span access_of_request(uint64_t request)
{
	static const struct {
		uint32_t request;
		struct span access;
	} requests[] = {
		/* linux/ptrace.h; PEEK* and GET* a debugger repeats without end */
		{ 4, { "poke", 4 } },
		{ 5, { "poke", 4 } },
		{ 6, { "poke", 4 } },
		{ 13, { "set registers", 13 } },
		{ 15, { "set registers", 13 } },
		{ 16, { "attach", 6 } },
		{ 0x4205, { "set registers", 13 } },
		{ 0x4206, { "seize", 5 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].request == (uint32_t)request)
			return requests[i].access;
	return (struct span){ NULL, 0 };
}

struct span access_of_call(const char *name)
{
	static const struct {
		struct span call, access;
	} calls[] = {
		{ { "process_vm_readv", 16 }, { "read memory", 11 } },
		{ { "process_vm_writev", 17 }, { "write memory", 12 } },
		{ { "pidfd_getfd", 11 }, { "take descriptor", 15 } },
	};

	for (size_t i = 0; name && i < ARRAY_SIZE(calls); i++)
		if (span_eq(calls[i].call, span_of(name)))
			return calls[i].access;
	return (struct span){ NULL, 0 };
}

void access_set_opened(struct values *values, uint64_t flags)
{
	if ((flags & OPEN_ACCESS) != OPEN_WRITE)
		values_append_list(values, FIELD_changes, SPAN("read memory"));
	if (flags & OPEN_ACCESS)
		values_append_list(values, FIELD_changes, SPAN("write memory"));
}

static struct span next_name(struct span *path)
{
	const char *slash = path->size > 0 ? memchr(path->data, '/', path->size) : NULL;
	struct span name = { path->data, slash ? (size_t)(slash - path->data) : path->size };

	path->data += name.size + (slash != NULL);
	path->size -= name.size + (slash != NULL);
	return name;
}

bool access_is_memory(struct span path, uint32_t *ret_pid)
{
	const struct span proc = SPAN("/proc/");
	uint64_t number = 0;
	struct span name;

	if (!span_starts(path, proc) || !span_ends(path, SPAN("/mem")))
		return false;
	path = (struct span){ path.data + proc.size, path.size - proc.size };
	name = next_name(&path);
	if (!span_eq(name, SPAN("self")) && !span_eq(name, SPAN("thread-self")) &&
	    (span_to_u64(name, &number) < 0 || number == 0 || number > INT32_MAX))
		return false;
	name = next_name(&path);
	if (span_eq(name, SPAN("task"))) {	/* a thread of the same process */
		next_name(&path);
		name = next_name(&path);
	}
	if (path.size > 0 || !span_eq(name, SPAN("mem")))
		return false;
	*ret_pid = (uint32_t)number;
	return true;
}

bool access_is_raw(uint32_t mode, uint64_t device, struct span path)
{
	switch (mode & MODE_FORMAT) {
	case MODE_BLOCK:
		return true;
	case MODE_CHAR:	/* mem, kmem, port (Documentation/admin-guide/devices.txt) */
		return device == makedev(1, 1) || device == makedev(1, 2) || device == makedev(1, 4);
	case MODE_FILE:
		return span_eq(path, SPAN("/proc/kcore"));
	default:
		return false;
	}
}
