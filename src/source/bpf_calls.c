/* See bpf_calls.h. */

#include "source/bpf_calls.h"

#include "base/macro.h"
#include "source/call_number.h"

struct probe_line {
	const char *name;
	enum probe_act act;
	enum kind_id kind;
	struct probe_call_plan plan;
};

static const struct probe_line lines[] = {
	[PROBE_CALL_NONE] = { 0 },
#define PROBE_CALL_LINE(call, act, category, action, at, name_arg, at2, name2, value, class)                              \
	[PROBE_CALL_##call] = { #call, PROBE_ACT_##act, KIND_ID(category, action),                                         \
				{ PROBE_ACT_##act, PROBE_CALL_##call, at, name_arg, at2, name2, value,                     \
				  PROBE_CLASS_##class } },
#include "bpf/calls.def"
};

/* An act that looks at what a call moved decides by itself whether somebody wants it. */
static bool act_serves_many(enum probe_act act)
{
	return act == PROBE_ACT_OPEN || act == PROBE_ACT_WRITE || act == PROBE_ACT_CONNECT || act == PROBE_ACT_ACCEPT ||
	       act == PROBE_ACT_SEND || act == PROBE_ACT_RECEIVE || act == PROBE_ACT_READ || act == PROBE_ACT_MAP ||
	       act == PROBE_ACT_CLOSE;
}

void bpf_calls_plan(struct probe_call_plan ret[BPF_PLANS], const bool kinds_wanted[N_KINDS], const bool of_acts[N_PROBE_ACTS])
{
	struct call_machines machines = call_machines();

	memset(ret, 0, BPF_PLANS * sizeof(*ret));
	for (size_t i = 1; i < ARRAY_SIZE(lines); i++) {
		const struct probe_line *line = &lines[i];
		const int numbers[] = { call_number(line->name, machines.native),
					machines.narrow < 0 ? -1 : call_number(line->name, machines.narrow) };

		if (!(act_serves_many(line->act) ? of_acts[line->act] : kinds_wanted[line->kind]))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++)
			if (numbers[k] >= 0 && numbers[k] < PROBE_SYSCALLS)
				ret[k * PROBE_SYSCALLS + (size_t)numbers[k]] = line->plan;
	}
}

uint32_t bpf_calls_wants(const bool kinds_wanted[N_KINDS])
{
	static const struct {
		enum kind_id kind;
		enum probe_want want;
	} table[] = {
		{ KIND_ID(file, create), PROBE_WANT_CREATE },
		{ KIND_ID(file, write), PROBE_WANT_WRITE },
		{ KIND_ID(file, read), PROBE_WANT_READ },
		{ KIND_ID(dns, query), PROBE_WANT_DNS },
		{ KIND_ID(dns, response), PROBE_WANT_DNS },
		{ KIND_ID(image, load), PROBE_WANT_IMAGE },
		{ KIND_ID(security, memory_exec), PROBE_WANT_MEMORY },
		{ KIND_ID(network, send), PROBE_WANT_SEND },
		{ KIND_ID(network, disconnect), PROBE_WANT_DISCONNECT },
		{ KIND_ID(network, connect), PROBE_WANT_CONNECT },
		{ KIND_ID(network, accept), PROBE_WANT_ACCEPT },
		{ KIND_ID(file, rename), PROBE_WANT_RENAME },
		{ KIND_ID(file, delete), PROBE_WANT_DELETE },
		{ KIND_ID(file, link), PROBE_WANT_LINK },
		{ KIND_ID(file, symlink), PROBE_WANT_SYMLINK },
		{ KIND_ID(http, headers), PROBE_WANT_HTTP },
		{ KIND_ID(process, ptrace), PROBE_WANT_ACCESS },
		{ KIND_ID(security, raw_access), PROBE_WANT_RAW },
	};
	uint32_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (kinds_wanted[table[i].kind])
			bits |= table[i].want;
	return bits;
}
