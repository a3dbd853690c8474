/* The eBPF source of a recorder that was built without it. */

#include <errno.h>

#include "event/schema.h"
#include "source/backend.h"
#include "source/bpf.h"

static int none_open(struct source **ret, const struct source_options *options)
{
	return -ENOPKG;
}

void source_bpf_serves(const struct source *source, bool *ret_kinds)
{
	memset(ret_kinds, 0, N_KINDS * sizeof(*ret_kinds));
}

void source_bpf_count(const struct source *source, struct probe_counters *ret)
{
	*ret = (struct probe_counters){ 0 };
}

size_t source_bpf_ring_bytes(const struct source *source)
{
	return 0;
}

int source_bpf_want(struct source *source, const struct source_wants *wants)
{
	return 0;
}

bool source_bpf_must_let_go(const struct source *source)
{
	return false;
}

void source_bpf_let_go(struct source *source, bool all, struct source_untold *ret)
{
	*ret = (struct source_untold){ 0 };
}

void source_bpf_set_write_interval(struct source *source, uint32_t interval_ms)
{
}

const struct source_ops source_bpf = { .name = "ebpf", .open = none_open };
