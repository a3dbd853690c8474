/* Bytes -> execs and pieces, in any order and of any size; what must hold: what comes out is a whole record, no longer than what
 * went in, with no variable in it that is not to be kept. */

#include "source/bpf_exec.h"

#include <stdlib.h>

#include "event/probe_check.h"

/* A record of its own memory: the first byte says of what kind, how long and which lies it tells. */
static struct span next_record(struct span *rest)
{
	size_t size = sizeof(struct probe_record);
	struct probe_record *record;
	uint8_t how = (uint8_t)rest->data[0], most = rest->size > 1 ? (uint8_t)rest->data[1] : 0;
	struct span text = { rest->data + 1, MIN(rest->size - 1, (size_t)most * (how & 0x40 ? 64 : 1)) };

	*rest = (struct span){ text.data + text.size, rest->size - 1 - text.size };
	record = calloc(1, size + text.size);
	if (!record)
		return (struct span){ NULL, 0 };
	record->head.type = how & 1 ? PROBE_MORE : PROBE_EXEC;
	record->head.number = how >> 1 & 1;
	memcpy(record->text, text.data, text.size);
	if (how & 1) {
		record->body.more.is_env = how >> 2 & 1;
		record->text_bytes[0] = (uint16_t)text.size;
	} else {
		size_t env = text.size * (how >> 2 & 3) / 4, path = (text.size - env) / 4;

		record->text_bytes[EXEC_PATH] = (uint16_t)path;
		record->text_bytes[EXEC_ENV] = (uint16_t)env;
		record->text_bytes[EXEC_ARGS] = (uint16_t)(text.size - env - path);
		record->body.exec.env_bytes = (uint32_t)env + (how & 0x10 ? 300 : 0);
		record->body.exec.args_bytes = (uint32_t)(text.size - env - path) + (how & 0x20 ? 300 : 0);
	}
	if (probe_check((struct span){ (char *)record, size + text.size }) < 0)
		abort();
	return (struct span){ (char *)record, size + text.size };
}

static void check(struct span whole, size_t fed)
{
	struct span env;

	if (probe_check(whole) < 0 || whole.size > sizeof(struct probe_record) + fed)
		abort();
	env = probe_text(whole, EXEC_ENV);
	while (env.size > 0) {
		const char *end = memchr(env.data, 0, env.size);

		if (!end)	/* cut off, as it was too long */
			break;
		if (!span_starts(env, SPAN("LD_")) && !span_starts(env, SPAN("GCONV_PATH=")) &&
		    !span_starts(env, SPAN("SSH_CONNECTION=")) && !span_starts(env, SPAN("SUDO_USER=")))
			abort();
		env = (struct span){ end + 1, (size_t)(env.data + env.size - end - 1) };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size }, whole;
	struct bpf_exec exec = { 0 };

	while (rest.size > 0) {
		uint8_t how = (uint8_t)rest.data[0];
		struct span record;
		int r;

		if (how & 0x80 && bpf_exec_end(&exec, &whole) > 0)
			check(whole, size + 1);
		record = next_record(&rest);
		if (!record.data)
			break;
		r = how & 1 ? bpf_exec_piece(&exec, record, &whole) : bpf_exec_begin(&exec, record, &whole);
		free((void *)(uintptr_t)record.data);
		if (r > 0)
			check(whole, size + 1);	/* a NUL more, where the last variable lacks it */
	}
	if (bpf_exec_end(&exec, &whole) > 0)
		check(whole, size + 1);
	bpf_exec_release(&exec);
	return 0;
}
