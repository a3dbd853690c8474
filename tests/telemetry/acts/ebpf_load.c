/* ebpf_load: a program of eBPF that returns 0. */

#include <linux/bpf.h>

#include "act.h"

int main(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insns = (uintptr_t)code,
				.insn_cnt = sizeof(code) / sizeof(code[0]),
				.license = (uintptr_t) "GPL",
				.prog_name = "telemetry" };

	CALL(bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return 0;
}
