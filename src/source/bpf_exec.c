/* See bpf_exec.h. */

#include "source/bpf_exec.h"

#include <errno.h>

#define MAX_ENV_VALUE 4096u		/* of a variable that is kept */

/* What changes which code a program runs, and who is behind it. */
static const struct span kept[] = {
	{ "LD_", 3 }, { "GCONV_PATH=", 11 }, { "SSH_CONNECTION=", 15 }, { "SUDO_USER=", 10 },
};

bool bpf_exec_keep_env(struct buffer *to, struct span block)
{
	bool is_whole = true;

	while (block.size > 0) {
		const char *end = memchr(block.data, 0, block.size);
		size_t size = end ? (size_t)(end - block.data) : block.size;
		struct span variable = { block.data, size };

		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			if (span_starts(variable, kept[i])) {
				buffer_append(to, variable.data, MIN(size, MAX_ENV_VALUE));
				buffer_append_byte(to, 0);
				is_whole = is_whole && size <= MAX_ENV_VALUE;
				break;
			}
		size += end != NULL;
		block = (struct span){ block.data + size, block.size - size };
	}
	return is_whole;
}

void bpf_exec_release(struct bpf_exec *exec)
{
	buffer_release(&exec->record);
	buffer_release(&exec->env);
	buffer_release(&exec->args);
	*exec = (struct bpf_exec){ 0 };
}

static int finish(struct bpf_exec *exec, struct span *ret)
{
	size_t env_at = exec->record.size;
	struct probe_record *record;

	exec->is_open = false;
	if (!bpf_exec_keep_env(&exec->record, buffer_span(&exec->env)) || exec->env_left > 0)
		exec->env_cut = true;
	if (exec->args_left > 0)
		exec->args_cut = true;
	if (exec->record.size - env_at > UINT16_MAX) {
		exec->record.size = env_at + UINT16_MAX;
		exec->env_cut = true;
	}
	record = (struct probe_record *)(void *)exec->record.data;
	if (record) {
		record->text_bytes[EXEC_ENV] = (uint16_t)(exec->record.size - env_at);
		record->text_bytes[EXEC_ARGS] = 0;
		record->cut &= (uint16_t) ~(1u << EXEC_ARGS | 1u << EXEC_ENV);
		if (exec->args_cut)
			record->cut |= 1u << EXEC_ARGS;
		if (exec->env_cut)
			record->cut |= 1u << EXEC_ENV;
	}
	buffer_append_span(&exec->record, buffer_span(&exec->args));
	if (buffer_error(&exec->record) < 0 || buffer_error(&exec->env) < 0 || buffer_error(&exec->args) < 0)
		return -ENOMEM;
	*ret = buffer_span(&exec->record);
	return 1;
}

/* How much is left then. */
static uint32_t take(struct buffer *to, struct span piece, uint32_t left)
{
	if (piece.size > left)
		piece.size = left;
	buffer_append_span(to, piece);
	return left - (uint32_t)piece.size;
}

int bpf_exec_begin(struct bpf_exec *exec, struct span bytes, struct span *ret)
{
	const struct probe_record *record = (const struct probe_record *)(const void *)bytes.data;
	struct span env, args;
	size_t at = sizeof(*record);

	for (unsigned i = 0; i < EXEC_ENV; i++)
		at += record->text_bytes[i];
	env = (struct span){ bytes.data + at, record->text_bytes[EXEC_ENV] };
	args = (struct span){ env.data + env.size, bytes.size - at - env.size };
	buffer_clear(&exec->record);
	buffer_clear(&exec->env);
	buffer_clear(&exec->args);
	buffer_append(&exec->record, bytes.data, at);
	exec->env_left = take(&exec->env, env, record->body.exec.env_bytes);
	exec->args_left = take(&exec->args, args, record->body.exec.args_bytes);
	/* Where the beginning could not be read in the kernel no piece makes it whole. */
	exec->env_cut = exec->env_left > 0 && env.size == 0;
	exec->args_cut = exec->args_left > 0 && args.size == 0;
	if (exec->env_cut)
		exec->env_left = 0;
	if (exec->args_cut)
		exec->args_left = 0;
	exec->is_open = exec->env_left > 0 || exec->args_left > 0;
	return exec->is_open ? 0 : finish(exec, ret);
}

/* A piece has the head of its exec.  Both can be lost without the other. */
static bool is_of(const struct bpf_exec *exec, const struct probe_head *piece)
{
	const struct probe_head *head = (const struct probe_head *)(const void *)exec->record.data;

	return exec->is_open && exec->record.size >= sizeof(*head) && piece->number == head->number &&
	       piece->time_ns == head->time_ns && piece->pid == head->pid;
}

int bpf_exec_piece(struct bpf_exec *exec, struct span bytes, struct span *ret)
{
	const struct probe_record *record = (const struct probe_record *)(const void *)bytes.data;
	struct span piece = { record->text, record->text_bytes[0] };
	bool is_env = record->body.more.is_env;

	if (!is_of(exec, &record->head))
		return 0;
	if (is_env)
		exec->env_left = take(&exec->env, piece, exec->env_left);
	else
		exec->args_left = take(&exec->args, piece, exec->args_left);
	/* The pieces of the arguments come last: what the environment lacks then is lost. */
	return exec->args_left > 0 || (is_env && exec->env_left > 0) ? 0 : finish(exec, ret);
}

int bpf_exec_end(struct bpf_exec *exec, struct span *ret)
{
	return exec->is_open ? finish(exec, ret) : 0;
}
